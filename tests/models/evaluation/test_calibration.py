"""Metrics of probabilities against scikit-learn and by hand."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from models.evaluation import calibration
from models.evaluation.score_counts import count_by_score


@pytest.mark.parametrize("n_values", [3, 10**9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("labels_of", ["both", "zeros", "ones"])
def test_losses_equal_those_of_scikit_learn(n_values: int, weighted: bool, labels_of: str) -> None:
    rng = np.random.default_rng(0)
    probs = np.round(rng.uniform(0.1, 0.9, 400) * n_values) / n_values
    probs = np.clip(probs, 0.05, 0.95)
    labels = {"both": rng.integers(0, 2, 400), "zeros": np.zeros(400), "ones": np.ones(400)}
    y = labels[labels_of]
    weights = rng.random(400) if weighted else None
    counts = count_by_score(y, probs, weights)
    loss = sklearn_log_loss(y, probs, labels=[0, 1], sample_weight=weights)
    brier = brier_score_loss(y, probs, labels=[0, 1], pos_label=1, sample_weight=weights)
    assert calibration.log_loss(counts) == pytest.approx(loss, abs=1e-12)
    assert calibration.brier_score(counts) == pytest.approx(brier, abs=1e-12)
    assert calibration.base_rate(counts) == pytest.approx(np.average(y, weights=weights))
    assert calibration.mean_probability(counts) == pytest.approx(np.average(probs, weights=weights))


@pytest.mark.parametrize(
    ("labels", "probs", "expected"),
    [([0, 1], [0.0, 1.0], 0.0), ([0, 1], [0.0, 0.0], math.inf), ([0, 1], [1.0, 1.0], math.inf)],
)
def test_certain_probabilities_are_not_clipped(labels: Any, probs: Any, expected: float) -> None:
    loss = calibration.log_loss(count_by_score(labels, probs))
    assert loss == expected
    assert math.copysign(1.0, loss) == 1.0


@pytest.mark.parametrize(
    ("labels", "probs", "n_bins", "expected"),
    [
        # One bin: the gap between base rate 1/2 and mean probability 1/4.
        ([0, 1], [0.25, 0.25], 1, 0.25),
        # All tied, hence one bin however many are asked for.
        ([0, 1, 0, 1], [0.25, 0.25, 0.25, 0.25], 4, 0.25),
        # Two bins of two rows: |0 - 0.15| and |1 - 0.85|.
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 2, 0.15),
        # The same in one bin: the two gaps cancel.
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 1, 0.0),
        # The tie straddles the border and stays in the lower bin, with rows 1 to 3:
        # 3/4 * |1/3 - 0.3| + 1/4 * |1 - 0.7|.
        ([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.7], 2, 0.1),
        # More bins than rows: every row is its own bin, and its error is absolute.
        ([0, 1], [0.25, 0.5], 15, 0.375),
    ],
)
def test_expected_calibration_error_by_hand(
    labels: Any, probs: Any, n_bins: int, expected: float
) -> None:
    error = calibration.expected_calibration_error(count_by_score(labels, probs), n_bins)
    assert error == pytest.approx(expected, abs=1e-15)


def test_bins_hold_equal_weight_not_equal_rows() -> None:
    # The first row weighs as much as the other two: bins of one and of two rows.
    counts = count_by_score([0, 0, 1], [0.1, 0.2, 0.6], [2.0, 1.0, 1.0])
    expected = 0.5 * 0.1 + 0.5 * abs(0.5 - 0.4)
    assert calibration.expected_calibration_error(counts, 2) == pytest.approx(expected)


def test_calibrated_probabilities_have_a_small_error_and_distorted_ones_a_large_one() -> None:
    rng = np.random.default_rng(0)
    probs = rng.beta(1, 20, 100_000)
    labels = rng.random(probs.size) < probs
    calibrated = calibration.expected_calibration_error(count_by_score(labels, probs))
    distorted = calibration.expected_calibration_error(count_by_score(labels, probs**0.5))
    assert calibrated < 0.005
    assert distorted > 0.1


@pytest.mark.parametrize("weighted", [False, True])
def test_slope_and_intercept_are_those_of_statsmodels(weighted: bool) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    log_odds = rng.normal(-2.0, 1.5, 8000)
    label = (rng.random(8000) < expit(0.5 + 0.7 * log_odds)).astype(int)
    weight = rng.gamma(2.0, 0.5, 8000) if weighted else np.ones(8000)
    binomial, design = sm.families.Binomial(), sm.add_constant(log_odds)
    joint = sm.GLM(label, design, family=binomial, freq_weights=weight).fit()
    held = sm.GLM(label, np.ones(8000), family=binomial, offset=log_odds, freq_weights=weight).fit()
    counts = count_by_score(label, expit(log_odds), weight if weighted else None)
    slope, intercept = calibration.calibration_fit(counts)
    # 8,000 distinct log-odds are put together into 4,096 groups.
    assert slope == pytest.approx(joint.params[1], abs=1e-4)
    assert intercept == pytest.approx(held.params[0], abs=1e-6)
    few = count_by_score(label, np.round(expit(log_odds), 3).clip(0.001), weight)
    rounded = sm.add_constant(logit(np.round(expit(log_odds), 3).clip(0.001)))
    exact = sm.GLM(label, rounded, family=binomial, freq_weights=weight).fit()
    assert calibration.calibration_fit(few)[0] == pytest.approx(exact.params[1], abs=1e-8)


def test_there_is_no_slope_without_overlap() -> None:
    apart = count_by_score([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    assert calibration.calibration_fit(apart)[0] is None
    assert calibration.calibration_fit(count_by_score([1, 1, 0], [0.1, 0.2, 0.3]))[0] is None
    slope, intercept = calibration.calibration_fit(count_by_score([0, 1], [0.25, 0.25]))
    assert slope is None
    assert intercept == pytest.approx(logit(0.5) - logit(0.25))


def test_certain_probabilities_do_not_break_the_fit() -> None:
    counts = count_by_score([0, 1, 0, 1, 1], [0.0, 0.0, 0.5, 0.5, 1.0])
    assert all(np.isfinite(value) for value in calibration.calibration_fit(counts) if value)


def test_reliability_bins_hold_equal_expected_positives() -> None:
    rng = np.random.default_rng(6)
    prob = rng.beta(1, 8, 5000)
    label, weight = (rng.random(5000) < prob).astype(int), rng.integers(0, 3, 5000)
    found = calibration.reliability(count_by_score(label, prob, weight))
    order = np.argsort(prob)
    label, prob, weight = label[order], prob[order], weight[order]
    expected = weight * prob
    bins = np.floor((np.cumsum(expected) - expected / 2) * 10 / expected.sum())
    for i in range(10):
        rows = bins == i
        assert found["weight"][i] == pytest.approx(weight[rows].sum())
        assert found["mean_probability"][i] == pytest.approx(
            np.average(prob[rows], weights=weight[rows])
        )
        assert found["positive_rate"][i] == pytest.approx(
            np.average(label[rows], weights=weight[rows])
        )
    assert sum(found["weight"]) == pytest.approx(weight.sum())


def test_reliability_of_one_probability_is_one_bin() -> None:
    found = calibration.reliability(count_by_score([0, 1, 0], [0.2] * 3))
    assert found["mean_probability"] == pytest.approx([0.2])
    assert (found["positive_rate"], found["weight"]) == ([1 / 3], [3])
    assert calibration.reliability(count_by_score([0, 1], [0.0, 0.0]))["weight"] == [2]
