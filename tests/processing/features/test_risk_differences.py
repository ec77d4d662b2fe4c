"""Whether categories mean something else to a task than to the main task."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from processing.features.preprocessing import _differs
from processing.features.risk_differences import count_pairs, differs_from_main

Array = NDArray[Any]
N_ROWS = 4000


def column(codes: Array) -> pd.Series:
    return pd.Series(pd.Categorical([f"c{code}" for code in codes]))


def differs(codes: Array, label: Array, main_label: Array) -> bool:
    labels = (pd.Series(each.astype(np.float32)) for each in (label, main_label))
    return _differs(column(codes), *labels)


def found(n_levels: int, kind: str, n_draws: int = 200) -> int:
    """In how many of some draws the task's categories are found to differ."""
    count = 0
    for seed in range(n_draws):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, n_levels, N_ROWS)
        rate = expit(rng.normal(-1.5, 0.7, n_levels))[codes]
        main = rng.random(N_ROWS) < rate
        own = expit(rng.normal(-1.5, 0.7, n_levels))[codes]
        task_rate = {
            "unrelated to the column": np.full(N_ROWS, 0.1),
            "half of the main task's": 0.5 * rate,
            "a part of the main task": np.where(main, 0.5, 0.0),
            "of its own": own,
        }[kind]
        count += differs(codes, rng.random(N_ROWS) < task_rate, main)
    return count


@pytest.mark.parametrize("n_levels", [4, 30, 300])
@pytest.mark.parametrize(
    "kind", ["unrelated to the column", "half of the main task's", "a part of the main task"]
)
def test_chance_is_no_difference(n_levels: int, kind: str) -> None:
    assert found(n_levels, kind) <= 1


@pytest.mark.parametrize(("n_levels", "at_least"), [(5, 32), (30, 40)])
def test_effects_of_its_own_are_found(n_levels: int, at_least: int) -> None:
    # Rates of few categories can be about on a line by chance.
    assert found(n_levels, "of its own", 40) >= at_least


def test_a_difference_of_no_consequence_is_none() -> None:
    rows = np.full(4, 1e6)
    main = np.array([0.1, 0.2, 0.3, 0.4])
    nearly = 0.5 * main + np.array([0.002, -0.002, -0.002, 0.002])
    clearly = 0.5 * main + np.array([0.04, -0.04, -0.04, 0.04])
    for task, expected in ((nearly, False), (clearly, True)):
        counts = np.stack([rows, rows * task, rows * main, rows * task * main], axis=1)
        assert differs_from_main(counts) is expected


def test_counting_by_hand() -> None:
    code = np.array([1, 2, 0, 1, 2, 1])
    label = np.array([1, 0, 1, np.nan, 1, 0], np.float32)
    main = np.array([1, 1, 0, 1, np.nan, 0], np.float32)
    counts = count_pairs(code, 3, label, main)
    assert counts.tolist() == [[1, 1, 0, 0], [2, 1, 1, 1], [1, 0, 1, 0]]


def test_tasks_without_a_common_row_are_judged_by_the_task_alone() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 6, N_ROWS)
    label = (rng.random(N_ROWS) < np.array([0.1, 0.6, 0.2, 0.4, 0.1, 0.5])[codes]).astype(float)
    main = np.where(np.arange(N_ROWS) % 2 == 0, 1.0, 0.0)
    label[: N_ROWS // 2] = np.nan
    main[N_ROWS // 2 :] = np.nan
    assert differs(codes, label, main)
    label[N_ROWS // 2 :] = rng.random(N_ROWS // 2) < 0.3
    assert not differs(codes, label, main)


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_task_of_one_class_has_no_rates(value: float) -> None:
    codes = np.arange(100) % 7
    assert not differs(codes, np.full(100, value), np.arange(100) % 2)


def test_a_column_of_as_many_categories_as_rows_tells_nothing() -> None:
    assert not differs(np.arange(50), np.arange(50) % 2, np.arange(50) % 3 == 0)
