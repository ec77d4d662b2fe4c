"""Decodes Parquet bodies, as a process of its own.

    python -m serving.parquet_process       # started by serving.parquet_rows, which talks to it

A few bytes of Parquet can stand for gigabytes: a footer or a page header may claim anything, and
encodings repeat a value as often as they are told to. Arrow has no limit for that, so that this
process has one: what it may not take, it does not get, and the server does not notice.
"""

import io
import json
import resource
import struct
import sys
from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from common.messages import first_line, quoted_list
from processing.reading.category_text import has_dictionaries
from serving.faults import RequestError, TooLargeError, UnreadableError, missing_names
from serving.limits import MAX_PARQUET_BYTES, MAX_RESULT_VALUES, PARQUET_PROCESS_BYTES

LENGTHS = struct.Struct("!QQ")
"""Before each message: the bytes of its head (JSON) and of its content."""


def main() -> None:
    """Answers one message after the other until there is none."""
    resource.setrlimit(resource.RLIMIT_DATA, (PARQUET_PROCESS_BYTES, PARQUET_PROCESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bodies, answers = sys.stdin.buffer, sys.stdout.buffer
    while lengths := bodies.read(LENGTHS.size):
        head_bytes, content_bytes = LENGTHS.unpack(lengths)
        wanted = json.loads(bodies.read(head_bytes))
        body = bodies.read(content_bytes)
        _write_answer(answers, body, wanted["features"], wanted["numerical"])


def _write_answer(
    answers: BinaryIO, body: bytes, features: Sequence[str], numerical: Sequence[str]
) -> None:
    """Writes the columns as an Arrow stream, or the reason why there are none."""
    try:
        head, content = {"status": 200}, decode(body, features, numerical)
    except RequestError as error:
        head, content = {"status": error.status}, str(error).encode(errors="backslashreplace")
    head_text = json.dumps(head).encode()
    answers.write(LENGTHS.pack(len(head_text), len(content)) + head_text)
    answers.write(content)
    answers.flush()


def decode(body: bytes, features: Sequence[str], numerical: Sequence[str]) -> bytes:
    """The features' columns as an Arrow IPC stream of at most one batch.

    Args:
        body: The file's content.
        features: The model's features in order.
        numerical: Those of them that are numbers: they come without dictionaries, because whoever
            reads them on needs each row's value.

    Raises:
        UnreadableError: It is no Parquet, is damaged, or lacks columns.
        TooLargeError: It has too many rows or grows too large.
    """
    try:
        return _stream(_table(body, features, numerical))
    except (MemoryError, pa.ArrowMemoryError):
        raise TooLargeError("the Parquet file grows too large when it is decoded") from None
    except (pa.ArrowException, OSError, UnicodeError, OverflowError) as error:
        raise UnreadableError(
            f"unreadable, truncated or no Parquet file: {first_line(error)}"
        ) from None


def _table(body: bytes, features: Sequence[str], numerical: Sequence[str]) -> pa.Table:
    file = pa.BufferReader(body)
    metadata = pq.read_metadata(file)
    _check_schema(metadata.schema.to_arrow_schema(), features)
    n_rows = metadata.num_rows
    if not 0 <= n_rows <= MAX_RESULT_VALUES:
        raise TooLargeError(f"wanted at most {MAX_RESULT_VALUES} rows, the file says {n_rows}")
    texts = [name for name in features if name not in numerical]
    try:
        # Texts stay what they mostly are in the file: one of each, and numbers in their place.
        table = _read(file, metadata, features, texts)
    except OSError:  # Arrow 26 has not implemented that for delta-encoded texts
        table = _read(file, metadata, features, [])
    if table.num_rows != n_rows:
        raise UnreadableError(
            f"damaged: wanted {n_rows} rows as its footer says, found {table.num_rows}"
        )
    # Arrow believes the file: a dictionary may be pointed at beyond its end, a text be none.
    table.validate(full=True)
    for index, name in enumerate(features):
        kind = table.schema.field(index).type
        if not pa.types.is_dictionary(kind):
            continue
        if name in numerical or not has_dictionaries(kind.value_type):
            table = table.set_column(index, name, table.column(index).cast(kind.value_type))
    return table.unify_dictionaries().combine_chunks()


def _read(
    file: pa.NativeFile,
    metadata: pq.FileMetaData,
    features: Sequence[str],
    dictionaries: list[str],
) -> pa.Table:
    with pq.ParquetFile(
        file,
        metadata=metadata,
        read_dictionary=dictionaries,
        pre_buffer=False,
        page_checksum_verification=True,
    ) as parquet:
        return parquet.read(list(features), use_threads=False).select(list(features))


def _stream(table: pa.Table) -> bytes:
    if table.nbytes > MAX_PARQUET_BYTES:
        raise TooLargeError(
            f"wanted at most {MAX_PARQUET_BYTES} bytes when decoded, found {table.nbytes}"
        )
    content = io.BytesIO()
    with pa.ipc.new_stream(content, table.schema) as stream:
        stream.write_table(table)
    return content.getvalue()


def _check_schema(schema: pa.Schema, features: Sequence[str]) -> None:
    times = Counter(schema.names)
    missing = [name for name in features if not times[name]]
    if missing:
        raise UnreadableError(
            f"columns missing: {missing_names(missing, schema.names)}; found "
            f"{len(schema.names)} columns: {quoted_list(schema.names)}"
        )
    twice = [name for name in features if times[name] > 1]
    if twice:
        raise UnreadableError(f"columns present more than once: {quoted_list(twice)}")
    nested = [name for name in features if pa.types.is_nested(schema.field(name).type)]
    if nested:
        raise UnreadableError(
            f"wanted one value per row, found lists or structs in the columns {quoted_list(nested)}"
        )


if __name__ == "__main__":
    main()
