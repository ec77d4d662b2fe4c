"""The reasons why a CSV file is refused."""

from pathlib import Path

import pytest

from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.csv_faults import check_closed_quotes, check_fields


def _file(folder: Path, content: bytes) -> DataFile:
    path = folder / "x.csv"
    path.write_bytes(content)
    return DataFile(path, "train/x.csv", "csv", is_gzip=False)


def test_a_sound_file_passes(tmp_path: Path) -> None:
    file = _file(tmp_path, b'a,b\n\n1,5" pipe\n"x\n""y""",\xff\n')
    check_fields(file)
    check_closed_quotes(file)


def test_rows_are_counted_without_header_and_blank_lines(tmp_path: Path) -> None:
    file = _file(tmp_path, b'a,b\n1,"x\ny"\n\n3\n\xff\xfe\n4,5,6\n' + b"1\n" * 10)
    message = r"^train/x\.csv: wanted 2 fields .* 13 rows .*: row 2 has 1, row 3 has 1, row 4 has 3"
    with pytest.raises(DataError, match=message):
        check_fields(file)


def test_a_field_without_end(tmp_path: Path) -> None:
    file = _file(tmp_path, b'a,b\n1,2\n1,"' + b"1,2\n" * 100_000)
    with pytest.raises(DataError, match=r"not readable after row 1 \(a quote that is never closed"):
        check_fields(file)
    with pytest.raises(DataError, match="the row that starts at line 3"):
        check_closed_quotes(file)
