"""Metrics of how well one task's probabilities can be taken at their word.

All take the counts of `score_counts`, work with one class too, and need at least one row.
"""

import numpy as np
from scipy.special import xlog1py, xlogy

from models.evaluation.score_counts import ScoreCounts

N_BINS = 15
"""Bins of the expected calibration error, as in Guo et al. (2017)."""


def log_loss(counts: ScoreCounts) -> float:
    """Mean negative log-likelihood in nats; infinite if a row's own class has probability 0.

    Nothing is clipped: `sklearn.metrics.log_loss` would return a number that depends on the
    clipping alone.
    """
    log_likelihood = xlogy(counts.positives, counts.threshold).sum()
    log_likelihood += xlog1py(counts.negatives, -counts.threshold).sum()
    # + 0.0: perfect probabilities have a loss of 0.0, not of -0.0.
    return float(-log_likelihood / _total(counts) + 0.0)


def brier_score(counts: ScoreCounts) -> float:
    """Mean of `(label - probability)^2`; equals `sklearn.metrics.brier_score_loss`."""
    loss = counts.positives @ (1.0 - counts.threshold) ** 2
    loss += counts.negatives @ counts.threshold**2
    return float(loss / _total(counts))


def base_rate(counts: ScoreCounts) -> float:
    """Mean label."""
    return counts.total_positives / _total(counts)


def mean_probability(counts: ScoreCounts) -> float:
    """Mean probability; that of calibrated probabilities is close to the base rate."""
    weight = counts.positives + counts.negatives
    return float(weight @ counts.threshold / _total(counts))


def expected_calibration_error(counts: ScoreCounts, n_bins: int = N_BINS) -> float:
    """Mean of `|mean label - mean probability|` over bins of equal weight.

    Bins hold equal weight instead of equal ranges of probability, because the probabilities of a
    rare task all lie in the first of such ranges. Rows of equal probability stay together in the
    bin where the lowest of them would fall, so bins may be unequal, or empty and left out. The
    value is above 0 by chance even for perfect probabilities, more so with few rows per bin.

    Reference: Nguyen & O'Connor, "Posterior calibration and exploratory analysis for natural
    language processing models", EMNLP 2015 (equal mass); Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017 (the weighted mean of absolute gaps).
    """
    positives, probs = counts.positives[::-1], counts.threshold[::-1]
    weight = positives + counts.negatives[::-1]
    weight_below = np.cumsum(weight) - weight
    bins = (weight_below * n_bins / _total(counts)).astype(np.intp)
    # |sum of label - sum of probability| per bin is the bin's weight times its gap.
    gaps = np.bincount(bins, weights=positives - weight * probs)
    return float(np.abs(gaps).sum() / _total(counts))


def _total(counts: ScoreCounts) -> float:
    return counts.total_positives + counts.total_negatives
