"""Shifts that make the mean probability right."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.engine.task_rows import LabelledRows, class_weights
from models.training.intercept import intercept_shifts, shifted

Array = NDArray[Any]


def rows_of(label: Array, weight: Array | None = None) -> LabelledRows:
    return LabelledRows(
        np.ascontiguousarray(label, dtype=np.uint8),
        None if weight is None else weight.astype(np.float32),
    )


def draw(seed: int, n_rows: int = 400, n_tasks: int = 3) -> tuple[Array, Array, Array]:
    """Probabilities, labels and weights."""
    rng = np.random.default_rng(seed)
    prob = 1 / (1 + np.exp(-rng.normal(-2, 2, (n_rows, n_tasks))))
    label = rng.random((n_rows, n_tasks)) < prob
    label[:2] = [[0], [1]]
    return prob, label.astype(np.uint8), rng.integers(0, 4, (n_rows, n_tasks)).astype(float)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), weighted=st.booleans(), off=st.floats(-4, 4))
def test_the_mean_probability_becomes_the_base_rate(seed: int, weighted: bool, off: float) -> None:
    prob, label, weight = draw(seed)
    prob = shifted(prob, off)
    weight[:2] = 1
    rows = rows_of(label, weight if weighted else None)
    counted = weight if weighted else np.ones_like(weight)
    found = shifted(prob, intercept_shifts(prob, rows))
    np.testing.assert_allclose(
        np.average(found, axis=0, weights=counted), np.average(label, axis=0, weights=counted)
    )


def test_other_rows_count_for_the_base_rate_by_their_number() -> None:
    prob, label, _ = draw(0)
    _, more, _ = draw(1, n_rows=1200)
    together = np.concatenate([label, more])
    shifts = intercept_shifts(prob, rows_of(label), class_weights(rows_of(more)))
    np.testing.assert_allclose(shifted(prob, shifts).mean(axis=0), together.mean(axis=0))


def test_a_shift_adds_to_the_log_odds_and_keeps_the_order() -> None:
    prob, _, _ = draw(2)
    found = shifted(prob, np.array([0.5, -1.0, 0.0]))
    log_odds = np.log(prob / (1 - prob)) + np.array([0.5, -1.0, 0.0])
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-log_odds)), rtol=1e-12)
    np.testing.assert_array_equal(found.argsort(axis=0), prob.argsort(axis=0))


def test_probabilities_of_0_and_1_stay() -> None:
    np.testing.assert_array_equal(shifted(np.array([0.0, 1.0]), 3.0), [0.0, 1.0])


@pytest.mark.parametrize("value", [0, 1])
def test_a_task_of_one_class_is_left_alone(value: int) -> None:
    prob, label, _ = draw(3)
    label[:, 1] = value
    shifts = intercept_shifts(prob, rows_of(label), class_weights(rows_of(label)))
    assert shifts[1] == 0
    assert all(shifts[[0, 2]] != 0)


def test_a_task_without_a_known_label_among_the_rows_is_left_alone() -> None:
    prob, label, weight = draw(4)
    weight[:, 2] = 0
    shifts = intercept_shifts(prob, rows_of(label, weight), class_weights(rows_of(label)))
    assert shifts[2] == 0
    assert all(shifts[:2] != 0)


def test_a_base_rate_that_no_shift_reaches_is_left_alone() -> None:
    label = np.array([[0], [1], [1], [1]])
    prob = np.array([[0.0], [0.0], [0.0], [0.5]])
    assert intercept_shifts(prob, rows_of(label)).tolist() == [0.0]
