"""Rows as bytes: cut where Arrow and Python see rows end, in blocks of any size."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions import DataError
from processing.reading.channels import DataFile, FileHeader
from scoring.batch.blocks import read_blocks, read_header_line
from scoring.batch.raw_lines import read_raw_lines


def data_file(path: Path, content: bytes) -> DataFile:
    """A file of rows, compressed if its name says so."""
    is_gzip = path.suffix == ".gz"
    path.write_bytes(gzip.compress(content) if is_gzip else content)
    return DataFile(path, path.name, "tsv" if ".tsv" in path.suffixes else "csv", is_gzip)


def rows_of(file: DataFile, block_bytes: int) -> list[bytes]:
    """All rows, header included."""
    rows = []
    for lines in read_raw_lines(file, block_bytes):
        found = [text.as_buffer().to_pybytes() for text in lines.texts()]
        assert len(found) == len(lines)
        rows += found
    return rows


CONTENTS = {
    "plain": (b"a,b\n1,2\n3,4\n", [b"a,b", b"1,2", b"3,4"]),
    "no line end at the end": (b"a,b\n1,2", [b"a,b", b"1,2"]),
    "Windows": (b"a,b\r\n1,2\r\n3,4\r\n", [b"a,b", b"1,2", b"3,4"]),
    "old Mac": (b"a,b\r1,2\r3,4", [b"a,b", b"1,2", b"3,4"]),
    "mixed": (b"a,b\r\n1,2\n3,4\r5,6", [b"a,b", b"1,2", b"3,4", b"5,6"]),
    "byte-order mark": (b"\xef\xbb\xbfa,b\n1,2\n", [b"a,b", b"1,2"]),
    "blank lines": (b"\n\na,b\n\n1,2\n\n\n3,4\n\n", [b"a,b", b"1,2", b"3,4"]),
    "quotes": (b'a,b\n"x,\n""y""",2\n"",""\n', [b"a,b", b'"x,\n""y""",2', b'"",""']),
    "quotes in Windows": (b'a\r\n"x\r\ny"\r\nz\r\n', [b"a", b'"x\r\ny"', b"z"]),
    "quotes in plain fields": (
        b'a,b\n5" pipe,1\n6" pipe,"2\n3"\n7,8\n',
        [b"a,b", b'5" pipe,1', b'6" pipe,"2\n3"', b"7,8"],
    ),
    "no UTF-8": (b"a,b\n\xff,2\n", [b"a,b", b"\xff,2"]),
}


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 5, 8, 1000])
@pytest.mark.parametrize("name", CONTENTS)
def test_rows_keep_their_bytes(name: str, block_bytes: int, tmp_path: Path) -> None:
    content, expected = CONTENTS[name]
    assert rows_of(data_file(tmp_path / "rows.csv", content), block_bytes) == expected
    assert rows_of(data_file(tmp_path / "rows.csv.gz", content), block_bytes) == expected


FIELDS = st.text(alphabet='ab,"\n\t é', max_size=6)
TABLES = st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=12)


QUOTING = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=TABLES,
    line_end=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.sampled_from([7, 64, 4096]),
    quoting=QUOTING,
)
def test_whatever_python_writes(
    tmp_path: Path, table: list[list[str]], line_end: str, block_bytes: int, quoting: Any
) -> None:
    """Each row is the very text that was written, and Arrow parses it into its fields."""
    written = []
    for row in [["x", "y"], *table]:
        text = io.StringIO()
        csv.writer(text, lineterminator=line_end, quoting=quoting).writerow(row)
        written.append(text.getvalue().encode())
    file = data_file(tmp_path / "rows.csv", b"".join(written))
    ends = len(line_end)
    assert rows_of(file, block_bytes) == [row[:-ends] for row in written]
    assert read_header_line(file) == (written[0][:-ends], line_end.encode())
    parsed: list[list[str]] = []
    for block in read_blocks(file, FileHeader(("x", "y"), None)):
        columns = block.all_columns()
        parsed += map(list, zip(*(column.to_pylist() for column in columns), strict=True))
    assert parsed == table


@pytest.mark.parametrize("rest", [b'"never closed', b'1,"never\nclosed\n' + b"x\n" * 1000])
def test_a_quote_that_is_never_closed(tmp_path: Path, rest: bytes) -> None:
    file = data_file(tmp_path / "rows.csv", b"a,b\n1,2\n" + rest)
    with pytest.raises(DataError, match="never closed"):
        rows_of(file, 64)


def test_a_row_that_is_too_long(tmp_path: Path) -> None:
    file = data_file(tmp_path / "rows.csv", b"a,b\n1,2\n" + b"x" * (1 << 21))
    with pytest.raises(DataError, match="more than 1048576 characters"):
        rows_of(file, 1 << 16)


def test_a_long_field_beside_quotes_in_plain_fields(tmp_path: Path) -> None:
    """Python's reader takes 131,072 characters by default."""
    rows = [b"a,b", b'5" pipe,1', b"x" * 140_000 + b",2"]
    csv.field_size_limit(131_072)
    content = b"".join(row + b"\n" for row in rows)
    assert rows_of(data_file(tmp_path / "rows.csv", content), 1 << 20) == rows
