"""Thresholds and the rounding to float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.thresholds import float32_safe

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
    for value in [np.float64(number), *(near for value in close for near in neighbours(value))]:
        rounded = np.float64(np.float32(value))
        assert (value <= safe) == (rounded <= threshold)
        # No float32 changes sides: the tree is the one that was grown.
        assert (rounded <= safe) == (rounded <= threshold)


def test_the_case_that_a_user_would_meet() -> None:
    # Training values 34.7 and 34.9 as float32, and LightGBM's threshold halfway between them.
    low, high = np.float64(np.float32(34.7)), np.float64(np.float32(34.9))
    threshold = np.nextafter((low + high) / 2, np.inf)
    assert np.float64(np.float32(34.8)) <= threshold < 34.8
    safe = float32_safe(np.array([[threshold]]))
    assert safe.shape == (1, 1)
    assert low < safe[0, 0] < high
    assert 34.8 <= safe[0, 0]


def test_the_thresholds_around_zero_stay_around_zero() -> None:
    # LightGBM keeps values within 1e-35 apart from the others.
    small = 1.0000000180025095e-35
    low, high = float32_safe(np.array([-small, small]))
    assert -1.1e-35 < low < 0 < high < 1.1e-35
