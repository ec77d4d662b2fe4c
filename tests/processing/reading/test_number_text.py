"""Numbers written as text."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.reading.csv_reader import fast_types
from processing.reading.number_text import MISSING_MARKERS, number_values, numbers_from_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", 1.5), (" 1.5 ", 1.5), ("\t2", 2), ("1e3", 1000), ("+1", 1), ("-.5", -0.5),
        ("1.", 1), ("1E-2", 0.01), ("1e999", np.inf), ("1e39", np.inf), ("-Infinity", -np.inf),
        ("inf", np.inf), ("1e-999", 0), ("NA", np.nan), ("  ", np.nan), ("", np.nan),
    ],
)  # fmt: skip
@pytest.mark.parametrize("beside", ["1", "no number"])
def test_numbers_and_missing_markers(text: str, number: float, beside: str) -> None:
    numbers, no_numbers = numbers_from_text(pa.array([text, beside]))
    assert numbers.dtype == np.float32
    np.testing.assert_equal(numbers[0], np.float32(number))
    assert len(no_numbers) == (beside == "no number")


@pytest.mark.parametrize(
    "text",
    ["1_000", "0x10", "1,5", "abc", "1e", "1 2", "--1", "٣", "1d5", ".", "e5", "1.2.3", "none"],
)
def test_other_text_is_missing_and_reported(text: str) -> None:
    numbers, no_numbers = numbers_from_text(pa.array([text, "2", text, None]))
    np.testing.assert_equal(numbers, np.array([np.nan, 2, np.nan, np.nan], np.float32))
    assert no_numbers.to_pylist() == [text, text]


def test_markers_are_those_of_pandas() -> None:
    lines = "\n".join(f'"{marker}",1' for marker in MISSING_MARKERS)
    read = pd.read_csv(io.StringIO("a,b\n" + lines))
    assert read["a"].isna().all()


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, width=32)))
def test_every_float_is_read_back(values: list[float]) -> None:
    numbers, no_numbers = numbers_from_text(pa.array([repr(v) for v in values], pa.string()))
    np.testing.assert_array_equal(numbers, np.array(values, np.float32))
    assert len(no_numbers) == 0


@settings(deadline=None)
@given(st.lists(st.text("+-.0123456789eEinfa_ x", max_size=8)))
def test_never_fails_and_never_takes_what_python_refuses(texts: list[str]) -> None:
    numbers, no_numbers = numbers_from_text(pa.array(texts, pa.string()))
    refused = set(no_numbers.to_pylist())
    for text, number in zip(texts, numbers, strict=True):
        if text in refused or text.strip() in MISSING_MARKERS:
            assert np.isnan(number)
        else:
            assert "_" not in text
            with np.errstate(over="ignore"):
                wanted = np.float32(float(text))
            np.testing.assert_allclose(number, wanted, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=64, allow_nan=False, min_value=-3e38, max_value=3e38), min_size=1))
def test_the_same_bits_as_arrows_reader_of_csv(values: list[float]) -> None:
    """Batch and training let Arrow read numbers; behind a port they come as text."""
    texts = [repr(value) for value in values]
    file = io.BytesIO("\n".join(["x", *texts]).encode())
    table = pa_csv.read_csv(file, convert_options=fast_types(["x"], [], []))
    numbers, no_numbers = numbers_from_text(pa.array(texts))
    np.testing.assert_array_equal(
        numbers.view(np.int32), table["x"].to_numpy().astype(np.float32).view(np.int32)
    )
    assert len(no_numbers) == 0


def test_a_large_integer_does_not_depend_on_its_neighbours() -> None:
    # Rounded once it goes up, rounded to float64 first it lies halfway and goes down.
    number = 2**60 + 2**36 + 1
    alone, _ = number_values(pa.array([number]))
    beside_null, _ = number_values(pa.array([number, None]))
    assert alone.astype(np.float32)[0] == beside_null.astype(np.float32)[0]
