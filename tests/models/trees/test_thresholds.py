"""Thresholds and the rounding to float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.trees.thresholds import float32_safe

LARGEST = float(np.finfo(np.float32).max) / 2
numbers = st.floats(-LARGEST, LARGEST)
decimals = st.integers(-(10**7), 10**7).map(lambda digits: digits / 100)
thresholds = numbers | decimals | st.floats(-LARGEST, LARGEST, width=32)


def neighbours(value: np.float64) -> list[np.float64]:
    return [np.nextafter(value, -np.inf), value, np.nextafter(value, np.inf)]


@given(thresholds, numbers | decimals)
def test_a_number_and_its_float32_go_the_same_way(threshold: float, number: float) -> None:
    safe = float32_safe(np.array([threshold]))[0]
    below = np.float32(threshold)
    above = np.nextafter(below, np.float32(np.inf))
    halfway = (np.float64(below) + np.float64(above)) / 2
    close = [np.float64(below), np.float64(above), halfway, np.float64(threshold), safe]
    for value in [np.float64(number), *(near for place in close for near in neighbours(place))]:
        rounded = np.float64(np.float32(value))
        assert (value <= safe) == (rounded <= threshold)
        # No float32 changes sides: the tree is the one that was grown.
        assert (rounded <= safe) == (rounded <= threshold)


def test_a_case_that_a_user_met() -> None:
    # LightGBM's threshold halfway between two training values, where a test row had 34.8.
    threshold = 34.799999237060554
    assert np.float64(np.float32(34.8)) <= threshold < 34.8
    safe = float32_safe(np.array([[threshold]]))
    assert safe.shape == (1, 1)
    assert 34.8 <= safe[0, 0] < 34.80001


def test_the_thresholds_around_zero_stay_around_zero() -> None:
    # LightGBM keeps values within 1e-35 apart from the others.
    small = 1.0000000180025095e-35
    low, high = float32_safe(np.array([-small, small]))
    assert -1.1e-35 < low < 0 < high < 1.1e-35
