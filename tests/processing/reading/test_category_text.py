"""The text form of categories."""

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from processing.reading.category_text import category_of_text, is_text_like, value_texts


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("1", "1"), ("1.0", "1"), ("1.000", "1"), ("-3.0", "-3"), ("0.0", "0"), ("-0.0", "0"),
        ("01", "01"), ("01.0", "01.0"), ("1.50", "1.50"), ("1.", "1."), (" 1.0", " 1.0"),
        ("v1.0", "v1.0"), ("1.0.0", "1.0.0"), ("NA", "NA"), ("", None), ("10", "10"),
        ("2024-01-31 00:00:00", "2024-01-31"), ("2024-01-31 10:00:00", "2024-01-31 10:00:00"),
        (" 00:00:00", " 00:00:00"),
    ],
)  # fmt: skip
def test_category_of_text(text: str, category: str | None) -> None:
    assert category_of_text(text) == category


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, None, -2]), ["1", None, "-2"]),
        (pa.array([1.0, np.nan, None, 1.5, 1e20, -0.0]), ["1", None, None, "1.5", "1e+20", "0"]),
        (pa.array([np.inf, 1e15]), ["inf", "1000000000000000"]),
        (pa.array([1.1, 16777216.0], pa.float32()), ["1.1", "16777216"]),
        (pa.array([1.5, 2.0], pa.float16()), ["1.5", "2"]),
        (pa.array([True, False, None]), ["True", "False", None]),
        (pa.array([Decimal("1.50"), Decimal("2.00")]), ["1.50", "2.00"]),
        (pa.array([datetime.date(2024, 1, 31)]), ["2024-01-31"]),
        (
            pa.array([datetime.datetime(2024, 1, 31), datetime.datetime(2024, 1, 31, 9)]),
            ["2024-01-31", "2024-01-31 09:00:00"],
        ),
        (pa.array(["1.0", "", None]), ["1.0", "", None]),
        (pa.array([b"ab"]), ["ab"]),
        (pa.array([None]), [None]),
    ],
)
def test_value_texts(values: pa.Array, texts: list[str | None]) -> None:
    assert is_text_like(values.type)
    assert value_texts(values) == texts


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.struct([("a", pa.int32())]),
        pa.timestamp("us", "UTC"),
        pa.dictionary(pa.int8(), pa.list_(pa.int8())),
    ],
)
def test_types_without_text_form(kind: pa.DataType) -> None:
    assert not is_text_like(kind)
