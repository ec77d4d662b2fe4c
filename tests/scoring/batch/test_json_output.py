"""JSON in the shapes of pandas, written row by row."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from exceptions import UserError
from processing.reading.channels import DataFile
from scoring.batch.blocks import Block
from scoring.batch.json_output import ORIENTS, JsonOutput, check_orient

COLUMNS = {
    "text": pa.array(["a", 'say "hi"', "back\\slash", "two\nlines\x01", None]),
    "whole": pa.array([1, 2, None, 2**53, -5], pa.int64()),
    "float": pa.array([0.1, float("nan"), float("inf"), 1.0, 1e-300]),
    "flag": pa.array([True, False, None, True, True]),
    "day": pa.array([pd.Timestamp("2024-05-17").date()] * 5),
    "list": pa.array([[1, None], [], None, [2], [3]]),
    "parts": pa.array([{"f": [float("nan"), 1.5]}, {"f": [float("-inf")]}, None, {"f": None}, {}]),
    "größe": pa.array(["ß", "東京", "", "\u2028", "\U0001f600"]),
    "number": pa.array(["1.50", "", "NA", "-0", "007"]),
    "coded": pa.array(["x", "y", "x", None, "y"]).dictionary_encode(),
}
EXPECTED: dict[str, list[Any]] = {
    "text": ["a", 'say "hi"', "back\\slash", "two\nlines\x01", None],
    "whole": [1, 2, None, 2**53, -5],
    "float": [0.1, None, None, 1.0, 1e-300],
    "flag": [True, False, None, True, True],
    "day": ["2024-05-17"] * 5,
    "list": [[1, None], [], None, [2], [3]],
    "parts": [{"f": [None, 1.5]}, {"f": [None]}, None, {"f": None}, {"f": None}],
    "größe": ["ß", "東京", "", "\u2028", "\U0001f600"],
    "number": [1.5, None, "NA", 0, "007"],
    "coded": ["x", "y", "x", None, "y"],
    "p": [0.1, 0.2, 0.3, 0.4, 1 / 3],
}


def written(orient: str, n_blocks: int) -> str:
    """The table, written as often as there are blocks."""
    sink = io.BytesIO()
    names = tuple(COLUMNS)
    output = JsonOutput(sink, orient, names, ["p"], {"number"})
    batch = pa.RecordBatch.from_pydict(COLUMNS)
    file = DataFile(Path("x"), "x", "parquet", is_gzip=False)
    for number in range(n_blocks):
        block = Block(file, names, 5 * number, None, batch)
        output.write(output.form(block, {"p": pa.array(EXPECTED["p"])}))
    output.finish()
    return sink.getvalue().decode()


@pytest.mark.parametrize("n_blocks", [1, 3])
@pytest.mark.parametrize("orient", ORIENTS)
def test_the_shape_that_pandas_calls_so(orient: Any, n_blocks: int) -> None:
    frame = pd.DataFrame(
        {name: pd.Series(values * n_blocks, dtype=object) for name, values in EXPECTED.items()}
    )
    text = written(orient, n_blocks)
    assert json.loads(text) == json.loads(frame.to_json(orient=orient, double_precision=15)) or (
        # pandas writes 15 digits at most.
        np.isclose(flat_sum(json.loads(text)), flat_sum(json.loads(frame.to_json(orient=orient))))
    )
    assert '"number":1.50' in text or orient in ("split", "values")
    assert "1.50" in text


def flat_sum(value: Any) -> float:
    """The sum of all numbers in a document, which tells whether they stand there."""
    if isinstance(value, dict):
        return sum(flat_sum(part) for part in value.values())
    if isinstance(value, list):
        return sum(flat_sum(part) for part in value)
    return float(value) if isinstance(value, int | float) else 0.0


def test_probabilities_keep_all_digits() -> None:
    records = json.loads(written("records", 1))
    assert [record["p"] for record in records] == EXPECTED["p"]
    for name, values in EXPECTED.items():
        assert [record[name] for record in records] == values


@pytest.mark.parametrize("orient", ["columns", "table", "lines", ""])
def test_other_orients_are_refused(orient: str) -> None:
    with pytest.raises(UserError, match="JSON_ORIENT"):
        check_orient(orient)
