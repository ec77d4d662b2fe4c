"""Predictions, metrics and curves of a split -> `<split>.tar.gz`."""

import gzip
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from common.disk_names import from_disk
from processing.writing.atomic import errors_name, written_aside

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_CHUNK_ROWS = 1 << 18
_GZIP_LEVEL = 1  # quick: the digits of probabilities hardly compress further


def prediction_columns(
    id_name: str, task_columns: Sequence[str], *, labelled: bool = True
) -> list[str]:
    """Return the column names of a prediction file, which must all differ."""
    kinds = ("true", "prob") if labelled else ("prob",)
    return [id_name, *(f"{task}_{kind}" for task in task_columns for kind in kinds)]


def write_evaluation(
    archive: Path,
    split: str,
    *,
    ids: "pd.Series[Any] | NDArray[np.integer]",
    id_name: str,
    task_columns: Sequence[str],
    y_prob: NDArray[np.floating],
    data_format: str,
    y_true: Mapping[int, ArrayLike] | None = None,
    metrics: Mapping[str, Any] | None = None,
    plot: Callable[[Path], object] | None = None,
) -> None:
    """Write the evaluation of a split as one archive, whole or not at all.

    The members are `<split>/predictions.<data_format>` and, for rows with labels,
    `<split>/metrics.json` and, in `<split>_metrics/`, what `plot` draws. The same input gives the
    same bytes.

    Args:
        archive: the file to make, `<split>.tar.gz`; its folder exists and has room for the
            predictions uncompressed.
        split: `val` or `test`.
        ids: (n,) text as it was read, or row numbers.
        id_name: name of the id column.
        task_columns: K task names.
        y_prob: (n, K) probabilities. Text holds as many digits as it takes to read the same
            floats again.
        data_format: `csv`, `tsv` or `parquet`, the format of the predictions.
        y_true: task index -> (n,) labels: 0, 1, or NaN (unknown), which becomes an empty field in
            text and null in Parquet; None: there are no labels, and no columns for them.
        metrics: what `metrics.json` holds, no NaN or infinity in it; None: there is none.
        plot: draws the pictures into the folder it is given; None: there are none.

    Raises:
        ValueError: the numbers of rows or tasks differ, or `metrics` holds NaN or infinity.
        OSError: the folder is not writable or the disk is full; no archive is left then.
    """
    labels = [] if y_true is None else [y_true[i] for i in range(len(task_columns))]
    shapes = [np.shape(ids), *map(np.shape, labels)]
    n_rows = y_prob.shape[0]
    if y_prob.shape != (n_rows, len(task_columns)) or set(shapes) != {(n_rows,)}:
        raise ValueError(
            f"ids and labels must have n rows and y_prob shape (n, {len(task_columns)}), "
            f"got shapes {shapes} and {y_prob.shape}"
        )
    # A member's size comes before its content, so the members are files before they are packed.
    with (
        errors_name(archive),
        tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{archive.name}-") as aside,
    ):
        root = Path(aside)
        data, pictures = root / split, root / f"{split}_metrics"
        data.mkdir()
        pictures.mkdir()
        predictions = data / f"predictions.{data_format}"
        columns = prediction_columns(id_name, task_columns, labelled=y_true is not None)
        chunks = _chunks(ids, columns, y_true, y_prob)
        if data_format == "parquet":
            _write_parquet(predictions, chunks)
        else:
            _write_text(predictions, chunks, data_format, pa.array(ids))
        files = [predictions]
        if metrics is not None:
            metrics_file = data / "metrics.json"
            text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
            metrics_file.write_text(f"{text}\n", encoding="utf-8")
            files.append(metrics_file)
        if plot is not None:
            plot(pictures)
            files += sorted(pictures.iterdir())
        with written_aside(archive) as partial_archive:
            _pack(partial_archive, root, files)


def _chunks(
    ids: "pd.Series[Any] | NDArray[np.integer]",
    columns: Sequence[str],
    y_true: Mapping[int, ArrayLike] | None,
    y_prob: NDArray[np.floating],
) -> Iterator[pa.Table]:
    """Yield tables of limited size; the first one is there even if there are no rows."""
    for start in range(0, max(len(ids), 1), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        arrays = [pa.array(ids[rows])]
        for i in range(y_prob.shape[1]):
            if y_true is not None:
                arrays.append(_labels(np.asarray(y_true[i])[rows]))
            arrays.append(pa.array(y_prob[rows, i]))
        yield pa.table(arrays, names=list(columns))


def _labels(labels: NDArray[Any]) -> pa.Array:
    unknown = np.isnan(labels)
    return pa.array(np.where(unknown, 0, labels).astype(np.int8), mask=unknown)


def _write_parquet(file: Path, chunks: Iterator[pa.Table]) -> None:
    first = next(chunks)
    # A dictionary of probabilities would be built, found too large and thrown away.
    labels = [field.name for field in first.schema if pa.types.is_int8(field.type)]
    # Opened by Python, because Arrow takes no path that is not UTF-8.
    with (
        file.open("wb") as sink,
        pq.ParquetWriter(sink, first.schema, use_dictionary=labels) as writer,
    ):
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(chunk)


def _write_text(file: Path, chunks: Iterator[pa.Table], data_format: str, ids: pa.Array) -> None:
    delimiter = _DELIMITERS[data_format]
    id_quoting = _quoting(ids, delimiter)
    with file.open("wb") as sink:
        for i, chunk in enumerate(chunks):
            options = pyarrow.csv.WriteOptions(
                include_header=i == 0,
                delimiter=delimiter,
                quoting_header=_quoting(pa.array(chunk.column_names), delimiter),
                quoting_style=id_quoting,
            )
            pyarrow.csv.write_csv(chunk, sink, options)


def _quoting(values: pa.Array, delimiter: str) -> str:
    """Return the style for pyarrow (26), whose `needed` quotes every text, needed or not."""
    if pa.types.is_integer(values.type):
        return "none"
    special = pc.match_substring_regex(values, f'["\r\n{delimiter}]')
    return "needed" if pc.any(special).as_py() else "none"


def _pack(archive: Path, root: Path, files: Sequence[Path]) -> None:
    """Write files as members named relative to `root`, without times, owners and modes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in files:
            member = tarfile.TarInfo(from_disk(file.relative_to(root)))
            member.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(member, content)
