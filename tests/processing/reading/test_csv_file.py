"""The header of a CSV file, and the bytes below it."""

import gzip
from pathlib import Path

import pytest

from exceptions import DataError
from processing.reading.channels import DataFile, FileHeader
from processing.reading.csv_file import MAX_ROW_CHARACTERS, read_csv_header

HEADER = b"a,b,n,t\n"


def _file(folder: Path, content: bytes, name: str = "x.csv") -> DataFile:
    path = folder / name
    path.write_bytes(content)
    return DataFile(path, f"train/{name}", "csv", name.endswith(".gz"))


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a,b\n1,2\n", ["a", "b"]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", ["a", "b"]),
        (b'\n"x, ""y""\n[z]",b', ['x, "y"\n[z]', "b"]),
        ("größe,a\n".encode(), ["größe", "a"]),
        (b"a,b\n\xff,2\n", ["a", "b"]),
        (b"a,a\n", ["a", "a"]),
        (b"a\r1\r", ["a"]),
    ],
)
def test_header(tmp_path: Path, content: bytes, names: list[str]) -> None:
    for file in (
        _file(tmp_path, content),
        _file(tmp_path, gzip.compress(content), "x.csv.gz"),
    ):
        assert read_csv_header(file).names == tuple(names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^train/x\.csv: wanted a header with column names, found nothing$"),
        (b"\n\r\n", "wanted a header"),
        (b"a,\xffb\n", r"header \(line 1\) is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "found text in UTF-16"),
        (b'a,"' + b"b" * 200_000, "no readable header"),
        (b"a," + b"b" * MAX_ROW_CHARACTERS, "starts at line 1 has more than 1048576 characters"),
        (b'"a\n",' * (MAX_ROW_CHARACTERS // 4), "starts at line 1 has more than 1048576 charac"),
    ],
)
def test_unreadable_header(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_csv_header(_file(tmp_path, content))


def test_gzip_ending_without_gzip_content(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"wanted a gzip file .*, found something else \(text"):
        read_csv_header(_file(tmp_path, HEADER, "x.csv.gz"))


@pytest.mark.parametrize(
    ("rest", "has_rows"), [(b"", False), (b"\n", False), (b"\n\r\n", False), (b"\n1,2", True)]
)
def test_whether_rows_follow(tmp_path: Path, rest: bytes, has_rows: bool) -> None:
    header = read_csv_header(_file(tmp_path, b"a,b" + rest))
    assert header == FileHeader(("a", "b"), None if has_rows else 0)
