"""From files to one table."""

import gzip
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import DataError
from processing.reading.channels import Channel, find_channel_files
from processing.reading.columns import TableColumns
from processing.reading.data_files import read_headers
from processing.reading.row_places import RowPlaces
from processing.reading.tables import read_table

COLUMNS = TableColumns(("y",), ("n", "i"), ("c", "k"), "id", ("n",))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=6)


def _read(channel: Channel) -> tuple[pd.DataFrame, RowPlaces]:
    return read_table(channel, read_headers(channel), COLUMNS)


def _channel(folder: Path, **contents: str) -> Channel:
    for name, content in contents.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8", newline="")
    return find_channel_files("train", folder)


@st.composite
def _tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 30))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    return pd.DataFrame(
        {
            "y": column(st.sampled_from([0, 1])),
            "n": pd.array(column(st.none() | numbers), dtype="Float32"),
            "i": column(st.integers(-1000, 1000)),
            "c": pd.array(column(st.none() | TEXTS), dtype="str"),
            "k": pd.array(column(st.none() | st.integers(0, 9)), dtype="Int64"),
            "id": pd.array(column(TEXTS), dtype="str"),
            "unused": column(st.booleans()),
        }
    )


def _write(table: pd.DataFrame, folder: Path, kind: str, cuts: list[int], reverse: bool) -> Channel:
    folder.mkdir()
    ends = [*sorted(cut for cut in cuts if cut < len(table)), len(table)]
    start = 0
    for shard, end in enumerate(ends):
        part = table.iloc[start:end]
        part = part[part.columns[::-1]] if reverse and shard % 2 else part
        path = folder / f"part-{shard:03d}.{kind}"
        if kind == "parquet":
            # A column of null in one shard, of floats in another, is what writers really do.
            k = part["k"].astype("Float64") if shard % 2 else part["k"]
            pq.write_table(pa.Table.from_pandas(part.assign(k=k), preserve_index=False), path)
        else:
            content = part.to_csv(
                index=False, sep="\t" if "tsv" in kind else ",", lineterminator="\n"
            )
            data = content.encode()
            path.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
        start = end
    return find_channel_files("train", folder)


