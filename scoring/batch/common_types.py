"""One type for every column of several Parquet files, such that no value changes."""

import logging
from collections.abc import Callable, Sequence

import pyarrow as pa

from common.messages import quoted_list

logger = logging.getLogger(__name__)

_UNITS = ("s", "ms", "us", "ns")


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of the first schema, each in a type that holds the values of all.

    Columns whose types have nothing in common are text, in the form that they have in a CSV file.

    Args:
        schemas: Schemas with the same columns, in any order.
    """
    fields, as_text = [], []
    for field in schemas[0]:
        kinds = list(dict.fromkeys(schema.field(field.name).type for schema in schemas))
        kind = common_type(kinds)
        if kind is None:
            as_text.append(field.name)
        fields.append(pa.field(field.name, pa.string() if kind is None else kind))
    if as_text:
        logger.warning(
            "Columns that have other types in other files are written as text: %s",
            quoted_list(as_text),
        )
    return pa.schema(fields)


def common_type(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """A type that holds the values of some types as they are; None if only text does."""
    if len(kinds) == 1:
        return kinds[0]
    plain = {kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds}
    if len(plain) > 1:
        plain.discard(pa.null())
    if len(plain) == 1:
        return next(iter(plain))
    for is_of_family, widest in _FAMILIES:
        if all(map(is_of_family, plain)):
            return widest(plain)
    return None


def _widest_integer(kinds: set[pa.DataType]) -> pa.DataType | None:
    signed = {kind for kind in kinds if pa.types.is_signed_integer(kind)}
    if len(signed) in (0, len(kinds)):
        return _most_bits(kinds)
    return None if pa.uint64() in kinds else pa.int64()


def _most_bits(kinds: set[pa.DataType]) -> pa.DataType:
    return max(kinds, key=lambda kind: kind.bit_width)


def _finest_time(kinds: set[pa.DataType]) -> pa.DataType | None:
    zones = {kind.tz for kind in kinds}
    if len(zones) > 1:
        return None
    return pa.timestamp(max((kind.unit for kind in kinds), key=_UNITS.index), zones.pop())


_FAMILIES: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[set[pa.DataType]], pa.DataType | None]], ...
] = (
    (pa.types.is_integer, _widest_integer),
    (pa.types.is_floating, _most_bits),
    (lambda kind: kind in (pa.string(), pa.large_string()), lambda _: pa.large_string()),
    (pa.types.is_timestamp, _finest_time),
)
