"""Scored rows as JSON, in the shapes that pandas calls `orient`, as far as they can be streamed."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from exceptions import UserError
from processing.reading.category_text import texts_of
from processing.reading.number_text import is_string
from scoring.batch.blocks import Block
from scoring.batch.outputs import Output, columns_in_order, joined, told_of

ORIENTS = ("records", "split", "index", "values")
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def check_orient(orient: str) -> None:
    """Checks that an orient can be written row by row.

    Raises:
        UserError: it is another one, or none.
    """
    if orient in ("columns", "table"):
        raise UserError(
            f"JSON_ORIENT {orient} puts a whole column, or its type, before the next, which cannot "
            f"be written row by row: choose {', '.join(ORIENTS)}"
        )
    if orient not in ORIENTS:
        raise UserError(f"JSON_ORIENT must be one of {', '.join(ORIENTS)}, found {orient[:60]!r}")


class JsonOutput(Output):
    """A list of records, or of values; or an object by row number; or columns and data.

    Text stays text, but for the columns that hold numbers, of which the model knows that: what is
    a number there is written as one, with the digits that it has, and what is empty as null.
    """

    def __init__(
        self,
        sink: BinaryIO,
        orient: str,
        names: Sequence[str],
        added_names: Sequence[str],
        numbers: Collection[str],
    ) -> None:
        """Writes what stands before the first row.

        Args:
            sink: The file.
            orient: One of `ORIENTS`.
            names: Columns of the rows, all different.
            added_names: Columns that are added.
            numbers: Columns of text that hold numbers.
        """
        self._sink = sink
        self._orient = orient
        self._names = tuple(names)
        self._numbers = frozenset(numbers)
        self._rows = 0
        columns = json.dumps([*names, *added_names], ensure_ascii=False)
        starts = {"split": f'{{"columns":{columns},"data":[', "index": "{"}
        sink.write(starts.get(orient, "[").encode())

    def form(self, block: Block, added: Mapping[str, pa.Array]) -> tuple[int, pa.Array]:
        """The number of rows, and the rows."""
        by_name = dict(zip(self._names, columns_in_order(block, self._names), strict=True))
        by_name |= added
        fields = []
        for name, column in by_name.items():
            with told_of(block, name):
                text = _json_texts(column, as_numbers=name in self._numbers)
            if self._orient in ("records", "index"):
                key = json.dumps(name, ensure_ascii=False) + ":"
                text = pc.binary_join_element_wise(key, text, "")
            fields.append(text)
        is_object = self._orient in ("records", "index")
        fields[0] = pc.binary_join_element_wise("{" if is_object else "[", fields[0], "")
        fields[-1] = pc.binary_join_element_wise(fields[-1], "}" if is_object else "]", "")
        return len(block), pc.binary_join_element_wise(*fields, ",")

    def write(self, formed: tuple[int, pa.Array]) -> None:
        """Writes some rows."""
        n_rows, rows = formed
        before = [",\n"] * n_rows
        if self._rows == 0:
            before[0] = "\n"
        parts = [pa.array(before)]
        if self._orient == "index":
            numbers = pa.array(range(self._rows, self._rows + n_rows)).cast(pa.string())
            parts.append(pc.binary_join_element_wise('"', numbers, '":', ""))
        self._sink.write(joined([*parts, rows], ""))
        self._rows += n_rows

    def finish(self) -> None:
        """Writes what stands after the last row."""
        if self._orient == "split":
            self._sink.write(b'\n],"index":[')
            step = 1 << 16
            for start in range(0, self._rows, step):
                numbers = ",".join(map(str, range(start, min(start + step, self._rows))))
                self._sink.write(f"{',' if start else ''}{numbers}".encode())
            self._sink.write(b"]}\n")
        else:
            self._sink.write(b"\n}\n" if self._orient == "index" else b"\n]\n")


def _json_texts(column: pa.Array, *, as_numbers: bool) -> pa.Array:
    """Every value as JSON, shape (n,)."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _json_texts(column.dictionary_decode(), as_numbers=as_numbers)
    if pa.types.is_nested(kind):
        values = [
            json.dumps(_finite(value), ensure_ascii=False, default=str)
            for value in column.to_pylist()
        ]
        return pa.array(values, pa.string())
    if pa.types.is_floating(kind):
        texts = pc.if_else(pc.is_finite(column), column, None).cast(pa.string())
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        texts = column.cast(pa.string())
    elif is_string(kind) and as_numbers:
        written = column.cast(pa.string())
        is_number = pc.match_substring_regex(written, _NUMBER)
        is_missing = pc.equal(written, "")
        texts = pc.if_else(is_missing, None, pc.if_else(is_number, written, _strings(written)))
    else:
        texts = _strings(texts_of(column).cast(pa.string()))
    return texts.fill_null("null")


def _finite(value: object) -> object:
    """A value with null in place of what JSON has no number for, at any depth."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _strings(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings."""
    if pc.any(pc.match_substring_regex(texts, r"[\x00-\x1f]")).as_py():
        values = [
            None if text is None else json.dumps(text, ensure_ascii=False)
            for text in texts.to_pylist()
        ]
        return pa.array(values, pa.string())
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', escaped, '"', "")
