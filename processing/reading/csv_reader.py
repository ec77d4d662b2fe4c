"""CSV and TSV files as Arrow batches.

A file is streamed in blocks of one megabyte by Arrow's reader, which converts the needed columns
only, straight to their types. Where that fails, the file is read again from its start in a careful
mode, which is slower: every column as bytes and on one thread, so that the reasons can be named by
row. With pyarrow 26 on two cores streaming is as fast as Arrow's reading of the whole file at
once, for half the memory.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pa_csv

from common.messages import first_line, quoted
from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.csv_faults import check_closed_quotes, check_fields
from processing.reading.csv_file import DELIMITERS, open_csv_file, read_header
from processing.reading.number_text import MISSING_MARKERS

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
    names, _ = read_header(file)
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
    _, has_rows = read_header(file)
    if not has_rows:
        return
    rows = 0
    try:
        for batch in _fast_batches(file, numbers, categories, texts):
            rows += batch.num_rows
            yield batch
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        yield from _careful_batches(file, (*numbers, *categories, *texts), rows)


def _fast_batches(
    file: DataFile, numbers: tuple[str, ...], categories: tuple[str, ...], texts: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    types = dict.fromkeys(numbers, pa.float32())
    types |= dict.fromkeys(categories, pa.dictionary(pa.int32(), pa.string()))
    types |= dict.fromkeys(texts, pa.string())
    with open_csv_file(file) as raw:
        counter = _QuoteCounter(raw)
        yield from pa_csv.open_csv(
            counter,
            pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=DELIMITERS[file.file_format], newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=MISSING_MARKERS
            ),
        )
        _check_quotes(file, counter)


def _careful_batches(
    file: DataFile, names: tuple[str, ...], rows_to_skip: int
) -> Iterator[pa.RecordBatch]:
    """All columns as texts, and the faults by row."""
    rows = 0
    with open_csv_file(file) as raw:
        counter = _QuoteCounter(raw)
        try:
            for batch in pa_csv.open_csv(
                counter,
                pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                pa_csv.ParseOptions(
                    delimiter=DELIMITERS[file.file_format], newlines_in_values=True
                ),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()), include_columns=names
                ),
            ):
                decoded = _decode(file, batch, rows)
                rows += batch.num_rows
                yield decoded.slice(max(0, rows_to_skip - rows + batch.num_rows))
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            check_fields(file)
            raise DataError(
                f"{file.label}: not readable after row {rows} (a quote that is never closed, or a "
                f"row of more than {_BLOCK_BYTES} bytes?): {first_line(error)}"
            ) from error
        _check_quotes(file, counter)


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
    # Quotes inside plain fields, such as `5" pipe`, are odd in number as well.
    if counter.quotes % 2:
        check_closed_quotes(file)
