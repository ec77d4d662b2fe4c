"""A data file of any format: its header, and its rows as Arrow batches.

A file is opened for its header and for its rows; a Parquet file of many columns once for some of
them at a time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from common.messages import quoted
from exceptions import DataError
from processing.reading.channels import Channel, DataFile, FileHeader
from processing.reading.csv_file import read_csv_header
from processing.reading.csv_reader import csv_batches
from processing.reading.number_text import is_string
from processing.reading.parquet_reader import parquet_parts, read_parquet_header


def read_header(file: DataFile) -> FileHeader:
    """The header of a file.

    Raises:
        DataError: the file cannot be read, is something else than its name says, or has no header.
    """
    return read_parquet_header(file) if file.file_format == "parquet" else read_csv_header(file)


def read_headers(channel: Channel) -> dict[str, FileHeader]:
    """The header of each file of a channel, by what messages call the file.

    Raises:
        DataError: see `read_header`.
    """
    return {file.label: read_header(file) for file in channel.files}


def read_batches(
    file: DataFile,
    header: FileHeader,
    *,
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    texts: tuple[str, ...],
    rows: tuple[int, int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Stream the needed columns of a file, parsed by a thread that is one batch ahead.

    What the columns hold is the accumulators' business (`accumulators`, `category_text`,
    `number_text`); text is valid UTF-8. A batch need not have all columns: those of a Parquet file
    come some at a time, each with all of its rows.

    Args:
        file: a file that has these columns.
        header: its header.
        numbers: columns that become numbers.
        categories: columns that become categories.
        texts: columns that are kept as text.
        rows: the first row that is wanted and the one after the last, see `share_bounds`; None:
            all. The others are read, too, and their faults found.

    Raises:
        DataError: a damaged file, rows with a wrong number of fields, columns of a type that has no
            number or no text form, text that is not UTF-8. Rows before the fault may have been
            handed out by then.
    """
    if header.rows == 0:
        return
    if file.file_format == "parquet":
        parts = parquet_parts(file, header.schema, numbers, categories, texts)
    else:
        parts = [csv_batches(file, numbers, categories, texts)]
    for batches in parts:
        decoded = _one_ahead(_decoded(file, batches))
        yield from decoded if rows is None else _some_rows(decoded, *rows)


def share_bounds(file: DataFile, header: FileHeader) -> tuple[int, int] | None:
    """The first row of a file's share, and the one after its last; None: all rows.

    A text file has to be read for that: only then is it known how many rows it has.
    """
    number, n_shares = file.share
    if n_shares == 1:
        return None
    rows = header.rows
    if rows is None:
        some_column = header.names[:1]
        batches = read_batches(file, header, numbers=(), categories=(), texts=some_column)
        rows = sum(batch.num_rows for batch in batches)
    return rows * number // n_shares, rows * (number + 1) // n_shares


def _some_rows(
    batches: Iterator[pa.RecordBatch], start: int, stop: int
) -> Iterator[pa.RecordBatch]:
    """The rows from `start` to before `stop`."""
    seen = 0
    for batch in batches:
        first, last = max(start - seen, 0), min(stop - seen, batch.num_rows)
        if first < last:
            yield batch.slice(first, last - first)
        seen += batch.num_rows


def _one_ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Let the next batch be parsed by another thread while this one is stored."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _decoded(file: DataFile, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        yield checked_text(file, batch, rows)
        rows += batch.num_rows


def checked_text(file: DataFile, batch: pa.RecordBatch, rows_before: int) -> pa.RecordBatch:
    """The batch with text that is checked: bytes become text, and no writer is trusted.

    Raises:
        DataError: text that is not UTF-8; `rows_before` rows of the file stand before the batch.
    """
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            columns.append(_valid_text(column))
        except pa.ArrowInvalid:
            row, value = _first_undecodable(column)
            raise DataError(
                f"{file.label}: wanted UTF-8 text, found {quoted(value)} in column "
                f"{quoted(name)}, row {rows_before + row + 1}"
            ) from None
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _valid_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        values = column.dictionary
        if not is_string(values.type):
            return column
        text = _valid_text(values)
        if text is values:
            return column
        return pa.DictionaryArray.from_arrays(column.indices, text, safe=False)
    if not is_string(column.type):
        return column
    text = column
    if column.type not in (pa.string(), pa.large_string()):
        text = column.cast(pa.large_string())
    text.validate(full=True)
    return text


def _first_undecodable(column: pa.Array) -> tuple[int, bytes]:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    for row, value in enumerate(plain.cast(pa.large_binary()).to_pylist()):
        try:
            if value is not None:
                value.decode()
        except UnicodeDecodeError:
            return row, value
    raise AssertionError("Arrow refused bytes that Python decodes")
