"""Columns that grow batch by batch."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.reading import accumulators
from processing.reading.accumulators import CategoryColumn, GrowingArray, NumberColumn, TextColumn


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-5, 5), max_size=9), max_size=9), st.integers(0, 20))
def test_growing_array_holds_what_was_appended(parts: list[list[int]], capacity: int) -> None:
    array = GrowingArray(np.int32, capacity)
    for part in parts:
        array.append(np.array(part, dtype=np.int64))
    assert array.filled().tolist() == [value for part in parts for value in part]


@pytest.mark.parametrize(
    "chunk",
    [
        pa.array([1, None, 0]),
        pa.array([1, None, 0], pa.uint8()),
        pa.array([1.0, None, 0.0]),
        pa.array([1.0, np.nan, 0.0], pa.float16()),
        pa.array([True, None, False]),
        pa.array(["1", "NA", "0"]),
        pa.array([b"1", None, b"0"]),
        pa.array(["1.0", None, "0"], pa.large_string()),
        pa.array(["1.0", "", " 0 "]).dictionary_encode(),
        pa.array([1.0, None, 0.0]).dictionary_encode(),
        pa.array([1, None, 0]).cast(pa.decimal128(21, 2)),
    ],
    ids=lambda chunk: str(chunk.type),
)
def test_numbers_of_every_type(chunk: pa.Array) -> None:
    column = NumberColumn(0)
    column.append(chunk)
    column.append(chunk.slice(2))
    assert column.values().dtype == np.float32
    np.testing.assert_array_equal(column.values(), [1, np.nan, 0, 0])
    assert column.no_numbers.count == 0


def test_all_null_and_too_large_numbers() -> None:
    column = NumberColumn(2)
    column.append(pa.nulls(2))
    column.append(pa.array([1e300]))
    np.testing.assert_array_equal(column.values(), np.array([np.nan, np.nan, np.inf], np.float32))


def test_no_numbers_are_counted_with_three_different_examples() -> None:
    column = NumberColumn(0)
    for texts in (["a", "a", "1"], ["a", "b"], ["c", "d", "2"]):
        column.append(pa.array(texts))
    assert column.no_numbers.count == 6
    assert column.no_numbers.examples == ["a", "b", "c"]


@pytest.mark.parametrize("rows_at_once", [1, 3, 1 << 18])
def test_one_category_in_all_types(monkeypatch: pytest.MonkeyPatch, rows_at_once: int) -> None:
    monkeypatch.setattr(accumulators, "_ROWS_AT_ONCE", rows_at_once)
    column = CategoryColumn(0)
    for chunk in (
        pa.array(["b", "1", None]).dictionary_encode(),
        pa.array(["1.0", "", "01"]),
        pa.array([1, None]),
        pa.array([np.nan, 1.0]),
        pa.array([b"a"]),
        pa.nulls(1),
        pa.array(["1"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.large_string())),
    ):
        column.append(chunk)
    values = column.values()
    assert list(values.categories) == ["01", "1", "a", "b"]
    assert values.categories.dtype == "str"
    shown = pd.Series(values).astype("str").fillna("-").tolist()
    assert " ".join(shown) == "b 1 - 1 - 01 1 - - 1 a - 1"


@pytest.mark.parametrize("number", [127, 128, 32767, 32768])
def test_codes_at_the_edges_of_their_types(number: int) -> None:
    texts = [f"{index:05d}" for index in range(number)]
    column = CategoryColumn(0)
    column.append(pa.array([*texts, None]))
    assert list(column.values()[:-1]) == texts
    assert column.values().isna()[-1]


def test_a_column_without_any_category() -> None:
    column = CategoryColumn(0)
    column.append(pa.array(["", None], pa.string()))
    assert column.values().isna().all()
    assert column.values().categories.dtype == "str"


@pytest.mark.parametrize(
    ("chunk", "texts"),
    [
        (pa.array(["007", None, "NA", "1.0"]), ["007", "", "NA", "1.0"]),
        (pa.array(["007", None]).dictionary_encode(), ["007", ""]),
        (pa.array([7, None]), ["7", ""]),
        (pa.array([7.0, np.nan, None]), ["7", "", ""]),
        (pa.array([True]), ["True"]),
        (pa.nulls(1), [""]),
    ],
)
def test_texts_as_written(chunk: pa.Array, texts: list[str]) -> None:
    column = TextColumn()
    column.append(chunk)
    column.append(chunk)
    assert column.values().dtype == "str"
    assert column.values().tolist() == texts * 2
