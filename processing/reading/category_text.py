"""The one text form that a category has in every file format and split.

Whole numbers are written without a fraction, whatever they were stored as: the integer 1, the
float 1.0 and the texts `1` and `1.0` are the category `1`. A date at midnight is written as the
date. All other text stays as it is: `01`, `1.50`, ` a`, `NA`. Only an empty text, null and NaN are
missing. Values that are no text in Parquet get the form that pandas gives them in a CSV file.
"""

import datetime
import decimal
import re

import pyarrow as pa

from processing.reading.number_text import is_number_like, is_string

_WHOLE_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)\.0+")
# From here on Python and pandas write floats with an exponent.
_EXPONENT_FORM = 1e16
_MIDNIGHT = " 00:00:00"
_DATE_AT_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00")


def category_of_text(text: str) -> str | None:
    """The category that a text stands for, None if it is missing."""
    if text.endswith("0"):
        whole_number = _WHOLE_NUMBER.fullmatch(text)
        if whole_number:
            sign, digits = whole_number.groups()
            return digits if digits == "0" else sign + digits
        date = _DATE_AT_MIDNIGHT.fullmatch(text)
        if date:
            return date[1]
    return text or None


def categories(values: pa.Array) -> list[str | None]:
    """The category of each of an array's values, None where it is missing.

    Args:
        values: an array of a type that `is_text_like` admits, but for dictionaries.
    """
    return [None if text is None else category_of_text(text) for text in value_texts(values)]


def value_texts(values: pa.Array) -> list[str | None]:
    """The texts of an array's values, None for null and NaN.

    Texts are unaltered. Meant for the distinct values of a column: one Python object each.

    Args:
        values: an array of a type that `is_text_like` admits.
    """
    if pa.types.is_floating(values.type):
        # NumPy scalars, because the shortest text of a float32 is not that of its float64.
        return [_float_text(value) for value in values.to_numpy(zero_copy_only=False)]
    if is_string(values.type):
        texts: list[str | None] = values.cast(pa.large_string()).to_pylist()
        return texts
    try:
        plain = values.to_pylist()
    except (OverflowError, ValueError):
        plain = [_plain_value(value) for value in values]
    return [None if value is None else _plain_text(value) for value in plain]


def texts_of(values: pa.Array) -> pa.Array:
    """An array's values as texts, unaltered where they are texts; null and NaN are null."""
    if is_string(values.type) or pa.types.is_integer(values.type) or pa.types.is_null(values.type):
        return values.cast(pa.large_string())
    if pa.types.is_dictionary(values.type):
        return texts_of(values.dictionary_decode())
    if not has_dictionaries(values.type):
        return pa.array(value_texts(values), pa.large_string())
    encoded = values.dictionary_encode()
    return pa.array(value_texts(encoded.dictionary), pa.large_string()).take(encoded.indices)


def coded(values: pa.Array) -> pa.DictionaryArray:
    """The values as codes of distinct values, which several arrays can be made to have in common.

    Args:
        values: an array of a type that `is_text_like` admits.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        if has_dictionaries(kind.value_type):
            return values
        return coded(values.dictionary_decode())
    return (values if has_dictionaries(kind) else texts_of(values)).dictionary_encode()


def has_dictionaries(kind: pa.DataType) -> bool:
    """Whether Arrow (26) can encode values of a type, and unify their dictionaries.

    Of half-precision floats it gives the bits as numbers, of nulls and small decimals an error.
    """
    types = pa.types
    return bool(
        is_string(kind)
        or types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_decimal128(kind)
        or types.is_decimal256(kind)
    )


def is_text_like(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type have a text form: text, numbers, booleans, naive times."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_text_like(kind.value_type)
    return bool(
        is_number_like(kind)
        or types.is_date(kind)
        or (types.is_timestamp(kind) and kind.tz is None)
    )


def _float_text(value: float) -> str | None:
    if value != value:  # noqa: PLR0124 - NaN
        return None
    if abs(float(value)) < _EXPONENT_FORM and value == int(value):
        return str(int(value))
    return str(value)


def _plain_value(value: pa.Scalar) -> object:
    """The value as Python's, or Arrow's text of what Python has none for: times after 9999."""
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return value.cast(pa.string()).as_py()


def _plain_text(value: object) -> str:
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return str(value).removesuffix(_MIDNIGHT)
    return str(value)
