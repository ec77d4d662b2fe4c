"""Data files as blocks of rows that are scored one by one, all columns kept."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.csv as pa_csv

from common.messages import first_line
from exceptions import DataError
from processing.reading.channels import DataFile, FileHeader
from processing.reading.csv_faults import check_fields
from processing.reading.csv_file import DELIMITERS
from processing.reading.csv_reader import careful_types, fast_types
from processing.reading.data_files import checked_text
from processing.reading.parquet_reader import all_parquet_batches
from scoring.batch.raw_lines import RawLines, read_raw_lines

BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes:
        file: the file.
        names: its column names.
        rows_before: how many rows of the file stand before these.
        lines: the rows as they are written, in a CSV or TSV file.
        batch: the rows of a Parquet file, None else.
    """

    file: DataFile
    names: tuple[str, ...]
    rows_before: int
    lines: RawLines | None
    batch: pa.RecordBatch | None

    def __len__(self) -> int:
        """The number of rows."""
        if self.batch is not None:
            return int(self.batch.num_rows)
        return len(self.raw_lines)

    @property
    def raw_lines(self) -> RawLines:
        """The lines of a block that has some."""
        if self.lines is None:
            raise TypeError(f"{self.file.label} has no lines of text")
        return self.lines

    def split(self, most_rows: int) -> "Iterator[Block]":
        """The same rows, at most so many at once."""
        for start in range(0, len(self), most_rows):
            yield replace(
                self,
                rows_before=self.rows_before + start,
                lines=None if self.lines is None else self.lines[start : start + most_rows],
                batch=None if self.batch is None else self.batch.slice(start, most_rows),
            )

    def place_of_row(self, row: int) -> str:
        """What messages call a row of the block."""
        return f"{self.file.label}, row {self.rows_before + row + 1}"

    def columns(self, numbers: Sequence[str], categories: Sequence[str]) -> pa.RecordBatch:
        """The columns that a model needs, in the types that are read fastest.

        Raises:
            DataError: rows with a wrong number of fields, text that is no UTF-8.
        """
        if self.batch is not None:
            names = [*numbers, *categories]
            needed = [self.batch.column(self.names.index(name)) for name in names]
            return checked_text(
                self.file, pa.RecordBatch.from_arrays(needed, names=names), self.rows_before
            )
        try:
            return self._parsed(
                fast_types(self._positions(numbers), self._positions(categories), [])
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            return self._carefully_parsed([*numbers, *categories])

    def all_columns(self) -> pa.RecordBatch:
        """All columns: those of a text file as text.

        Raises:
            DataError: rows with a wrong number of fields, text that is no UTF-8.
        """
        if self.batch is not None:
            return self.batch
        positions = [str(position) for position in range(len(self.names))]
        try:
            return self._parsed(fast_types([], [], positions))
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            return self._carefully_parsed(self.names)

    def _positions(self, names: Sequence[str]) -> list[str]:
        # Arrow knows columns by names, of which a file may have one twice.
        return [str(self.names.index(name)) for name in names]

    def _parsed(self, types: pa_csv.ConvertOptions) -> pa.RecordBatch:
        lines = self.raw_lines
        data = memoryview(lines.data)[int(lines.starts[0]) : int(lines.ends[-1])]
        table = pa_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            pa_csv.ReadOptions(
                column_names=[str(position) for position in range(len(self.names))],
                use_threads=False,
                block_size=len(data) + 1,
            ),
            pa_csv.ParseOptions(
                delimiter=DELIMITERS[self.file.file_format], newlines_in_values=True
            ),
            types,
        )
        if table.num_rows != len(lines):
            raise DataError(
                f"{self.file.label}: rows {self.rows_before + 1} to "
                f"{self.rows_before + len(lines)}: it is not clear where rows end (quotes within "
                "fields?)"
            )
        names = [self.names[int(position)] for position in table.column_names]
        return pa.RecordBatch.from_arrays(
            [column.combine_chunks() for column in table.columns], names=names
        )

    def _carefully_parsed(self, names: Sequence[str]) -> pa.RecordBatch:
        """Columns as text, and what is wrong with them in words."""
        positions = (
            [str(position) for position in range(len(self.names))]
            if names is self.names
            else self._positions(names)
        )
        try:
            batch = self._parsed(careful_types(positions))
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            check_fields(self.file)
            raise DataError(
                f"{self.file.label}: not readable after row {self.rows_before}: {first_line(error)}"
            ) from error
        return checked_text(self.file, batch, self.rows_before)


def read_blocks(file: DataFile, header: FileHeader) -> Iterator[Block]:
    """The rows of a file in order.

    Raises:
        DataError: the file cannot be read.
    """
    rows = 0
    if file.file_format == "parquet":
        for batch in all_parquet_batches(file, len(header.names)):
            yield Block(file, header.names, rows, None, batch)
            rows += batch.num_rows
        return
    for number, lines in enumerate(read_raw_lines(file, BLOCK_BYTES)):
        block = Block(file, header.names, rows, lines[1:] if number == 0 else lines, None)
        if len(block):
            yield block
        rows += len(block)


def read_header_line(file: DataFile) -> tuple[bytes, bytes]:
    """The header of a CSV or TSV file as it is written, and how it ends.

    Raises:
        DataError: the file cannot be read.
    """
    with closing(read_raw_lines(file, BLOCK_BYTES)) as lines:
        first = next(lines)
    return first.data[int(first.starts[0]) : int(first.ends[0])], first.line_end()
