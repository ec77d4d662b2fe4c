"""The rows of a CSV or TSV file as the bytes that they are written with.

A row that is scored keeps its bytes: they are never taken apart and put together again, which would
lose quotes that were not needed and cost more than all the rest. Where rows end is found without
reading fields, from line ends and quotes alone, as Arrow's reader sees them: a quote counts only at
the start of a field.
"""

import csv
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.csv_faults import check_closed_quotes
from processing.reading.csv_file import DELIMITERS, MAX_ROW_CHARACTERS, open_csv_file

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RawLines:
    """Whole rows of a file.

    Attributes:
        data: their bytes, line ends and blank lines included.
        starts: where each row starts, shape (n,); blank lines are no rows.
        ends: where each row ends, its line end not included, shape (n,).
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.starts)

    def texts(self) -> pa.Array:
        """The rows as n texts without their line ends; the bytes may be no UTF-8."""
        gaps = np.unique(self.starts[1:] - self.ends[:-1])
        if len(self) > 1 and len(gaps) == 1:
            # All rows end alike: they are cut where the next one starts, and then the ends off.
            gap = int(gaps[0])
            offsets = np.append(self.starts, self.ends[-1] + gap).astype(np.int32)
            padded = self.data if offsets[-1] <= len(self.data) else self.data + b"\n" * gap
            with_line_ends = pa.Array.from_buffers(
                pa.binary(), len(self), [None, pa.py_buffer(offsets), pa.py_buffer(padded)]
            )
            rows = pc.binary_slice(with_line_ends, 0, -gap)
        else:
            pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
            rows = pa.array([self.data[start:end] for start, end in pairs], pa.binary())
        return pa.Array.from_buffers(pa.string(), len(rows), rows.buffers(), offset=rows.offset)

    def __getitem__(self, rows: slice) -> "RawLines":
        """Some of the rows, which share the bytes."""
        return RawLines(self.data, self.starts[rows], self.ends[rows])

    def line_end(self) -> bytes:
        """How the first row ends, a newline if it is the end of the file."""
        found = self.data[int(self.ends[0]) :][:2]
        return found if found == b"\r\n" else found[:1] or b"\n"


def read_raw_lines(file: DataFile, block_bytes: int) -> Generator[RawLines, None, None]:
    """Read a file in blocks of whole rows; the first row is the header.

    Args:
        file: a CSV or TSV file.
        block_bytes: about so many bytes are given at once.

    Raises:
        DataError: the file cannot be read, a quote is never closed, a row is too long.
    """
    delimiter = DELIMITERS[file.file_format].encode()
    rest, is_start = b"", True
    with open_csv_file(file) as raw:
        while block := raw.read(block_bytes):
            rest += block
            if is_start and len(rest) < len(_BYTE_ORDER_MARK):
                continue
            if is_start:
                rest, is_start = rest.removeprefix(_BYTE_ORDER_MARK), False
            starts, ends, done = _row_ends(rest, delimiter)
            if len(ends):
                yield RawLines(rest[:done], starts, ends)
            rest = rest[done:]
            if len(rest) > max(MAX_ROW_CHARACTERS, block_bytes):
                check_closed_quotes(file)
                raise DataError(
                    f"{file.label}: a row has more than {MAX_ROW_CHARACTERS} characters (a quote "
                    "that is never closed, or no table?)"
                )
    if rest.strip(b"\r\n"):
        starts, ends, done = _row_ends(rest + b"\n", delimiter)
        if done != len(rest) + 1:
            check_closed_quotes(file)
            raise DataError(
                f"{file.label}: not readable at its end (a quote that is never closed?)"
            )
        yield RawLines(rest, starts, ends)


def _row_ends(data: bytes, delimiter: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Where rows start and end in bytes that start with a row; and how many bytes they take."""
    codes = np.frombuffer(data, dtype=np.uint8)
    is_line_end = codes == _NEWLINE
    if b"\r" in data:
        is_line_end |= codes == _RETURN
    line_ends = np.flatnonzero(is_line_end)
    if b'"' in data:
        quotes = np.flatnonzero(codes == _QUOTE)
        if not _only_around_fields(codes, quotes, delimiter[0]):
            return _row_ends_by_python(data, delimiter)
        # After an odd number of quotes a line end is part of a field.
        line_ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
    starts = np.concatenate([[0], line_ends[:-1] + 1]) if len(line_ends) else line_ends
    is_row = line_ends > starts
    done = int(line_ends[-1]) + 1 if len(line_ends) else 0
    return starts[is_row], line_ends[is_row], done


def _only_around_fields(
    codes: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int
) -> bool:
    """Whether every quote that opens stands at the start of a field, or follows one that closes."""
    opening = quotes[::2]
    before = codes[opening[opening > 0] - 1]
    return bool(np.isin(before, (delimiter, _NEWLINE, _RETURN, _QUOTE)).all())


def _row_ends_by_python(
    data: bytes, delimiter: bytes
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """The same by Python's reader, where quotes stand within plain fields: `5" pipe`."""
    lines = data.decode("latin-1").replace("\r\n", "\n\n").replace("\r", "\n").split("\n")
    last = lines.pop()
    position = 0

    def counted() -> Iterator[str]:
        nonlocal position
        for line in lines:
            position += len(line) + 1
            yield f"{line}\n"

    starts, ends, done = [], [], 0
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    for _ in csv.reader(counted(), delimiter=delimiter.decode()):
        if position - 1 > done:
            starts.append(done)
            ends.append(position - 1)
        done = position
    if starts and _is_open(data[starts[-1] : len(data) - len(last)], delimiter):
        # The last row goes on in the next block.
        done = starts.pop()
        ends.pop()
    return np.array(starts, np.int64), np.array(ends, np.int64), done


def _is_open(row: bytes, delimiter: bytes) -> bool:
    try:
        list(csv.reader([row.decode("latin-1")], delimiter=delimiter.decode(), strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False
