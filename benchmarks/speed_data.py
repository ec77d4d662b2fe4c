"""Makes the tables of the speed program: seeded, with real signal, written part by part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.speed_tables import ID_NAME, TableSpec
from benchmarks.timing import run_as_program

_SEED = 20240607
_SPLITS = ("train", "val")
_ROWS_PER_PART = 1_000_000
_SAMPLE_ROWS = 100_000
_CATEGORIES = (10, 50, 200, 1000)
_MAIN_SHARE = 0.2
_SUBTASK_SHARE = 0.08

Floats = NDArray[np.float64]


class _Signal:
    """What the labels depend on.

    The main task has interactions, waves and steps, so that trees go on finding splits. The other
    tasks are few steps: they are soon learned, and then overfit, as `adaptive_kd` expects it.
    """

    def __init__(self, spec: TableSpec) -> None:
        rng = np.random.default_rng(_SEED)
        self._spec = spec
        self._effects = [0.5 * rng.normal(size=n) for n in _CATEGORIES[: spec.n_categorical]]
        # Two features of each subtask and where their steps are.
        self._used = rng.integers(0, spec.n_numerical, (spec.n_tasks, 2))
        self._steps = rng.normal(0, 0.5, (spec.n_tasks, 2))
        scores = self._scores(*self.features(np.random.default_rng([_SEED, 0]), _SAMPLE_ROWS))
        noisy = scores + _noise(np.random.default_rng([_SEED, 1]), scores.shape)
        shares = np.full(spec.n_tasks, _SUBTASK_SHARE)
        shares[0] = _MAIN_SHARE
        self._thresholds = np.array(
            [np.quantile(column, 1 - share) for column, share in zip(noisy.T, shares, strict=True)]
        )

    def features(self, rng: np.random.Generator, n_rows: int) -> tuple[Floats, NDArray[np.intp]]:
        """Draws numbers (n, d) and numbers of categories (n, c); some categories are frequent."""
        x = rng.normal(size=(n_rows, self._spec.n_numerical))
        n_values = np.array(_CATEGORIES[: self._spec.n_categorical])
        draws = rng.random((n_rows, len(n_values))) ** 2
        return np.round(x, 4, out=x), (draws * n_values).astype(np.intp)

    def labels(
        self, rng: np.random.Generator, x: Floats, categories: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Draws the labels of all tasks, (n, K)."""
        scores = self._scores(x, categories)
        return np.asarray(scores + _noise(rng, scores.shape) > self._thresholds)

    def _scores(self, x: Floats, categories: NDArray[np.intp]) -> Floats:
        common = 1.5 * ((x[:, 3] > 0.5) & (x[:, 4] < 0.3))
        for effect, category in zip(self._effects, categories.T, strict=True):
            common += effect[category]
        main = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(2 * x[:, 5]) * x[:, 6] + 0.5 * x[:, 7] ** 2
        own = 1.5 * (x[:, self._used[:, 0]] > self._steps[:, 0])
        own -= 1.5 * (x[:, self._used[:, 1]] > self._steps[:, 1])
        own[:, 0] = main
        return np.asarray(own + common[:, None])


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.logistic(size=shape)


def parts(spec: TableSpec, split: str) -> Iterator[pa.Table]:
    """The rows of a split, a million at a time."""
    signal = _Signal(spec)
    n_rows = {"train": spec.rows, "val": spec.valid_rows}[split]
    for number, start in enumerate(range(0, n_rows, _ROWS_PER_PART)):
        rng = np.random.default_rng([_SEED, 2 + _SPLITS.index(split), number])
        stop = min(start + _ROWS_PER_PART, n_rows)
        x, categories = signal.features(rng, stop - start)
        labels = signal.labels(rng, x, categories)
        columns = {ID_NAME: pa.array([f"{row:09d}" for row in range(start, stop)])}
        for i, name in enumerate(spec.numerical):
            mask = rng.random(len(x)) < spec.missing if spec.missing else None
            columns[name] = pa.array(np.ascontiguousarray(x[:, i]), mask=mask)
        for i, name in enumerate(spec.categorical):
            texts = pa.array([f"c{value:04d}" for value in range(_CATEGORIES[i])])
            columns[name] = texts.take(pa.array(categories[:, i]))
        for i, name in enumerate(spec.tasks):
            columns[name] = pa.array(labels[:, i].astype(np.int8))
        yield pa.table(columns)


def write(spec: TableSpec, folder: Path) -> None:
    """Writes both splits below `folder`, one file for each million rows."""
    for split in _SPLITS:
        (folder / split).mkdir(parents=True)
        for number, part in enumerate(parts(spec, split)):
            path = folder / split / f"part-{number:05d}.{spec.file_format}"
            if spec.file_format == "parquet":
                pa.parquet.write_table(part, path)
            else:
                _write_csv(part, path)


def _write_csv(table: pa.Table, path: Path) -> None:
    """Writes text without quotes, as most programs do."""
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        pa.csv.write_csv(table, file, options)


def read_matrix(channel: Path, tasks: list[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """All features (n, d), in C order, and some labels (n, K) of a split of a made table."""
    files = sorted(channel.glob("*.parquet"))
    schema = pa.parquet.read_schema(files[0])
    features = [name for name in schema.names if name.startswith("num_")]
    n_rows = sum(pa.parquet.read_metadata(file).num_rows for file in files)
    x = np.empty((n_rows, len(features)), dtype=np.float32)
    y = np.empty((n_rows, len(tasks)), dtype=np.uint8)
    start = 0
    for file in files:
        table = pa.parquet.read_table(file, columns=[*features, *tasks])
        rows = slice(start, start + len(table))
        for matrix, names in ((x, features), (y, tasks)):
            for i, name in enumerate(names):
                matrix[rows, i] = table[name].to_numpy()
        start = rows.stop
    return x, y


def make(folder: str, **spec: Any) -> None:
    """Writes the table of a `TableSpec`."""
    write(TableSpec(**spec), Path(folder))


if __name__ == "__main__":
    run_as_program(make)
