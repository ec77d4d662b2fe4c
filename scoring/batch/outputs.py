"""What is written: the rows as they came, and beside them what scoring has added."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from common.messages import first_line, listed, quoted
from exceptions import DataError
from processing.reading.category_text import texts_of
from processing.reading.csv_file import DELIMITERS
from scoring.batch.blocks import Block


class Output(ABC):
    """A file of scored rows. `form` may be called by several threads, the others by one."""

    @abstractmethod
    def form(self, block: Block, added: Mapping[str, pa.Array]) -> Any:
        """What is to be written for a block, given the columns that scoring adds to it."""

    @abstractmethod
    def write(self, formed: Any) -> None:
        """Writes what `form` made, block after block in the order of the rows."""

    @abstractmethod
    def finish(self) -> None:
        """Writes what comes at the end."""


class TextOutput(Output):
    """CSV or TSV.

    Rows of a file of the same format and order of columns keep the bytes that they are written
    with, so that quotes, zeros and line ends stay as they are. Others are written anew, in quotes
    where they are needed.
    """

    def __init__(
        self,
        sink: BinaryIO,
        file_format: str,
        names: Sequence[str],
        added_names: Sequence[str],
        header_line: tuple[bytes, bytes] | None,
    ) -> None:
        """Writes the header.

        Args:
            sink: The file.
            file_format: `csv` or `tsv`.
            names: Columns of the rows.
            added_names: Columns that are added.
            header_line: The header of a file of the same format and how its lines end; None: there
                is none, and it is made of `names`.
        """
        self._sink = sink
        self._format = file_format
        self._delimiter = DELIMITERS[file_format]
        self._names = tuple(names)
        line, self._line_end = header_line or (b"", b"\n")
        shown = added_names if line else [*names, *added_names]
        new = self._delimiter.join(
            _quoted(pa.array(shown, pa.string()), self._delimiter).to_pylist()
        )
        sink.write(
            (line + self._delimiter.encode() if line else b"") + new.encode() + self._line_end
        )

    def form(self, block: Block, added: Mapping[str, pa.Array]) -> pa.Buffer:
        """The rows as bytes."""
        if block.file.file_format == self._format and block.names == self._names:
            fields = [block.raw_lines.texts()]
        else:
            columns = zip(self._names, columns_in_order(block, self._names), strict=True)
            fields = []
            for name, column in columns:
                with told_of(block, name):
                    fields.append(_quoted(_as_text(column), self._delimiter))
        fields += [_quoted(_as_text(column), self._delimiter) for column in added.values()]
        # The last field brings the line end with it.
        fields[-1] = pc.binary_join_element_wise(fields[-1], self._line_end.decode(), "")
        return joined(fields, self._delimiter)

    def write(self, formed: pa.Buffer) -> None:
        """Writes some rows."""
        self._sink.write(formed)

    def finish(self) -> None:
        """Nothing comes at the end."""


def columns_in_order(block: Block, names: Sequence[str]) -> list[pa.Array]:
    """All columns of a block, in the order that the output has."""
    columns = block.all_columns()
    if block.names == tuple(names):
        return list(columns.columns)
    return [columns.column(block.names.index(name)) for name in names]


@contextmanager
def told_of(block: Block, column: str) -> Iterator[None]:
    """Says which column of the rows has no text form.

    Raises:
        DataError: bytes that are no UTF-8.
    """
    try:
        yield
    except pa.ArrowInvalid as error:
        last = block.rows_before + len(block)
        raise DataError(
            f"{block.file.label}, rows {block.rows_before + 1} to {last}: "
            f"column {quoted(column)} cannot be written as text ({first_line(error)}): choose "
            "OUTPUT_FORMAT parquet, or leave it out"
        ) from error


def check_text_types(schema: pa.Schema, file_format: str) -> None:
    """Checks that columns of a Parquet file can be written as text.

    Raises:
        DataError: a column is a list or the like.
    """
    unfit = [
        f"column {quoted(field.name)} is {quoted(str(field.type))}"
        for field in schema
        if pa.types.is_nested(field.type)
    ]
    if unfit:
        raise DataError(
            f"OUTPUT_FORMAT is {file_format}, which has plain fields only, but {listed(unfit)}: "
            "choose parquet or json"
        )


def joined(fields: Sequence[pa.Array], separator: str) -> pa.Buffer:
    """The bytes of n rows, their fields joined, one row after the other."""
    rows = pc.binary_join_element_wise(*fields, separator)
    _, offsets, data = rows.buffers()
    # A new array starts at 0 and has no more bytes than its rows.
    return data.slice(0, memoryview(offsets).cast("i")[len(rows)])


def _as_text(column: pa.Array) -> pa.Array:
    """A column as texts, as pandas writes them; empty where it is null or NaN."""
    if pa.types.is_floating(column.type):
        # Shortest texts that read as the same float again.
        column = pc.if_else(pc.is_nan(column), None, column).cast(pa.string())
    return texts_of(column).cast(pa.string()).fill_null("")


def _quoted(texts: pa.Array, delimiter: str) -> pa.Array:
    """Texts in quotes, where one of them needs them."""
    needs = pc.match_substring_regex(texts, f'["\r\n{delimiter}]')
    if not pc.any(needs).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), texts)
