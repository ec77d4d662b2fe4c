"""The AUC that training asks for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.engine.validation_scores import AucRoc

Array = NDArray[Any]


def auc_roc(score: Array, positive: Array, weight: Array | None = None) -> float:
    """The area for one score."""
    return AucRoc(positive, weight)(score)


CASES: dict[str, Callable[[np.random.Generator], Array]] = {
    "distinct": lambda rng: rng.normal(size=2000),
    "ties": lambda rng: rng.integers(0, 20, 2000).astype(np.float64),
    "all tied": lambda _: np.zeros(2000),
    "float32": lambda rng: rng.normal(size=2000).astype(np.float32),
    "two values": lambda rng: rng.integers(0, 2, 2000) * 1e-300,
    "infinite": lambda rng: rng.choice([-np.inf, 0.0, np.inf], 2000),
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("share", [0.5, 0.002, 0.999])
@pytest.mark.parametrize("weighting", ["none", "ones", "random", "with zeros"])
def test_equals_that_of_scikit_learn(name: str, share: float, weighting: str) -> None:
    rng = np.random.default_rng(0)
    score = CASES[name](rng)
    positive = rng.random(2000) < share
    positive[:2] = [True, False]
    weight = {
        "none": None,
        "ones": np.ones(2000, dtype=np.float32),
        "random": rng.random(2000).astype(np.float32) + 0.1,
        "with zeros": rng.integers(0, 3, 2000).astype(np.float32),
    }[weighting]
    if weight is not None:
        weight[:2] = 1
    # scikit-learn refuses infinite scores; only the order matters.
    ranks = np.unique(score, return_inverse=True)[1]
    expected = roc_auc_score(positive, ranks, sample_weight=weight)
    assert auc_roc(score, positive, weight) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("score", "positive", "weight", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], None, 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], None, 0.0),
        ([1, 2, 2, 3], [0, 1, 0, 1], None, (0.5 + 1 + 1 + 1) / 4),
        ([1, 2, 2, 3], [0, 1, 0, 1], [2, 1, 1, 3], (2 * 1 + 0.5 + 2 * 3 + 1 * 3) / 12),
        ([1, 2, 3], [0, 1, 1], [1, 0, 1], 1.0),
    ],
)
def test_by_hand(score: Any, positive: Any, weight: Any, expected: float) -> None:
    weights = None if weight is None else np.array(weight, dtype=np.float32)
    found = auc_roc(np.array(score, float), np.array(positive, bool), weights)
    assert found == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("weight", [None, np.ones(4, dtype=np.float32)])
@pytest.mark.parametrize("positive", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_one_class_is_undefined(weight: Array | None, positive: list[int]) -> None:
    assert np.isnan(auc_roc(np.arange(4.0), np.array(positive, bool), weight))


def test_a_class_without_weight_or_no_rows_is_undefined() -> None:
    positive = np.array([True, False, False])
    assert np.isnan(auc_roc(np.arange(3.0), positive, np.array([0, 1, 1], dtype=np.float32)))
    assert np.isnan(auc_roc(np.zeros(0), np.zeros(0, dtype=bool)))
    assert np.isnan(auc_roc(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=np.float32)))


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    )
)
@settings(deadline=None)
def test_integer_weights_equal_repeated_rows(rows: list[tuple[bool, float, int]]) -> None:
    positive = np.array([row[0] for row in rows])
    score, repeats = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    weighted = auc_roc(score, positive, repeats.astype(np.float32))
    repeated = auc_roc(np.repeat(score, repeats), np.repeat(positive, repeats))
    assert weighted == pytest.approx(repeated, abs=1e-12, nan_ok=True)


def test_arguments_are_left_as_they_are() -> None:
    score, positive = np.array([3.0, 1.0, 2.0]), np.array([False, True, False])
    auc_roc(score, positive)
    auc_roc(score, positive, np.ones(3, dtype=np.float32))
    assert score.tolist() == [3.0, 1.0, 2.0]


def test_many_pairs_do_not_overflow() -> None:
    score = np.arange(2 * 10**5, dtype=np.float64)
    positive = score >= 10**5
    assert auc_roc(score, positive) == 1.0
