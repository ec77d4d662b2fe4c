"""Numbers of whatever type a column has, text included."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# What pandas 3.1 reads as missing by default, and nothing (an empty field).
MISSING_MARKERS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip

_NUMBER = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))$"


def number_values(values: pa.Array) -> tuple[NDArray[np.generic], pa.Array | None]:
    """An array's values as numbers, to be cast to float32: what is too large becomes infinite.

    Args:
        values: n values of a type that `is_number_like` admits.

    Returns:
        The numbers, shape (n,), NaN where missing; and the texts that are no number, None if the
        values are no texts.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return number_values(values.dictionary_decode())
    if is_string(kind):
        return numbers_from_text(values.cast(pa.string()))
    if pa.types.is_boolean(kind):
        values = values.cast(pa.uint8())
    elif pa.types.is_decimal(kind) or pa.types.is_null(kind):
        values = values.cast(pa.float64())
    elif kind in (pa.int64(), pa.uint64()):
        # As Arrow itself does where some are null: a value must not depend on its neighbours.
        values = values.cast(pa.float64(), safe=False)
    return values.to_numpy(zero_copy_only=False), None


def is_number_like(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type can be read as numbers: numbers, booleans and text."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_number_like(kind.value_type)
    return bool(
        is_string(kind)
        or types.is_null(kind)
        or types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
    )


def is_string(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text; older writers store text as bytes."""
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
    )


def numbers_from_text(texts: pa.Array) -> tuple[NDArray[np.float32], pa.Array]:
    """Convert texts to numbers.

    A number is a decimal with an optional exponent, or infinity; spaces around it do not count.
    `1_000`, `0x10` and `1,5` are none.

    Args:
        texts: a string array of n values.

    Returns:
        The numbers, shape (n,), NaN where the text is a missing marker or no number, infinite
        beyond the range of float32; and the texts that are no number, repeats included.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    is_missing = pc.is_in(trimmed, value_set=pa.array(MISSING_MARKERS, trimmed.type))
    candidates = pc.if_else(is_missing, None, trimmed)
    try:
        numbers = candidates.cast(pa.float32())
        no_numbers = candidates.slice(0, 0)
    except pa.ArrowInvalid:
        is_number = pc.match_substring_regex(candidates, _NUMBER)
        numbers = pc.if_else(is_number, candidates, None).cast(pa.float32())
        no_numbers = texts.filter(pc.invert(is_number))
    return numbers.to_numpy(zero_copy_only=False), no_numbers
