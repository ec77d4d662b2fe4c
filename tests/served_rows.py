"""A data file as the bodies that a server takes, and what comes back of them."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scoring.scorer import Scorer
from serving.handler import input_fn, output_fn, predict_fn

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"


def served(scorer: Scorer, body: bytes, content_type: str) -> NDArray[np.float64]:
    """The probabilities in the answer, (n, K)."""
    answer, _ = output_fn(predict_fn(input_fn(body, content_type), scorer), JSON)
    rows = json.loads(answer)["predictions"]
    return np.array([[row[f"{task}_prob"] for task in scorer.tasks] for row in rows])


def request_bodies(file: Path, features: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Content types and bodies that all hold the rows of a data file."""
    if file.suffix == ".parquet":
        yield PARQUET, file.read_bytes()
        table = pq.read_table(file).select(list(features))
        if all(_is_json(kind) for kind in table.schema.types):
            yield from _json_bodies(table.to_pylist())
        return
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode()
    is_tsv = ".tsv" in file.suffixes
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if is_tsv else ","))
    yield CSV, _csv_body(rows) if is_tsv else text.encode()
    places = [rows[0].index(name) for name in features]
    fields = [[row[place] for place in places] for row in rows[1:]]
    yield "text/csv; header=absent", _csv_body(fields)
    yield from _json_bodies([dict(zip(features, row, strict=True)) for row in fields])


def _is_json(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    )


def _json_bodies(records: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    records = [{name: _json_value(value) for name, value in row.items()} for row in records]
    yield JSON, json.dumps(records, allow_nan=False).encode()
    yield JSON, json.dumps({"instances": records}, ensure_ascii=False, allow_nan=False).encode()
    yield JSON_LINES, "\n".join(json.dumps(row, allow_nan=False) for row in records).encode()


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _csv_body(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
