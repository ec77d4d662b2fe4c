"""CSV and TSV files as Arrow batches.

A file is streamed in blocks of one megabyte by Arrow's reader, which converts the needed columns
only, straight to their types. Where that fails, the file is read again from its start in a careful
mode, which is slower: every column as bytes and on one thread, so that the reasons can be named by
row. With pyarrow 26 on two cores streaming is as fast as Arrow's reading of the whole file at
once, for half the memory.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.csv as pa_csv

from exceptions import DataError
from processing.channels import DataFile
from processing.messages import first_line, listed, quoted
from processing.number_text import MISSING_MARKERS

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_BLOCK_BYTES = 1 << 20


class _QuoteCounter:
    """A binary file for Arrow that counts the quotes read from it.

    Arrow takes a quote that is never closed for a field that goes on to the end of the file, and
    says nothing. An odd number of quotes gives it away.
    """

    def __init__(self, raw: pa.NativeFile) -> None:
        self._raw = raw
        self.quotes = 0

    @property
    def closed(self) -> bool:
        return bool(self._raw.closed)

    def read(self, size: int) -> bytes:
        data: bytes = self._raw.read(size)
        self.quotes += data.count(b'"')
        return data

    def close(self) -> None:
        self._raw.close()


def csv_column_names(file: DataFile) -> list[str]:
    """The names in the header of a CSV or TSV file.

    Raises:
        DataError: the file cannot be read, has no header, or the header is not UTF-8.
    """
    names, _ = _read_header(file)
    return names


def csv_batches(
    file: DataFile, numbers: tuple[str, ...], categories: tuple[str, ...], texts: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Stream the needed columns of a CSV or TSV file.

    Args:
        file: a file that has these columns.
        numbers: columns to be given as float32, or as texts in a file where one of their values is
            no number.
        categories: columns to be given as texts, dictionary-encoded or not, empty where missing.
        texts: columns to be given as plain texts, empty where missing.

    Raises:
        DataError: rows with a wrong number of fields, text that is not UTF-8, a quote that is
            never closed, a damaged file. Rows before the fault may have been handed out by then.
    """
    _, has_rows = _read_header(file)
    if not has_rows:
        return
    rows = 0
    try:
        for batch in _fast_batches(file, numbers, categories, texts):
            rows += batch.num_rows
            yield batch
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        yield from _careful_batches(file, (*numbers, *categories, *texts), rows)


@contextmanager
def _open(file: DataFile) -> Iterator[pa.NativeFile]:
    """Open a file for reading; a failure of the system meanwhile is the file's fault."""
    try:
        with pa.input_stream(str(file.path), compression="gzip" if file.is_gzip else None) as raw:
            yield raw
    except OSError as error:
        raise DataError(f"{file.label}: unreadable or truncated: {first_line(error)}") from error


def _read_header(file: DataFile) -> tuple[list[str], bool]:
    """The column names and whether anything follows them."""
    with _open(file) as raw:
        lines = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        rows = (row for row in csv.reader(lines, delimiter=_DELIMITERS[file.file_format]) if row)
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


def _fast_batches(
    file: DataFile, numbers: tuple[str, ...], categories: tuple[str, ...], texts: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    types = dict.fromkeys(numbers, pa.float32())
    types |= dict.fromkeys(categories, pa.dictionary(pa.int32(), pa.string()))
    types |= dict.fromkeys(texts, pa.string())
    with _open(file) as raw:
        counter = _QuoteCounter(raw)
        yield from pa_csv.open_csv(
            counter,
            pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=_DELIMITERS[file.file_format], newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=MISSING_MARKERS
            ),
        )
        _check_quotes(file, counter)


def _careful_batches(
    file: DataFile, names: tuple[str, ...], rows_to_skip: int
) -> Iterator[pa.RecordBatch]:
    """All columns as texts, and the faults by row."""
    invalid_rows: list[pa_csv.InvalidRow] = []

    def note(row: pa_csv.InvalidRow) -> str:
        invalid_rows.append(row)
        return "skip"

    rows = 0
    with _open(file) as raw:
        counter = _QuoteCounter(raw)
        try:
            for batch in pa_csv.open_csv(
                counter,
                pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                pa_csv.ParseOptions(
                    delimiter=_DELIMITERS[file.file_format],
                    newlines_in_values=True,
                    invalid_row_handler=note,
                ),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()), include_columns=names
                ),
            ):
                decoded = _decode(file, batch, rows)
                rows += batch.num_rows
                yield decoded.slice(max(0, rows_to_skip - rows + batch.num_rows))
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise DataError(
                f"{file.label}: not readable after row {rows} (a quote that is never closed, or a "
                f"row of more than {_BLOCK_BYTES} bytes?): {first_line(error)}"
            ) from error
        _check_quotes(file, counter)
    if invalid_rows:
        # Arrow counts the header as row 1.
        found = [f"row {row.number - 1} has {row.actual_columns}" for row in invalid_rows]
        raise DataError(
            f"{file.label}: wanted {invalid_rows[0].expected_columns} fields in every row as in "
            f"the header, found {len(invalid_rows)} rows with another number: {listed(found)}"
        )


def _decode(file: DataFile, batch: pa.RecordBatch, rows_before: int) -> pa.RecordBatch:
    decoded = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            decoded.append(column.cast(pa.string()))
        except pa.ArrowInvalid:
            row, value = _first_undecodable(column)
            raise DataError(
                f"{file.label}: wanted UTF-8 text, found {quoted(value)} in column {quoted(name)}, "
                f"row {rows_before + row + 1}"
            ) from None
    return pa.RecordBatch.from_arrays(decoded, names=batch.schema.names)


def _first_undecodable(column: pa.Array) -> tuple[int, bytes]:
    for row, value in enumerate(column.to_pylist()):
        try:
            value.decode()
        except UnicodeDecodeError:
            return row, value
    raise AssertionError("Arrow refused bytes that Python decodes")


def _check_quotes(file: DataFile, counter: _QuoteCounter) -> None:
    """Tell a quote that is never closed from quotes inside plain fields, such as `5" pipe`.

    Raises:
        DataError: a quoted field goes on to the end of the file, or its quotes do not match.
    """
    if counter.quotes % 2 == 0:
        return
    with _open(file) as raw:
        lines = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(lines, delimiter=_DELIMITERS[file.file_format], strict=True)
        last_line = 0
        try:
            for _ in reader:
                last_line = reader.line_num
        except csv.Error as error:
            raise DataError(
                f"{file.label}: a quote that is never closed, in the row that starts at line "
                f"{last_line + 1}: {error}"
            ) from error
