"""A CSV or TSV file as bytes, its header, and its rows as Python reads them."""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from common.messages import first_line
from exceptions import DataError
from processing.reading.channels import DataFile, FileHeader
from processing.reading.file_kinds import SAMPLE_BYTES, foreign_kind

DELIMITERS = {"csv": ",", "tsv": "\t"}
MAX_ROW_CHARACTERS = 1 << 20
"""Longer rows are refused; those that are in files by mistake can be as long as the memory."""

_GZIP_MARK = b"\x1f\x8b"


@contextmanager
def open_csv_file(file: DataFile) -> Iterator[pa.NativeFile]:
    """Open a file for reading, decompressed.

    Raises:
        DataError: for what the system or the decompression refuses, then or later.
    """
    try:
        with pa.OSFile(os.fsencode(file.path)) as plain:
            if not file.is_gzip:
                yield plain
                return
            with pa.CompressedInputStream(plain, "gzip") as decompressed:
                yield decompressed
    except OSError as error:
        if file.is_gzip:
            _check_gzip_mark(file)
        raise DataError(f"{file.label}: unreadable or truncated: {first_line(error)}") from error


def _check_gzip_mark(file: DataFile) -> None:
    try:
        with file.path.open("rb") as plain:
            start = plain.read(SAMPLE_BYTES)
    except OSError:
        return
    if not start.startswith(_GZIP_MARK):
        found = foreign_kind(start) or "something else (text that is not compressed?)"
        raise DataError(f"{file.label}: wanted a gzip file as its name says, found {found}")


class _BoundedLines:
    """The lines of a text, as long as those of one row stay below `MAX_ROW_CHARACTERS`."""

    def __init__(self, file: DataFile, text: io.TextIOWrapper) -> None:
        self._file = file
        self._text = text
        self._characters = 0
        self._line = 0
        self._first_line = 1

    def __iter__(self) -> "_BoundedLines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self._line += 1
        self._characters += len(line)
        if self._characters > MAX_ROW_CHARACTERS:
            raise DataError(
                f"{self._file.label}: the row that starts at line {self._first_line} has more than "
                f"{MAX_ROW_CHARACTERS} characters (a quote that is never closed, or no table?)"
            )
        return line

    def start_row(self) -> None:
        """What comes is a new row."""
        self._characters = 0
        self._first_line = self._line + 1

    def has_more_rows(self) -> bool:
        """Whether any line follows that is not blank."""
        while line := self._text.readline(3):
            if line.strip("\r\n"):
                return True
        return False


def python_rows(
    file: DataFile, raw: pa.NativeFile, *, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The rows as Python reads them, header included: slow, but it can be asked.

    Blank lines are left out. Bytes that are not UTF-8 become lone surrogates.

    Yields:
        The line that the row ends at, from 1, and its fields.

    Raises:
        csv.Error: a row is not readable.
        DataError: a row is too long.
    """
    yield from _rows(file, _lines(file, raw), strict)


def _lines(file: DataFile, raw: io.BufferedReader) -> _BoundedLines:
    text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
    return _BoundedLines(file, text)


def _rows(file: DataFile, lines: _BoundedLines, strict: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=DELIMITERS[file.file_format], strict=strict)
    for row in reader:
        lines.start_row()
        if row:
            yield reader.line_num, row


def read_csv_header(file: DataFile) -> FileHeader:
    """The column names, and whether anything but blank lines follows them.

    Raises:
        DataError: the file cannot be read, is no UTF-8 text, has no header, or a header that is
            too long.
    """
    with open_csv_file(file) as raw:
        buffered = io.BufferedReader(raw, 1 << 16)
        kind = foreign_kind(buffered.peek(SAMPLE_BYTES)[:SAMPLE_BYTES])
        if kind:
            raise DataError(f"{file.label}: wanted text in UTF-8 as its name says, found {kind}")
        lines = _lines(file, buffered)
        try:
            _, names = next(_rows(file, lines, strict=False), (0, []))
        except csv.Error as error:
            raise DataError(f"{file.label}: no readable header: {error}") from error
        if not names:
            raise DataError(f"{file.label}: wanted a header with column names, found nothing")
        try:
            "".join(names).encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{file.label}: the header (line 1) is not UTF-8 text") from error
        return FileHeader(tuple(names), None if lines.has_more_rows() else 0)