@settings(deadline=None, max_examples=60)
@given(
    table=_tables(),
    cuts=st.lists(st.integers(0, 30), max_size=3),
    reverse=st.booleans(),
    kind=st.sampled_from(["csv", "tsv", "csv.gz", "tsv.gz", "parquet"]),
)
def test_formats_and_shards_read_to_equal_tables(
    table: pd.DataFrame, cuts: list[int], reverse: bool, kind: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, _ = _read(_write(table, Path(folder, "a"), "parquet", [], False))
        parts, _ = _read(_write(table, Path(folder, "b"), kind, cuts, reverse))
    pd.testing.assert_frame_equal(parts, whole)
    np.testing.assert_array_equal(
        whole["n"].to_numpy(), table["n"].to_numpy(dtype=np.float32, na_value=np.nan)
    )
    assert whole["id"].tolist() == table["id"].tolist()


def test_form_in_memory(tmp_path: Path) -> None:
    channel = _channel(
        tmp_path,
        a="\ufeffid,y,n,i,c,k,extra\n007,0,1.5,1,NA,01,x\n008,1,,2,,1.0,x\n",
        b="k,c,i,n,y,id\n1,b,-1,NA,1.0,009\n",
    )
    table, _ = _read(channel)
    assert list(table) == ["y", "n", "i", "c", "k", "id"]
    assert table["n"].dtype == np.float32
    np.testing.assert_array_equal(table["n"], [1.5, np.nan, np.nan])
    assert table["k"].tolist() == ["01", "1", "1"]
    assert list(table["c"].cat.categories) == ["NA", "b"]
    assert table["y"].tolist() == ["0", "1", "1"]
    assert table["id"].dtype == "str"
    assert table["id"].tolist() == ["007", "008", "009"]


def test_row_numbers_over_all_files_without_id_column(tmp_path: Path) -> None:
    content = "y,n,i,c,k\n0,1,1,a,b\n1,1,1,a,b\n"
    table, _ = _read(_channel(tmp_path, a=content, b=content))
    assert table["id"].dtype == np.int64
    assert table["id"].tolist() == [0, 1, 2, 3]


def test_text_that_is_no_number_is_missing_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    header = "y,n,i,c,k\n"
    channel = _channel(
        tmp_path, a=header + "0,abc,1,a,b\n1, 2 ,x,a,b\n", b=header + "0,?,1,a,b\n1,abc,,a,b\n"
    )
    table, _ = _read(channel)
    np.testing.assert_array_equal(table["n"], [np.nan, 2, np.nan, np.nan])
    assert [record.getMessage() for record in caplog.records] == [
        "train: column 'n': 3 texts are no numbers and count as missing, more than half of 4 "
        "values, for example 'abc', '?'",
        "train: column 'i': 1 texts are no numbers and count as missing, for example 'x'",
    ]


def test_infinite_values_are_named_by_column_file_and_row(tmp_path: Path) -> None:
    header = "y,n,i,c,k\n"
    channel = _channel(
        tmp_path,
        a=header + "0,1,1,a,b\n",
        b=header + "0,1,1e39,a,b\n1,1,1,a,b\n1,-inf,1e999,a,b\n",
    )
    message = (
        r"^channel 'train': wanted finite numbers .*: column 'n' has 1, the first in train/b\.csv, "
        r"row 3; column 'i' has 2, the first in train/b\.csv, row 1$"
    )
    with pytest.raises(DataError, match=message):
        _read(channel)


def test_no_rows_in_the_whole_channel(tmp_path: Path) -> None:
    header = "y,n,i,c,k\n"
    with pytest.raises(DataError, match=r"'train' has no rows, only headers: train/a.csv, train/b"):
        _read(_channel(tmp_path, a=header, b=header.strip()))
    table, _ = _read(_channel(tmp_path, a=header + "0,1,1,a,b\n", b=header))
    assert len(table) == 1


def test_faults_of_columns_and_files_reach_the_caller(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train/a\.csv: columns missing: 'n', 'i', 'c', 'k'"):
        _read(_channel(tmp_path, a="y\n1\n"))
    with pytest.raises(DataError, match=r"train/a\.csv: wanted 5 fields .* row 1 has 2$"):
        _read(_channel(tmp_path, a="y,n,i,c,k\n1,2\n"))


def _wide(folder: Path, n_columns: int) -> tuple[Channel, TableColumns, pa.Table]:
    n_rows = 70_000
    rng = np.random.default_rng(0)
    names = tuple(f"n{number}" for number in range(n_columns))
    numbers = {name: rng.normal(size=n_rows).astype(np.float32) for name in names}
    texts = {
        "id": [f"row {number}" for number in range(n_rows)],
        "c": rng.choice(["a", "b"], n_rows),
    }
    written = pa.table({"id": texts["id"], **numbers, "c": texts["c"]})
    folder.mkdir()
    pq.write_table(written, folder / "x.parquet", row_group_size=40_000)
    return find_channel_files("train", folder), TableColumns((), names, ("c",), "id"), written


@pytest.mark.parametrize("share", [(0, 1), (1, 3)])
def test_all_rows_of_all_columns_of_a_wide_parquet_file(
    tmp_path: Path, share: tuple[int, int]
) -> None:
    channel, columns, written = _wide(tmp_path / "wide", 40)
    channel = replace(channel, files=(replace(channel.files[0], share=share),))
    first, last = (len(written) * number // share[1] for number in (share[0], share[0] + 1))
    df, places = read_table(channel, read_headers(channel), columns)
    for name in written.column_names:
        assert df[name].tolist() == written.column(name).to_pylist()[first:last]
    assert places.place_of(len(df) - 1) == f"train/x.parquet, row {last}"


def test_rows_of_wide_parquet_files_are_counted_once(tmp_path: Path) -> None:
    names = tuple(f"n{number}" for number in range(40))
    for file in ("a", "b"):
        numbers = {name: np.arange(5, dtype=np.float32) for name in names}
        pq.write_table(pa.table(numbers), tmp_path / f"{file}.parquet")
    channel = find_channel_files("train", tmp_path)
    columns = TableColumns((), names, (), "id")
    df, places = read_table(channel, read_headers(channel), columns)
    assert df["id"].tolist() == list(range(10))
    assert places.place_of(5) == "train/b.parquet, row 1"


def _arrow_peak(folder: Path, n_columns: int) -> int:
    """The most that Arrow holds while a table of so many columns is read, in bytes."""
    channel, columns, _ = _wide(folder, n_columns)
    read_table(channel, read_headers(channel), columns)
    return int(pa.default_memory_pool().max_memory())


def test_a_wide_parquet_file_needs_no_more_of_arrow_than_a_narrow_one(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    peaks = []
    for n_columns in (20, 200):
        with ProcessPoolExecutor(1, mp_context=spawn) as fresh:
            peaks.append(fresh.submit(_arrow_peak, tmp_path / str(n_columns), n_columns).result())
    assert peaks[1] < 1.5 * peaks[0]
