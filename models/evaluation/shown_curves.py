"""Curves and histograms of one task with as few points as a picture of them needs."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from models.evaluation.curves import precision_recall_points, roc_points
from models.evaluation.score_counts import Floats, ScoreCounts

_POINTS = 80
_BINS = 30
_LOG_ODDS_LIMIT = 13.8  # a probability of one in a million


def roc_curve(counts: ScoreCounts) -> dict[str, list[float]]:
    """`fpr` and `recall` of points of the ROC curve, from (0, 0) to (1, 1); needs both classes."""
    fpr, recall = roc_points(counts)
    # The curve rises steeply, then flattens: even steps of the sum see both parts.
    kept = _thinned(fpr + recall)
    return {"fpr": _rounded(fpr[kept]), "recall": _rounded(recall[kept])}


def precision_recall_curve(counts: ScoreCounts) -> dict[str, list[float]]:
    """`recall` and `precision` of points of the curve, from recall 0 on; needs both classes."""
    recall, precision = precision_recall_points(counts)
    kept = _thinned(recall)
    return {"recall": _rounded(recall[kept]), "precision": _rounded(precision[kept])}


def score_distribution(counts: ScoreCounts) -> dict[str, list[float]]:
    """Share of each class in bins of equal width in log-odds; needs both classes.

    Returns:
        `edges`: the bins' borders as probabilities, ascending; `positives` and `negatives`: shares
        of the class's weight, each of sum 1. Log-odds beyond +-13.8 count into the outer bins.
    """
    prob = np.clip(counts.threshold, 1e-15, 1 - 1e-15)
    log_odds = np.clip(logit(prob), -_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT)
    low, high = float(log_odds[-1]), float(log_odds[0])
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    bins = np.minimum(((log_odds - low) * (_BINS / (high - low))).astype(np.intp), _BINS - 1)
    positives, negatives = (
        np.bincount(bins, weight, _BINS) / weight.sum()
        for weight in (counts.positives, counts.negatives)
    )
    return {
        "edges": expit(np.linspace(low, high, _BINS + 1)).tolist(),
        "positives": _rounded(positives),
        "negatives": _rounded(negatives),
    }


def _thinned(position: Floats) -> NDArray[np.intp]:
    """Indices of the first, the last, and some `_POINTS` points in even steps of an ascending x."""
    step = np.floor((position - position[0]) * _POINTS / max(position[-1] - position[0], 1e-300))
    return np.union1d(np.flatnonzero(np.diff(step, prepend=-1.0)), position.size - 1)


def _rounded(values: Floats) -> list[float]:
    return [round(value, 6) for value in values.tolist()]
