"""A CSV or TSV file as bytes, and its header."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from common.messages import first_line
from exceptions import DataError
from processing.reading.channels import DataFile

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {"csv": ",", "tsv": "\t"}


@contextmanager
def open_csv_file(file: DataFile) -> Iterator[pa.NativeFile]:
    """Open a file for reading, decompressed.

    Raises:
        DataError: for what the system or the decompression refuses, then or later.
    """
    try:
        with pa.input_stream(str(file.path), compression="gzip" if file.is_gzip else None) as raw:
            yield raw
    except (OSError, UnicodeEncodeError) as error:  # the latter for a name that is no UTF-8
        raise DataError(f"{file.label}: unreadable or truncated: {first_line(error)}") from error


def python_reader(file: DataFile, raw: pa.NativeFile, *, strict: bool = False) -> "Reader":
    """Python's reader of the rows, header and blank lines included: slow, but it can be asked.

    Bytes that are not UTF-8 become lone surrogates.
    """
    lines = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
    return csv.reader(lines, delimiter=DELIMITERS[file.file_format], strict=strict)


def read_header(file: DataFile) -> tuple[list[str], bool]:
    """The column names, and whether anything but blank lines follows them.

    Raises:
        DataError: the file cannot be read, has no header, or the header is not UTF-8.
    """
    with open_csv_file(file) as raw:
        rows = (row for row in python_reader(file, raw) if row)
        try:
            names = next(rows, None)
        except csv.Error as error:
            raise DataError(f"{file.label}: no readable header: {error}") from error
        if names is None:
            raise DataError(f"{file.label}: wanted a header with column names, found nothing")
        try:
            "".join(names).encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{file.label}: the header (line 1) is not UTF-8 text") from error
        try:
            has_rows = next(rows, None) is not None
        except csv.Error:
            has_rows = True
    return names, has_rows
