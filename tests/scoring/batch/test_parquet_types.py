"""Parquet files whose columns differ in type: what comes out are the values that went in."""

import datetime
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_steps import run_in_this_process
from trees import TASKS, make_splits

from scoring.batch.common_types import common_type
from scoring.batch.places import BatchPlaces

DAY = datetime.date(2020, 1, 2)
TIME = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)


def features(n_rows: int) -> pa.Table:
    table = make_splits(20)["test"].drop(columns=TASKS)[:n_rows]
    return pa.Table.from_pandas(table, preserve_index=False)


def scored(finished_job: Path, folder: Path, columns: list[pa.Array], **environ: str) -> int:
    """Runs the step on files with a column `more` each, and gives the exit code."""
    rows = folder / "rows"
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir()
    for number, column in enumerate(columns):
        table = features(len(column)).append_column("more", column)
        pq.write_table(table, rows / f"part-{number}.parquet")
    places = BatchPlaces(finished_job / "model", rows, folder / "out")
    return run_in_this_process(places, environ)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (pa.array([1, 2]), pa.array(["007", "010"]), ["1", "2", "007", "010"]),
        (pa.array([1.5, 2.0]), pa.array(["00123"]), ["1.5", "2", "00123"]),
        (pa.array([True, False]), pa.array([5]), ["True", "False", "5"]),
        (pa.array([1.5], pa.float32()), pa.array([123456789.123]), [1.5, 123456789.123]),
        (pa.array([1], pa.int8()), pa.array([2**40]), [1, 2**40]),
        (pa.array([1], pa.uint8()), pa.array([-(2**40)]), [1, -(2**40)]),
        (pa.array([-1]), pa.array([2**63], pa.uint64()), ["-1", str(2**63)]),
        (pa.array([1]), pa.array([1.5]), ["1", "1.5"]),
        (pa.array([DAY]), pa.array([TIME]), ["2020-01-02", "2020-01-02 03:04:05.000006"]),
        (
            pa.array([TIME.replace(microsecond=0)], pa.timestamp("s")),
            pa.array([TIME]),
            [TIME.replace(microsecond=0), TIME],
        ),
        (pa.array([Decimal("1.50")]), pa.array([Decimal("1.239")]), ["1.50", "1.239"]),
        (pa.nulls(2), pa.array(["x"]), [None, None, "x"]),
        (pa.array(["x"]), pa.nulls(1), ["x", None]),
        (pa.array([np.nan, 1.0]), pa.array(["x"]), [None, "1", "x"]),
    ],
    ids=str,
)
def test_values_are_those_of_the_files(
    tmp_path: Path,
    finished_job: Path,
    job_log: pytest.LogCaptureFixture,
    first: pa.Array,
    second: pa.Array,
    expected: list[Any],
) -> None:
    assert scored(finished_job, tmp_path, [first, second]) == 0
    found = pq.read_table(tmp_path / "out" / "predictions.parquet")
    assert found["more"].to_pylist() == expected
    told = "written as text: 'more'" in job_log.text
    assert told == (
        pa.types.is_string(found["more"].type)
        and first.type != second.type
        and not pa.types.is_null(first.type)
        and not pa.types.is_null(second.type)
    )


def test_a_type_of_all_files_is_kept() -> None:
    for kind in (pa.decimal64(9, 2), pa.list_(pa.int8()), pa.dictionary(pa.int8(), pa.string())):
        assert common_type([kind]) == kind


@pytest.mark.parametrize("output_format", ["csv", "json"])
@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal("1.50")], pa.decimal64(9, 2)),
        pa.array([np.float16(0.5)], pa.float16()),
        pa.nulls(1),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16))),
        pa.array([253_402_300_800], pa.int64()).cast(pa.timestamp("s")),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_of_rare_types_are_written_as_text(
    tmp_path: Path, finished_job: Path, column: pa.Array, output_format: str
) -> None:
    assert scored(finished_job, tmp_path, [column], OUTPUT_FORMAT=output_format) == 0
    text = (tmp_path / "out" / f"predictions.{output_format}").read_text()
    expected = ["1.50", "0.5", "10000-01-01 00:00:00", "30313233-3435-3637-3839-616263646566"]
    assert any(value in text for value in expected) or pa.types.is_null(column.type)


@pytest.mark.parametrize("output_format", ["csv", "json"])
def test_bytes_that_are_no_text_are_told(
    tmp_path: Path, finished_job: Path, output_format: str
) -> None:
    assert scored(finished_job, tmp_path, [pa.array([b"\xff"])], OUTPUT_FORMAT=output_format) == 1
    told = (tmp_path / "out" / "_FAILURE").read_text()
    assert "part-0.parquet, rows 1 to 1: column 'more' cannot be written as text" in told
    assert "internal error" not in told
