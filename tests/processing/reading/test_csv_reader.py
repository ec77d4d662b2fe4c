"""CSV and TSV files."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.data_files import read_batches, read_header

HEADER = b"a,b,n,t\n"


def _file(folder: Path, content: bytes, name: str = "x.csv") -> DataFile:
    path = folder / name
    path.write_bytes(content)
    file_format = "tsv" if ".tsv" in name else "csv"
    return DataFile(path, f"train/{name}", file_format, name.endswith(".gz"))


def _batches(file: DataFile) -> list[pa.RecordBatch]:
    header = read_header(file)
    return list(read_batches(file, header, numbers=("n",), categories=("b",), texts=("t",)))


def _read(file: DataFile) -> dict[str, list[object]]:
    batches = _batches(file)
    return pa.Table.from_batches(batches).to_pydict() if batches else {}


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("tail", [b"", b"\n", b"\n\n\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_blank_lines_and_byte_order_mark(
    tmp_path: Path, newline: bytes, tail: bytes, start: bytes
) -> None:
    content = start + (HEADER + b"1,x,1.5,007\n\n2,,,NA" + tail).replace(b"\n", newline)
    assert _read(_file(tmp_path, content)) == {"n": [1.5, None], "b": ["x", ""], "t": ["007", "NA"]}


def test_quotes_delimiters_and_newlines_in_fields(tmp_path: Path) -> None:
    content = HEADER + b'1,"x,\n""y""",2,5" pipe\n3,"",4,"\r\n"\n'
    wanted = {"n": [2, 4], "b": ['x,\n"y"', ""], "t": ['5" pipe', "\r\n"]}
    assert _read(_file(tmp_path, content)) == wanted
    tabbed = content.replace(b",", b"\t")
    assert _read(_file(tmp_path, tabbed, "x.tsv"))["b"] == ['x\t\n"y"', ""]
    assert _read(_file(tmp_path, gzip.compress(tabbed), "x.tsv.gz"))["n"] == [2, 4]


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + b"\n\r\n"])
def test_header_only(tmp_path: Path, content: bytes) -> None:
    assert _read(_file(tmp_path, content)) == {}


def test_columns_that_are_not_needed_are_not_looked_at(tmp_path: Path) -> None:
    content = HEADER + b"\xff,x,1,t\n"
    assert _read(_file(tmp_path, content))["n"] == [1]


def test_text_that_is_no_number_is_handed_out_as_text(tmp_path: Path) -> None:
    many = b"1,x,1.5,t\n" * 300_000
    content = HEADER + many + b"1,y,abc,u\n1,,,\n"
    batches = _batches(_file(tmp_path, content))
    assert sum(batch.num_rows for batch in batches) == 300_002
    assert batches[0].column("n").type == pa.float32()
    assert batches[-1].column("n").to_pylist()[-2:] == ["abc", ""]
    assert batches[-1].column("b").to_pylist()[-2:] == ["y", ""]


@pytest.mark.parametrize("rows_before", [0, 150_000])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"1\n1,2,3,4\n1,2,3,4,5\n", "wanted 4 fields .* 2 rows .* row {0} has 1, row {2} has 5$"),
        (b"\xff,2\n1,2,3,4\n", "wanted 4 fields .* 1 rows .* row {0} has 2$"),
        (b"1,2,3,4\n1,2,3,\xff\n", r"wanted UTF-8 text, found b'\\xff' in column 't', row {1}$"),
        (b"1,\xe9t\xe9,x,4\n", "wanted UTF-8 text, .* in column 'b', row {0}$"),
        (b'1,2,3,"4\n1,2,3,4\n', "a quote that is never closed"),
        (b'1,2,3,"4\n' + b"1,2,3,4\n" * 300_000, r"not readable after row [0-9]+ \(a quote that"),
    ],
)  # fmt: skip
def test_faults_are_named_by_row(
    tmp_path: Path, rows_before: int, rows: bytes, message: str
) -> None:
    file = _file(tmp_path, HEADER + b"1,2,3,4\n" * rows_before + rows)
    numbers = [rows_before + 1 + index for index in range(3)]
    with pytest.raises(DataError, match=r"^train/x\.csv: " + message.format(*numbers)):
        _read(file)


def test_unclosed_quote_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the row that starts at line 3"):
        _read(_file(tmp_path, HEADER + b'1,2,3,4\n1,2,3,"4\n1,2,3,4\n'))


def test_many_rows_with_a_wrong_number_of_fields(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found 20 rows .* row 8 has 1 and 12 more$"):
        _read(_file(tmp_path, HEADER + b"1\n" * 20))


@pytest.mark.parametrize("cut", [4, 8, 200])
def test_truncated_gzip(tmp_path: Path, cut: int) -> None:
    lines = b"".join(b"%d,x,%d,t\n" % (row, row * row) for row in range(5000))
    file = _file(tmp_path, gzip.compress(HEADER + lines)[:-cut], "x.csv.gz")
    with pytest.raises(DataError, match=r"^train/x\.csv\.gz: unreadable or truncated: "):
        _read(file)
