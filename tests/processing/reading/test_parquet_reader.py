"""Parquet files."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exceptions import DataError
from processing.reading.channels import DataFile, FileHeader
from processing.reading.parquet_reader import (
    all_parquet_batches,
    parquet_parts,
    read_parquet_header,
)


def _file(folder: Path, table: pa.Table, **options: object) -> DataFile:
    path = folder / "x.parquet"
    pq.write_table(table, path, **options)
    return DataFile(path, "train/x.parquet", "parquet", is_gzip=False)


def _batches(file: DataFile, *names: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    (batches,) = parquet_parts(file, read_parquet_header(file).schema, *names)
    return batches


def test_names_rows_and_needed_columns(tmp_path: Path) -> None:
    table = pa.table({"a.b": [1, 2, 3], "a": ["x", "y", "x"], "t": ["0", "1", "2"], "o": [[1]] * 3})
    file = _file(tmp_path, table, row_group_size=2)
    header = read_parquet_header(file)
    assert header == FileHeader(("a.b", "a", "t", "o"), 3, table.schema)
    read = pa.Table.from_batches(_batches(file, ("a.b",), ("a",), ("t",)))
    assert pa.types.is_dictionary(read.schema.field("a").type)
    assert read.select(["a.b", "a", "t"]).to_pydict() == table.drop("o").to_pydict()
    assert "o" not in read.column_names


def test_columns_of_unfit_types_are_all_named(tmp_path: Path) -> None:
    table = pa.table(
        {
            "time": [datetime.datetime(2024, 1, 1)],
            "day": [datetime.date(2024, 1, 1)],
            "fine": [Decimal("1.5")],
            "list": [[1]],
            "struct": [{"a": 1}],
        }
    )
    message = (
        r"^train/x\.parquet: wanted numbers .* found: column 'time' is 'timestamp\[us\]', column "
        r"'day' is 'date32\[day\]', column 'list' is 'list<element: int64>', column 'struct' is "
    )
    with pytest.raises(DataError, match=message):
        list(_batches(_file(tmp_path, table), ("time", "day", "fine"), ("list",), ("struct",)))


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -8])
def test_truncated_file(tmp_path: Path, keep: int) -> None:
    file = _file(tmp_path, pa.table({"a": list(range(1000))}))
    file.path.write_bytes(file.path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"^train/x\.parquet: unreadable, truncated or no Parquet"):
        read_parquet_header(file)


def test_damaged_data(tmp_path: Path) -> None:
    file = _file(tmp_path, pa.table({"a": list(range(1000))}), write_page_checksum=True)
    content = bytearray(file.path.read_bytes())
    content[500] ^= 0xFF
    file.path.write_bytes(content)
    with pytest.raises(DataError, match=r"^train/x\.parquet: unreadable, truncated"):
        list(_batches(file, ("a",), (), ()))


def test_codes_beyond_their_dictionary(tmp_path: Path) -> None:
    file = _file(tmp_path, pa.table({"c": ["a", "b", "c"]}), compression="none")
    content = file.path.read_bytes()
    # The codes 0, 1 and 2 in two bits each, lowest first: 0x24; 3 instead of 2 makes it 0x34.
    codes = b"\x02\x03\x24"
    assert content.count(codes) == 1
    file.path.write_bytes(content.replace(codes, b"\x02\x03\x34"))
    with pytest.raises(DataError, match=r"^train/x\.parquet: unreadable, truncated .*bounds"):
        list(_batches(file, (), ("c",), ()))


def test_all_rows_in_batches_that_are_shorter_the_more_columns_there_are(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(3000)), "b": [str(number) for number in range(3000)]})
    file = _file(tmp_path, table, row_group_size=2000)
    lengths = {}
    for n_columns in (2, 10_000):
        batches = list(all_parquet_batches(file, n_columns))
        assert pa.Table.from_batches(batches) == table
        lengths[n_columns] = max(batch.num_rows for batch in batches)
    assert lengths[10_000] < lengths[2]


def test_a_column_named_like_a_field_of_another_is_read_alone(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": 1}, {"b": 2}], "a.b": [3, 4], "t": ["0", "1"]})
    read = pa.Table.from_batches(_batches(_file(tmp_path, table), ("a.b",), (), ("t",)))
    assert read.to_pydict() == {"a.b": [3, 4], "t": ["0", "1"]}
