"""Columns that grow batch by batch and are never held twice.

Arrow hands out batches of some thousand rows. Each accumulator takes one column of each batch and
ends with the one array that goes into the DataFrame.
"""

from typing import Generic, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from processing.reading.category_text import categories, coded, texts_of
from processing.reading.no_numbers import NoNumbers
from processing.reading.number_text import number_values

# Batches are put together up to this many rows before their distinct values are looked at.
_ROWS_AT_ONCE = 1 << 18


Item = TypeVar("Item", bound=np.generic)


class GrowingArray(Generic[Item]):
    """A one-dimensional array with room to grow.

    Room that was never written costs no memory: the system provides pages on first use.
    """

    def __init__(self, dtype: type[Item], capacity: int) -> None:
        self._array = np.empty(max(capacity, 1), dtype=dtype)
        self._size = 0

    def append(self, values: NDArray[np.generic]) -> None:
        """Add values, cast to the array's type; what is too large becomes infinite."""
        end = self._size + len(values)
        if end > len(self._array):
            larger = np.empty(max(2 * len(self._array), end), dtype=self._array.dtype)
            larger[: self._size] = self._array[: self._size]
            self._array = larger
        with np.errstate(over="ignore"):
            self._array[self._size : end] = values
        self._size = end

    def filled(self) -> NDArray[Item]:
        """The values so far, a view."""
        return self._array[: self._size]


class NumberColumn:
    """Numbers as float32, NaN where missing.

    Attributes:
        no_numbers: the texts that were no numbers and became missing.
    """

    def __init__(self, capacity: int) -> None:
        self._values = GrowingArray(np.float32, capacity)
        self.no_numbers = NoNumbers()

    def append(self, chunk: pa.Array) -> None:
        """Add one batch's values, of any type that `number_text.is_number_like` admits."""
        numbers, no_numbers = number_values(chunk)
        self._values.append(numbers)
        if no_numbers is not None:
            self.no_numbers.add(no_numbers)

    def values(self) -> NDArray[np.float32]:
        """All values so far, shape (n,)."""
        return self._values.filled()


class CategoryColumn:
    """Categories as codes, with one table of texts for all batches and files."""

    def __init__(self, capacity: int) -> None:
        self._codes = GrowingArray(np.int32, capacity)
        self._code_of_text: dict[str, int] = {}
        self._pending: list[pa.Array] = []
        self._pending_rows = 0

    def append(self, chunk: pa.Array) -> None:
        """Add one batch's values, of any type with a text form."""
        encoded = coded(chunk)
        if self._pending and self._pending[-1].type != encoded.type:
            self._flush()
        self._pending.append(encoded)
        self._pending_rows += len(encoded)
        if self._pending_rows >= _ROWS_AT_ONCE:
            self._flush()

    def values(self) -> pd.Categorical:
        """All values so far, n of them, with sorted categories of dtype `str`."""
        self._flush()
        texts = sorted(self._code_of_text)
        # The last element is what the code -1 of a missing value points at.
        new_code = np.full(len(texts) + 1, -1, dtype=_code_type(len(texts)))
        for code, text in enumerate(texts):
            new_code[self._code_of_text[text]] = code
        codes = new_code[self._codes.filled()]
        return pd.Categorical.from_codes(codes, categories=pd.Index(texts, dtype="str"))

    def _flush(self) -> None:
        if not self._pending:
            return
        chunks = pa.chunked_array(self._pending).unify_dictionaries().chunks
        code_of_index = self._codes_of(chunks[0].dictionary)
        missing = len(code_of_index) - 1
        for chunk in chunks:
            indices = chunk.indices.fill_null(missing) if chunk.null_count else chunk.indices
            self._codes.append(code_of_index[indices.to_numpy(zero_copy_only=False)])
        self._pending, self._pending_rows = [], 0

    def _codes_of(self, distinct: pa.Array) -> NDArray[np.int32]:
        """The code of each distinct value, and of a missing one at the end."""
        codes = np.full(len(distinct) + 1, -1, dtype=np.int32)
        for index, category in enumerate(categories(distinct)):
            if category is not None:
                codes[index] = self._code_of_text.setdefault(category, len(self._code_of_text))
        return codes


class TextColumn:
    """Texts as written, an empty text where missing."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []
        self._pending: list[pa.Array] = []
        self._pending_rows = 0

    def append(self, chunk: pa.Array) -> None:
        """Add one batch's values, of any type with a text form."""
        self._pending.append(texts_of(chunk).fill_null(""))
        self._pending_rows += len(chunk)
        if self._pending_rows >= _ROWS_AT_ONCE:
            self._flush()

    def values(self) -> "pd.Series[str]":
        """All values so far, n of them, of dtype `str`."""
        self._flush()
        texts: pd.Series[str] = pa.chunked_array(self._parts, pa.large_string()).to_pandas()
        return texts

    def _flush(self) -> None:
        if self._pending:
            self._parts.append(pa.concat_arrays(self._pending))
        self._pending, self._pending_rows = [], 0


def _code_type(number_of_categories: int) -> type[np.signedinteger]:
    """The smallest type that holds all codes, which is what pandas would convert them to."""
    for dtype in (np.int8, np.int16):
        if number_of_categories <= np.iinfo(dtype).max:
            return dtype
    return np.int32
