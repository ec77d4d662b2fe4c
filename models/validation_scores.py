"""Per-task validation scores during training, exact and cheap enough to be asked for often."""

import numpy as np
from numpy.typing import NDArray


def auc_roc(
    score: NDArray[np.floating],
    positive: NDArray[np.bool_],
    weight: NDArray[np.floating] | None = None,
) -> float:
    """Area under the ROC curve: the probability that a positive outranks a negative.

    Ties count half. Only the negatives are sorted, by value and without an index, which NumPy does
    with vector instructions; the (usually few) positives are looked up in them.

    Args:
        score: Any increasing function of the probability, shape (n,).
        positive: Whether the label is 1, shape (n,).
        weight: Weight of each row, shape (n,), not negative; None: all 1.

    Returns:
        The area; nan if one class has no rows (or no weight).
    """
    negatives, positives = score[~positive], score[positive]
    if weight is None:
        pairs = float(len(negatives)) * len(positives)
        if pairs == 0:
            return float("nan")
        negatives.sort()
        # Looking up sorted values walks the memory in order, which is several times faster.
        positives.sort()
        below = np.searchsorted(negatives, positives, side="left").sum(dtype=np.float64)
        not_above = np.searchsorted(negatives, positives, side="right").sum(dtype=np.float64)
        return float((below + not_above) / (2 * pairs))
    order = np.argsort(negatives, kind="stable")
    negatives = negatives[order]
    weight_below = np.concatenate([[0.0], np.cumsum(weight[~positive][order], dtype=np.float64)])
    positive_weight = weight[positive].astype(np.float64)
    weighted_pairs = float(weight_below[-1] * positive_weight.sum())
    if weighted_pairs == 0:
        return float("nan")
    twice_won = (
        weight_below[np.searchsorted(negatives, positives, side="left")]
        + weight_below[np.searchsorted(negatives, positives, side="right")]
    ) @ positive_weight
    return float(twice_won / (2 * weighted_pairs))
