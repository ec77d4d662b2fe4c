"""Categories of every type: the same in one batch and in several, in one file and in two."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from processing.reading.accumulators import CategoryColumn, TextColumn
from processing.reading.category_text import categories

_FAR = pa.array([2_932_896 + 400, None], pa.int32()).cast(pa.date32())
_FAR_TIME = pa.array([253_402_300_800_000_005, 7], pa.int64()).cast(pa.timestamp("us"))

TYPES: dict[str, tuple[pa.Array, pa.Array, list[str | None]]] = {
    "half": (
        pa.array(np.array([2, np.nan, 0.1], np.float16)),
        pa.array(np.array([3, 2, 0.5], np.float16)),
        ["2", None, "0.1", "3", "2", "0.5"],
    ),
    "half dictionary": (
        pa.DictionaryArray.from_arrays([0, 1], pa.array(np.array([3, 0.5], np.float16))),
        pa.DictionaryArray.from_arrays([0, 1], pa.array(np.array([4, 0.5], np.float16))),
        ["3", "0.5", "4", "0.5"],
    ),
    "null": (pa.nulls(2), pa.nulls(1), [None, None, None]),
    "null before text": (pa.nulls(1), pa.array(["a", "01"]), [None, "a", "01"]),
    **{
        str(kind): (
            pa.array([Decimal("1.50"), None], kind),
            pa.array([Decimal("2.00")], kind),
            ["1.50", None, "2"],
        )
        for kind in (
            pa.decimal32(5, 2),
            pa.decimal64(9, 2),
            pa.decimal128(21, 2),
            pa.decimal256(40, 2),
        )
    },
    "date after 9999": (
        pa.array([datetime.date(2020, 1, 2)]),
        _FAR,
        ["2020-01-02", "10001-02-03", None],
    ),
    "time after 9999": (
        pa.array([datetime.datetime(2020, 1, 2)]),
        _FAR_TIME,
        ["2020-01-02", "10000-01-01 00:00:00.000005", "1970-01-01 00:00:00.000007"],
    ),
}


@pytest.mark.parametrize("kind", TYPES)
def test_batches_of_a_type_have_the_categories_of_their_values(kind: str) -> None:
    first, second, expected = TYPES[kind]
    column, texts = CategoryColumn(4), TextColumn()
    for chunk in (first, second):
        column.append(chunk)
        texts.append(chunk)
    found = column.values()
    assert [None if pd.isna(value) else value for value in found] == expected
    assert [bool(text) for text in texts.values()] == [bool(text) for text in expected]
    if not pa.types.is_dictionary(first.type):
        assert [*categories(first), *categories(second)] == expected
