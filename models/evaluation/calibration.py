"""Metrics of how well one task's probabilities can be taken at their word.

All take the counts of `score_counts`, work with one class too, and need at least one row.
"""

import numpy as np
from scipy.special import expit, logit, xlog1py, xlogy

from models.evaluation.score_counts import Floats, ScoreCounts
from models.sums import dot

N_BINS = 15
"""Bins of the expected calibration error, as in Guo et al. (2017)."""

_LOG_ODDS_RANGE = (1e-15, 1.0 - 1e-15)  # probabilities of 0 and 1 have no log-odds
_MOST_GROUPS = 4096
_MOST_STEPS = 100
_SINGULAR = 1e-14  # a determinant is rounding noise below this share of its first term


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
    loss = dot(counts.positives, (1.0 - counts.threshold) ** 2)
    loss += dot(counts.negatives, counts.threshold**2)
    return float(loss / _total(counts))


def base_rate(counts: ScoreCounts) -> float:
    """Mean label."""
    return counts.total_positives / _total(counts)


def mean_probability(counts: ScoreCounts) -> float:
    """Mean probability; that of calibrated probabilities is close to the base rate."""
    weight = counts.positives + counts.negatives
    return float(dot(weight, counts.threshold) / _total(counts))


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


def calibration_fit(counts: ScoreCounts) -> tuple[float | None, float | None]:
    """Calibration slope and intercept; perfect probabilities have 1 and 0.

    The slope is b of the logistic regression `logit P(y = 1) = a + b * logit(p)`: below 1 the
    probabilities are too extreme, above 1 too timid. The intercept is a of the same regression with
    b held at 1: above 0 the probabilities are too low on the whole. References: Cox, "Two further
    applications of a model for binary regression", Biometrika 45 (1958); Van Calster et al.,
    "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17 (2019).

    Args:
        counts: Both classes.

    Returns:
        Slope and intercept. A slope is None where all probabilities are the same, or where they
        separate the classes, for then there is no largest likelihood.
    """
    log_odds, positives, negatives = _merged_log_odds(counts)
    _, intercept = _logistic_fit(log_odds, positives, negatives, with_slope=False)
    slope = None
    if _has_slope(positives, negatives):
        slope, _ = _logistic_fit(log_odds, positives, negatives, with_slope=True)
    return slope, intercept


def _has_slope(positives: Floats, negatives: Floats) -> bool:
    """Whether the classes overlap: neither stands, ties aside, wholly above the other."""
    of_positives, of_negatives = np.flatnonzero(positives > 0), np.flatnonzero(negatives > 0)
    return bool(of_positives[-1] > of_negatives[0] and of_negatives[-1] > of_positives[0])


def _merged_log_odds(counts: ScoreCounts) -> tuple[Floats, Floats, Floats]:
    """Log-odds, positives and negatives; neighbours put together where there are very many."""
    prob = np.clip(counts.threshold, *_LOG_ODDS_RANGE)
    log_odds = logit(prob)
    if log_odds.size <= _MOST_GROUPS:
        return log_odds, counts.positives, counts.negatives
    width = (log_odds[0] - log_odds[-1]) / _MOST_GROUPS
    starts = np.flatnonzero(np.diff(np.floor(log_odds / width), prepend=np.inf))
    weight = counts.positives + counts.negatives
    positives, negatives = (
        np.add.reduceat(side, starts) for side in (counts.positives, counts.negatives)
    )
    mean = np.add.reduceat(weight * log_odds, starts) / (positives + negatives)
    return mean, positives, negatives


def _logistic_fit(
    log_odds: Floats, positives: Floats, negatives: Floats, *, with_slope: bool
) -> tuple[float, float]:
    """Slope (1 where it is held) and intercept by Newton's method with halved steps."""
    weight = positives + negatives
    slope, intercept = 1.0, 0.0
    centre = float(dot(weight, log_odds) / weight.sum())
    x = log_odds - centre if with_slope else log_odds
    if with_slope:
        intercept = centre

    def loss(a: float, b: float) -> float:
        z = a + b * x
        return dot(positives, np.logaddexp(0, -z)) + dot(negatives, np.logaddexp(0, z))

    best = loss(intercept, slope)
    for _ in range(_MOST_STEPS):
        prob = expit(intercept + slope * x)
        residual, curvature = positives - weight * prob, weight * prob * (1 - prob)
        flat, mixed, steep = (dot(curvature, x**power) for power in range(3))
        gradient = residual.sum(), dot(residual, x)
        determinant = flat * steep - mixed**2
        if with_slope and determinant > _SINGULAR * flat * steep:
            step = np.array(
                [
                    steep * gradient[0] - mixed * gradient[1],
                    flat * gradient[1] - mixed * gradient[0],
                ]
            )
            step /= determinant
        else:
            step = np.array([gradient[0] / flat if flat > 0 else 0.0, 0.0])
        while (new := loss(intercept + step[0], slope + step[1])) > best and abs(
            step
        ).max() > 1e-12:
            step = step / 2
        intercept, slope, best = intercept + step[0], slope + step[1], new
        if abs(step).max() < 1e-9:
            break
    return float(slope), float(intercept - slope * centre if with_slope else intercept)


def reliability(counts: ScoreCounts, n_bins: int = 10) -> dict[str, list[float]]:
    """Mean probability and mean label in bins of equal *expected positives*, lowest bin first.

    Bins of equal weight would put nearly all positives of a rare task into one bin, bins of equal
    width nearly all rows. Rows of equal probability stay together.

    Args:
        counts: At least one row.
        n_bins: Most bins; empty ones are left out.

    Returns:
        `mean_probability`, `positive_rate` and `weight` (rows, without weights), a list each.
    """
    positives, probs = counts.positives[::-1], counts.threshold[::-1]
    weight = positives + counts.negatives[::-1]
    expected = weight * probs
    total = expected.sum()
    below = np.cumsum(expected) - 0.5 * expected
    bins = np.minimum((below * n_bins / total).astype(np.intp) if total > 0 else 0, n_bins - 1)
    bins = np.broadcast_to(bins, probs.shape)
    sums = [np.bincount(bins, values, n_bins) for values in (expected, positives, weight)]
    used = sums[2] > 0
    return {
        "mean_probability": (sums[0][used] / sums[2][used]).tolist(),
        "positive_rate": (sums[1][used] / sums[2][used]).tolist(),
        "weight": sums[2][used].tolist(),
    }
