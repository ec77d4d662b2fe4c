"""Ranking and threshold metrics against scikit-learn and by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score, roc_curve

from models.evaluation import ranking_metrics
from models.evaluation.score_counts import count_by_score


def sample(seed: int, n_values: int, *, weighted: bool) -> tuple[Any, Any, Any]:
    """A noisy ranking of 500 rows with ties where `n_values` is small."""
    rng = np.random.default_rng(seed)
    probs = np.round(rng.beta(1, 4, 500) * n_values) / n_values
    labels = (rng.random(500) < probs).astype(np.uint8)
    labels[:2] = [0, 1]
    return labels, probs, rng.integers(0, 5, 500) * rng.random(500) if weighted else None


SAMPLES = pytest.mark.parametrize(
    ("labels", "probs", "weights"),
    [
        sample(seed, n_values, weighted=weighted)
        for seed, n_values in enumerate([1, 2, 10, 100, 10**9])
        for weighted in (False, True)
    ],
)


@SAMPLES
def test_auc_and_average_precision_equal_those_of_scikit_learn(
    labels: Any, probs: Any, weights: Any
) -> None:
    counts = count_by_score(labels, probs, weights)
    auc = roc_auc_score(labels, probs, sample_weight=weights)
    ap = average_precision_score(labels, probs, sample_weight=weights)
    assert ranking_metrics.auc_roc(counts) == pytest.approx(auc, abs=1e-12)
    assert ranking_metrics.average_precision(counts) == pytest.approx(ap, abs=1e-12)


@SAMPLES
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 1.0])
def test_f1_equals_that_of_scikit_learn(
    labels: Any, probs: Any, weights: Any, threshold: float
) -> None:
    counts = count_by_score(labels, probs, weights)
    expected = f1_score(labels, probs >= threshold, sample_weight=weights)
    assert ranking_metrics.f1_at(counts, threshold) == pytest.approx(expected, abs=1e-12)


@SAMPLES
def test_no_threshold_has_a_higher_f1_than_the_best(labels: Any, probs: Any, weights: Any) -> None:
    counts = count_by_score(labels, probs, weights)
    best = ranking_metrics.best_f1_threshold(counts)
    scores = {t: ranking_metrics.f1_at(counts, t) for t in counts.threshold}
    assert best == max(t for t, score in scores.items() if score == max(scores.values()))


@SAMPLES
@pytest.mark.parametrize("limit", [0.0, 0.01, 0.05, 1.0])
def test_recall_at_fpr_is_the_highest_point_of_the_curve_within_it(
    labels: Any, probs: Any, weights: Any, limit: float
) -> None:
    counts = count_by_score(labels, probs, weights)
    fpr, recall, _ = roc_curve(labels, probs, sample_weight=weights, drop_intermediate=False)
    expected = recall[fpr <= limit].max()
    assert ranking_metrics.recall_at_fpr(counts, limit) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "limit"), [(100, 0.01), (700, 0.01), (2900, 0.01), (60, 0.05)])
def test_recall_at_fpr_uses_up_a_limit_that_a_whole_number_of_negatives_meets(
    n: int, limit: float
) -> None:
    n_allowed = round(n * limit)
    # From the top: the allowed negatives, one positive, all other negatives.
    labels = np.zeros(n + 1)
    labels[n_allowed] = 1
    counts = count_by_score(labels, np.linspace(1.0, 0.0, n + 1))
    assert ranking_metrics.recall_at_fpr(counts, limit) == 1.0


@pytest.mark.parametrize(
    ("labels", "probs", "fraction", "expected"),
    [
        ([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6], 0.25, 1.0),
        ([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6], 0.5, 0.5),
        ([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6], 0.01, 1.0),  # a part of the first row
        ([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6], 0.375, 2 / 3),  # one row and half of the second
        ([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.5], 0.5, (1 + 1 / 3) / 2),  # one of three tied rows
        ([0, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], 0.05, 0.25),  # all tied: the base rate
    ],
)
def test_precision_in_top_by_hand(
    labels: Any, probs: Any, fraction: float, expected: float
) -> None:
    counts = count_by_score(labels, probs)
    assert ranking_metrics.precision_in_top(counts, fraction) == pytest.approx(expected, abs=1e-15)


@given(scale=st.floats(1e-6, 1e6))
def test_scaling_all_weights_changes_nothing(scale: float) -> None:
    labels, probs, weights = sample(3, 50, weighted=True)
    plain = count_by_score(labels, probs, weights)
    scaled = count_by_score(labels, probs, weights * scale)
    for metric in (
        ranking_metrics.auc_roc,
        ranking_metrics.average_precision,
        ranking_metrics.best_f1_threshold,
        lambda counts: ranking_metrics.precision_in_top(counts, 0.05),
        lambda counts: ranking_metrics.recall_at_fpr(counts, 0.05),
    ):
        assert metric(scaled) == pytest.approx(metric(plain), rel=1e-10)


def test_f1_is_zero_where_nothing_is_predicted_positive() -> None:
    assert ranking_metrics.f1_at(count_by_score([0, 1], [0.1, 0.2]), 0.5) == 0.0


def test_equal_f1_goes_to_the_highest_threshold() -> None:
    # At 0.9: tp 1, fp 0, fn 1 -> 2/3. At 0.1: tp 2, fp 2, fn 0 -> 2/3.
    counts = count_by_score([1, 0, 0, 1], [0.9, 0.5, 0.4, 0.1])
    assert ranking_metrics.best_f1_threshold(counts) == 0.9
