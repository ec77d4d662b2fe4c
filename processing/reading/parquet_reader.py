"""Parquet files as Arrow batches."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from common.messages import first_line, listed, quoted
from exceptions import DataError
from processing.reading.category_text import is_text_like
from processing.reading.channels import DataFile, FileHeader
from processing.reading.file_kinds import SAMPLE_BYTES, foreign_kind
from processing.reading.number_text import is_number_like, is_string

_BATCH_ROWS = 1 << 16
_BATCH_VALUES = 1 << 22
_COLUMNS_AT_ONCE = 16
_BUFFER_BYTES = 1 << 20
_BUFFERS_BYTES = 1 << 25
_MARK = b"PAR1"


def read_parquet_header(file: DataFile) -> FileHeader:
    """The names and types of the top-level columns, and the number of rows, as the footer has them.

    Raises:
        DataError: the file cannot be read.
    """
    with _open(file) as parquet:
        schema = parquet.schema_arrow.remove_metadata()
        return FileHeader(tuple(schema.names), parquet.metadata.num_rows, schema)


def parquet_parts(
    file: DataFile,
    schema: pa.Schema,
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    texts: tuple[str, ...],
) -> list[Iterator[pa.RecordBatch]]:
    """Streams of the needed columns of a Parquet file, in the types that it has.

    Each has all rows of some of the columns: Arrow holds some megabytes for every column that it
    reads at once, which for a thousand columns would be gigabytes.

    Args:
        file: a file that has these columns.
        schema: as its header has it.
        numbers: columns that must hold numbers, booleans or text.
        categories: columns that must have a text form; text is given dictionary-encoded.
        texts: columns that must have a text form.

    Raises:
        DataError: columns of other types, all of them named; a damaged file, when it is read.
    """
    _check_types(file, schema, numbers, (*categories, *texts))
    # Text is dictionary-encoded in the file already, as a rule, and need not be taken apart.
    encoded = [name for name in categories if is_string(schema.field(name).type)]
    columns = [*numbers, *categories, *texts]
    starts = range(0, len(columns), _COLUMNS_AT_ONCE)
    return [_part(file, columns[start : start + _COLUMNS_AT_ONCE], encoded) for start in starts]


def _part(file: DataFile, columns: list[str], encoded: list[str]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a file; `encoded` may name others, too."""
    with _open(file, encoded) as parquet:
        for batch in _whole(file, parquet, parquet.iter_batches(_BATCH_ROWS, columns=columns)):
            # Arrow takes `a.b` for a field of the column `a`, too, if that has such a one.
            yield batch if batch.num_columns == len(columns) else batch.select(columns)


def all_parquet_batches(file: DataFile, n_columns: int) -> Iterator[pa.RecordBatch]:
    """Stream all columns of a Parquet file, in the types that it has.

    The more columns, the fewer rows a batch has, and the less of each column is read ahead.

    Raises:
        DataError: a damaged file.
    """
    batch_rows = max(1 << 10, min(_BATCH_ROWS, _BATCH_VALUES // n_columns))
    buffer_bytes = max(1 << 16, min(_BUFFER_BYTES, _BUFFERS_BYTES // n_columns))
    with _open(file, buffer_bytes=buffer_bytes) as parquet:
        yield from _whole(file, parquet, parquet.iter_batches(batch_rows))


def _whole(
    file: DataFile, parquet: pq.ParquetFile, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The batches, and at the end a check that they were all rows."""
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        _check_codes(batch)
        yield batch
    if rows != parquet.metadata.num_rows:
        raise DataError(
            f"{file.label}: damaged: wanted {parquet.metadata.num_rows} rows as the file's "
            f"footer says, found {rows}"
        )


@contextmanager
def _open(
    file: DataFile, dictionary: list[str] | None = None, buffer_bytes: int = _BUFFER_BYTES
) -> Iterator[pq.ParquetFile]:
    """Open a file for reading; what Arrow refuses meanwhile is the file's fault."""
    try:
        with (
            pa.OSFile(os.fsencode(file.path)) as source,
            pq.ParquetFile(
                source,
                read_dictionary=dictionary,
                # Column chunks can be as large as the file: read them in pieces.
                buffer_size=buffer_bytes,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as parquet,
        ):
            yield parquet
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeError) as error:
        _check_mark(file)
        raise DataError(
            f"{file.label}: unreadable, truncated or no Parquet file: {first_line(error)}"
        ) from error


def _check_mark(file: DataFile) -> None:
    try:
        with file.path.open("rb") as plain:
            start = plain.read(SAMPLE_BYTES)
    except OSError:
        return
    found = foreign_kind(start) or ("text" if _is_text(start) else None)
    if found and not start.startswith(_MARK[: len(start)]):
        raise DataError(f"{file.label}: wanted a Parquet file as its name says, found {found}")


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        # The sample may end within a character.
        return error.start > len(start) - 4
    return all(character.isprintable() or character in "\r\n\t" for character in text)


def _check_codes(batch: pa.RecordBatch) -> None:
    """Check that codes point into their dictionary, which Arrow (26) leaves to its callers."""
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            pa.DictionaryArray.from_arrays(column.indices, column.dictionary)


def _check_types(
    file: DataFile, schema: pa.Schema, numbers: tuple[str, ...], texts: tuple[str, ...]
) -> None:
    problems = [
        f"column {quoted(name)} is {quoted(str(schema.field(name).type))}"
        for names, is_fit in ((numbers, is_number_like), (texts, is_text_like))
        for name in names
        if not is_fit(schema.field(name).type)
    ]
    if problems:
        raise DataError(
            f"{file.label}: wanted numbers in numerical columns and text, numbers, booleans or "
            f"dates in the others, found: {listed(problems)}"
        )
