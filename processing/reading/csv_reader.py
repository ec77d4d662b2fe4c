"""CSV and TSV files as Arrow batches.

A file is streamed in blocks of one megabyte by Arrow's reader, which converts the needed columns
only, straight to their types. Where that fails, the file is read again from its start in a careful
mode, which is slower: every column as bytes and on one thread, so that the reasons can be named by
row. With pyarrow 26 on two cores streaming is as fast as Arrow's reading of the whole file at
once, for half the memory.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from common.messages import first_line
from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.csv_faults import check_closed_quotes, check_fields
from processing.reading.csv_file import DELIMITERS, open_csv_file
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


def csv_batches(
    file: DataFile, numbers: tuple[str, ...], categories: tuple[str, ...], texts: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Stream the needed columns of a CSV or TSV file.

    Args:
        file: a file that has these columns, and rows.
        numbers: columns to be given as float32, or as bytes from the batch on where one of their
            values is no number.
        categories: columns to be given as texts, dictionary-encoded, empty where missing; as bytes
            in a file with any fault.
        texts: columns to be given as plain texts, empty where missing; as bytes in a file with any
            fault.

    Raises:
        DataError: rows with a wrong number of fields, a quote that is never closed, a damaged file.
            Rows before the fault may have been handed out by then.
    """
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
    with open_csv_file(file) as raw:
        counter = _QuoteCounter(raw)
        yield from pa_csv.open_csv(
            counter,
            pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=DELIMITERS[file.file_format], newlines_in_values=True),
            fast_types(numbers, categories, texts),
        )
        _check_quotes(file, counter)


def fast_types(
    numbers: Sequence[str], categories: Sequence[str], texts: Sequence[str]
) -> pa_csv.ConvertOptions:
    """Numbers as float32, which fails where one is none, and text that is checked."""
    types = dict.fromkeys(numbers, pa.float32())
    types |= dict.fromkeys(categories, pa.dictionary(pa.int32(), pa.string()))
    types |= dict.fromkeys(texts, pa.string())
    return pa_csv.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=MISSING_MARKERS
    )


def careful_types(names: Sequence[str]) -> pa_csv.ConvertOptions:
    """Every column as bytes, which never fails."""
    return pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.binary()), include_columns=list(names)
    )


def _careful_batches(
    file: DataFile, names: tuple[str, ...], rows_to_skip: int
) -> Iterator[pa.RecordBatch]:
    """All columns as bytes, and the faults by row."""
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
                careful_types(names),
            ):
                rows += batch.num_rows
                yield batch.slice(max(0, rows_to_skip - rows + batch.num_rows))
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            check_fields(file)
            raise DataError(
                f"{file.label}: not readable after row {rows} (a quote that is never closed, or a "
                f"row of more than {_BLOCK_BYTES} bytes?): {first_line(error)}"
            ) from error
        _check_quotes(file, counter)


def _check_quotes(file: DataFile, counter: _QuoteCounter) -> None:
    # Quotes inside plain fields, such as `5" pipe`, are odd in number as well.
    if counter.quotes % 2:
        check_closed_quotes(file)
