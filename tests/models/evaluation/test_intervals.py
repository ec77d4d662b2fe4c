"""Bootstrap intervals against a bootstrap of rows, and how often they cover the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from models.evaluation import ranking_metrics
from models.evaluation.intervals import (
    FEWEST_ROWS,
    _block_starts,
    _metrics,
    interval,
    metric_intervals,
)
from models.evaluation.score_counts import count_by_score

Floats = NDArray[np.float64]
METRICS = ("auc_roc", "average_precision", "recall_at_1pct_fpr")


def draw(
    rng: np.random.Generator, n_rows: int, rate: float, distance: float
) -> tuple[NDArray[np.int64], Floats]:
    """Labels, and probabilities from two normal distributions so far apart."""
    labels = (rng.random(n_rows) < rate).astype(np.int64)
    return labels, norm.cdf((rng.normal(size=n_rows) + distance * labels) / 2)


def scores(labels: NDArray[np.int64], probs: Floats, weights: Floats) -> list[float]:
    """The three metrics as scikit-learn has them."""
    fpr, recall, _ = roc_curve(labels, probs, sample_weight=weights, drop_intermediate=False)
    return [
        roc_auc_score(labels, probs, sample_weight=weights),
        average_precision_score(labels, probs, sample_weight=weights),
        float(recall[fpr <= 0.01].max()),
    ]


@pytest.mark.parametrize("n_rows", [500, 4000], ids=["a block per score", "blocks of scores"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_reach_is_that_of_a_bootstrap_of_rows(n_rows: int, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    labels, probs = draw(rng, n_rows, 0.2, 1.5)
    weights = rng.lognormal(0.0, 1.0, n_rows) if weighted else np.ones(n_rows)
    intervals = metric_intervals(count_by_score(labels, probs, weights if weighted else None))
    estimates = scores(labels, probs, weights)
    replicates = []
    for _ in range(300):
        counts = count_by_score(labels, probs, weights * rng.poisson(1.0, n_rows))
        replicates.append(
            [
                ranking_metrics.auc_roc(counts),
                ranking_metrics.average_precision(counts),
                ranking_metrics.recall_at_fpr(counts, 0.01),
            ]
        )
    for name, estimate, spread in zip(METRICS, estimates, np.std(replicates, axis=0), strict=True):
        low, high = intervals[name]
        assert low < estimate < high
        # Two bootstraps of 200 and 300 samples; recall is at the mercy of single rows.
        tolerance = 0.4 if name == "recall_at_1pct_fpr" else 0.25
        assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1.0, abs=tolerance)


@pytest.mark.long
@pytest.mark.parametrize(("n_rows", "rate", "distance"), [(2000, 0.1, 1.5), (20_000, 0.01, 1.5)])
def test_intervals_cover_the_truth(n_rows: int, rate: float, distance: float) -> None:
    rng = np.random.default_rng(0)
    truth = scores(*draw(rng, 3_000_000, rate, distance), np.ones(3_000_000))
    covered = np.zeros(3)
    for _ in range(500):
        intervals = metric_intervals(count_by_score(*draw(rng, n_rows, rate, distance)))
        covered += [
            intervals[name][0] <= value <= intervals[name][1]
            for name, value in zip(METRICS, truth, strict=True)
        ]
    assert np.all(covered >= 0.93 * 500), covered
    assert np.all(covered <= 0.97 * 500), covered


def test_unknown_labels_and_rows_without_weight_do_not_count() -> None:
    rng = np.random.default_rng(2)
    labels, probs = draw(rng, 400, 0.3, 1.0)
    known, weight = labels.astype(np.float64), np.ones(400)
    known[300:350], weight[350:] = np.nan, 0.0
    assert metric_intervals(count_by_score(known, probs, weight)) == metric_intervals(
        count_by_score(labels[:300], probs[:300])
    )


def test_same_counts_same_intervals() -> None:
    counts = count_by_score(*draw(np.random.default_rng(3), 3000, 0.1, 1.0))
    assert metric_intervals(counts) == metric_intervals(counts)


def test_perfect_scores_have_the_binomial_interval() -> None:
    labels = np.repeat([0, 1], [50, FEWEST_ROWS])
    intervals = metric_intervals(count_by_score(labels, np.linspace(0.1, 0.9, labels.size)))
    # All of ten: the true share is below this in one of forty cases (Clopper-Pearson).
    assert intervals["auc_roc"] == pytest.approx([0.025 ** (1 / 10), 1.0])
    assert interval(0.0, 0.0, 10) == pytest.approx([0.0, 1 - 0.025 ** (1 / 10)])


def test_blocks_of_scores_have_nearly_the_metrics_of_single_scores() -> None:
    """What a sample is measured by: rows that are spread over their block, not tied in it."""
    counts = count_by_score(*draw(np.random.default_rng(0), 50_000, 0.05, 1.5))
    starts, exact = _block_starts(counts)
    assert not exact
    assert starts.size < 2 * 256
    positives, negatives = (
        np.add.reduceat(side, starts)[None] for side in (counts.positives, counts.negatives)
    )
    found = {name: values[0] for name, values in _metrics(positives, negatives, 0.5).items()}
    assert found["average_precision"] == pytest.approx(
        ranking_metrics.average_precision(counts), abs=1e-4
    )
    assert found["recall_at_1pct_fpr"] == pytest.approx(
        ranking_metrics.recall_at_fpr(counts, 0.01), abs=3e-4
    )
    assert found["auc_roc"] == pytest.approx(ranking_metrics.auc_roc(counts), abs=5e-4)
