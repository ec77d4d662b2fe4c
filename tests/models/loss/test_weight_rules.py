"""The update rules of the task weights."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.loss.adaptive import AdaptiveLoss
from models.loss.weight_rules import UPDATE_RULES, WEIGHT_FLOOR, normalized

Array = NDArray[Any]
METHODS = list(UPDATE_RULES)
SIMILARITY = np.array([1.0, 0.75, 0.36])
LAST = np.array([1.0, 0.5, 0.86])


@pytest.mark.parametrize(
    ("method", "last", "step"),
    [
        ("standard", None, [0.0, 0.25, 0.64]),
        ("standard", LAST, [0.0, 0.25, 0.64]),
        ("tenIters", LAST, [0.0, 0.25, 0.64]),
        ("sqrt", None, [0.0, 0.5, 0.8]),
        ("sqrt", LAST, [0.0, 0.5, 0.8]),
        ("delta", None, [0.0, 0.0, 0.0]),
        ("delta", LAST, [0.0, 0.25, -0.5]),
    ],
)
def test_update_rules_by_hand(method: str, last: Array | None, step: list[float]) -> None:
    np.testing.assert_allclose(UPDATE_RULES[method].step(SIMILARITY, last), step, atol=1e-15)
    weights = np.array([0.5, 0.3, 0.2])
    loss = AdaptiveLoss(3, 0, weight_method=method, weight_lr=0.1)
    moved = weights + 0.1 * np.array(step)
    updated = loss.updated_weights(weights, SIMILARITY, last)
    np.testing.assert_allclose(updated, moved / moved.sum(), rtol=1e-14)


def test_only_ten_iters_has_a_frequency_of_its_own() -> None:
    assert {name: rule.own_frequency for name, rule in UPDATE_RULES.items()} == {
        "standard": None,
        "tenIters": 10,
        "sqrt": None,
        "delta": None,
    }


def test_similar_tasks_lose_weight_and_dissimilar_ones_gain() -> None:
    loss = AdaptiveLoss(3, 0)
    weights = normalized(np.ones(3))
    updated = loss.updated_weights(weights, np.array([1.0, 0.99, 0.2]), None)
    assert updated[2] > weights[2]
    assert updated[1] < weights[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lr", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize(
    "similarity",
    [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.5, 0.1]],
    ids=["identical", "disjoint", "mixed", "different"],
)
def test_weights_stay_finite_positive_and_sum_to_1(
    method: str, lr: float, beta: float, similarity: list[float]
) -> None:
    loss = AdaptiveLoss(3, 0, 0.5, beta, weight_method=method, weight_lr=lr)
    weights, last = loss.initial_weights(), None
    for step in range(50):
        now = np.array(similarity) if step % 2 else np.array([1.0, 0.9, 0.4])
        weights, last = loss.updated_weights(weights, now, last), now
        assert np.isfinite(weights).all()
        assert (weights > 0).all()
        assert weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_weight_that_would_turn_negative_stops_at_the_floor() -> None:
    loss = AdaptiveLoss(2, 0, weight_method="delta", weight_lr=1.0)
    weights = loss.updated_weights(np.array([0.9, 0.1]), np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(weights, [0.9 / (0.9 + WEIGHT_FLOOR), WEIGHT_FLOOR / 0.900001])


def test_normalized_keeps_ratios() -> None:
    np.testing.assert_allclose(normalized(np.array([1.0, 3.0, 4.0])), [0.125, 0.375, 0.5])
