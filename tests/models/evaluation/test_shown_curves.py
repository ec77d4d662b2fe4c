"""The curves of the report: few points, all of them on the curve."""

import numpy as np
import pytest
from scipy.special import logit

from models.evaluation.curves import precision_recall_points, roc_points
from models.evaluation.score_counts import ScoreCounts, count_by_score
from models.evaluation.shown_curves import precision_recall_curve, roc_curve, score_distribution


@pytest.fixture
def counts() -> ScoreCounts:
    rng = np.random.default_rng(0)
    prob = rng.beta(1, 5, 20_000)
    return count_by_score(rng.random(20_000) < prob, prob)


def test_roc_points_are_on_the_curve(counts: ScoreCounts) -> None:
    curve = roc_curve(counts)
    x, y = np.array(curve["fpr"]), np.array(curve["recall"])
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert 60 < x.size < 100
    full = set(zip(*np.round(roc_points(counts), 6), strict=True))
    assert set(zip(x, y, strict=True)) <= full
    auc = np.trapezoid(y, x)
    assert auc == pytest.approx(np.trapezoid(*roc_points(counts)[::-1]), abs=2e-3)


def test_precision_recall_points_are_on_the_curve(counts: ScoreCounts) -> None:
    curve = precision_recall_curve(counts)
    assert curve["recall"][0] == 0
    assert curve["recall"][-1] == 1
    full = set(zip(*np.round(precision_recall_points(counts), 6), strict=True))
    assert set(zip(curve["recall"], curve["precision"], strict=True)) <= full
    assert len(curve["recall"]) < 100


def test_score_distribution_is_a_histogram_in_log_odds(counts: ScoreCounts) -> None:
    shown = score_distribution(counts)
    log_odds = logit(counts.threshold)
    edges = np.linspace(log_odds.min(), log_odds.max(), 31)
    assert logit(shown["edges"]) == pytest.approx(edges)
    for side in ("positives", "negatives"):
        weight = getattr(counts, side)
        expected = np.histogram(log_odds, edges, weights=weight)[0] / weight.sum()
        assert shown[side] == pytest.approx(expected, abs=2e-3)
        assert sum(shown[side]) == pytest.approx(1.0, abs=1e-4)


def test_one_probability_for_all_and_extreme_ones_have_curves() -> None:
    for probs in ([0.5] * 4, [0.0, 0.0, 1.0, 1.0]):
        counts = count_by_score([0, 1, 0, 1], probs)
        assert roc_curve(counts)["fpr"][-1] == 1
        assert precision_recall_curve(counts)["recall"][-1] == 1
        assert sum(score_distribution(counts)["positives"]) == pytest.approx(1.0)
