"""Scored rows as Parquet."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from common.messages import first_line
from exceptions import DataError
from processing.reading.category_text import texts_of
from processing.reading.number_text import is_string
from scoring.batch.blocks import Block
from scoring.batch.outputs import Output, columns_in_order

# So many blocks make a row group, which readers take as a whole.
_BLOCKS_PER_GROUP = 4


class ParquetOutput(Output):
    """Columns in the types that they have in a Parquet file; those of text files are text."""

    def __init__(self, sink: BinaryIO, schema: pa.Schema, added: pa.Schema) -> None:
        """Writes what comes before the first row.

        Args:
            sink: The file.
            schema: Columns of the rows.
            added: Columns that are added.
        """
        self._schema = schema
        self._whole = pa.schema([*schema, *added])
        # A dictionary of probabilities would be built, found too large and thrown away.
        encoded = [field.name for field in self._whole if not pa.types.is_float64(field.type)]
        self._writer = pq.ParquetWriter(sink, self._whole, use_dictionary=encoded)
        self._pending: list[pa.RecordBatch] = []

    def form(self, block: Block, added: Mapping[str, pa.Array]) -> pa.RecordBatch:
        """The rows as a batch."""
        columns = columns_in_order(block, self._schema.names)
        try:
            columns = [
                _as_type(column, field.type)
                for column, field in zip(columns, self._schema, strict=True)
            ]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{block.file.label}: its columns do not have the types of the other files, and "
                f"cannot be converted: {first_line(error)}; OUTPUT_FORMAT csv takes them as text"
            ) from error
        return pa.RecordBatch.from_arrays([*columns, *added.values()], schema=self._whole)

    def write(self, formed: pa.RecordBatch) -> None:
        """Writes some rows."""
        self._pending.append(formed)
        if len(self._pending) == _BLOCKS_PER_GROUP:
            self._flush()

    def finish(self) -> None:
        """Writes the rest and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._pending:
            self._writer.write_table(pa.Table.from_batches(self._pending, self._whole))
            self._pending = []


def _as_type(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if is_string(kind) and not is_string(column.type):
        # As in a CSV file, which is not how Arrow writes dates and whole floats.
        column = texts_of(column)
    return column.cast(kind)


def text_schema(names: Sequence[str]) -> pa.Schema:
    """The types of the columns of a CSV or TSV file."""
    return pa.schema([(name, pa.string()) for name in names])
