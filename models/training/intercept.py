"""Calibration in the large: a constant per task that makes the mean probability right.

Boosting learns some of the training rows by heart, so that on other rows the probabilities of a
rare task are too low on average, while their order is as good as ever. A shift of the log-odds
mends the mean and leaves every ranking as it is (Steyerberg, "Clinical Prediction Models",
section 15.3: recalibration of the intercept).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from models.engine.task_rows import LabelledRows, class_weights

_LARGEST_SHIFT = 30.0


def intercept_shifts(
    prob: NDArray[np.float64],
    rows: LabelledRows,
    *other_weights: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Shifts of the log-odds after which the rows' mean probability is the base rate, shape (K,).

    The base rate is that of `rows` and of others together, which has less of chance in it than
    that of `rows` alone; it takes for granted that both were drawn alike.

    Args:
        prob: Probabilities of `rows`, which the model was not trained on, shape (n, K).
        rows: Their labels and weights.
        other_weights: Weights of the negatives and positives of further rows, each shape (K,),
            which count for the base rate.

    Returns:
        The shifts; 0 for a task with labels of one class only, or without a known label in `rows`.
    """
    counts = [class_weights(rows), *other_weights]
    negative, positive = np.sum(counts, axis=0)
    known = np.sum(counts[0], axis=0)
    shifts = np.zeros(rows.n_tasks)
    for task in np.flatnonzero((negative > 0) & (positive > 0) & (known > 0)):
        weight = None if rows.weight is None else rows.weight[:, task]
        base_rate = positive[task] / (positive[task] + negative[task])
        shifts[task] = _shift(prob[:, task], weight, base_rate)
    return shifts


def _shift(
    prob: NDArray[np.float64], weight: NDArray[np.float32] | None, base_rate: float
) -> float:
    def gap(shift: float) -> float:
        return float(np.average(shifted(prob, shift), weights=weight)) - base_rate

    # Probabilities of exactly 0 or 1 stay where they are, and may leave the base rate out of reach.
    low, high = -_LARGEST_SHIFT, _LARGEST_SHIFT
    if gap(low) >= 0 or gap(high) <= 0:
        return 0.0
    return float(brentq(gap, low, high, xtol=1e-10))


def shifted(prob: NDArray[np.float64], shift: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities whose log-odds are raised by `shift`, which broadcasts against `prob`."""
    odds_ratio = np.exp(shift)
    raised: NDArray[np.float64] = prob * odds_ratio / (1 - prob + prob * odds_ratio)
    return raised
