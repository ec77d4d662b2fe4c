"""Metrics of one task's ranking and of its decisions at a threshold.

All take the counts of `score_counts`; all but `f1_at` and `precision_in_top` need both classes.
A row is predicted positive if its probability is >= the threshold. Rows of equal probability are
never told apart.
"""

import numpy as np

from models.evaluation.score_counts import ScoreCounts
from models.sums import dot


def auc_roc(counts: ScoreCounts) -> float:
    """Area under the ROC curve, ties counted half; equals `sklearn.metrics.roc_auc_score`."""
    mid_rank = counts.true_positives - 0.5 * counts.positives
    pairs = counts.total_positives * counts.total_negatives
    return float(dot(counts.negatives, mid_rank) / pairs)


def average_precision(counts: ScoreCounts) -> float:
    """Sum of precision times gain in recall; equals `sklearn.metrics.average_precision_score`."""
    precision = counts.true_positives / (counts.true_positives + counts.false_positives)
    return float(dot(counts.positives, precision) / counts.total_positives)


def recall_at_fpr(counts: ScoreCounts, limit: float) -> float:
    """Recall at the lowest threshold whose false positive rate is at most `limit`.

    No interpolation between thresholds: the value can be had by a decision that only looks at the
    probability. 0.0 if already the highest probability has too many negatives.
    """
    fpr = counts.false_positives / counts.total_negatives
    n_within = int(np.searchsorted(fpr, limit, side="right"))
    if n_within == 0:
        return 0.0
    return float(counts.true_positives[n_within - 1] / counts.total_positives)


def precision_in_top(counts: ScoreCounts, fraction: float) -> float:
    """Share of positives among the `fraction` of all weight with the highest probabilities.

    Where the border runs through rows of equal probability, or through one row, their share is
    taken in proportion: the mean over all orders of the tied rows.
    """
    predicted = counts.true_positives + counts.false_positives
    top = fraction * float(predicted[-1])
    true_positives = np.interp(
        top, np.append(0.0, predicted), np.append(0.0, counts.true_positives)
    )
    return float(true_positives / top)


def f1_at(counts: ScoreCounts, threshold: float) -> float:
    """F1 of the decision `probability >= threshold`; needs a positive row."""
    n_predicted = int(np.count_nonzero(counts.threshold >= threshold))
    if n_predicted == 0:
        return 0.0
    true_positives = counts.true_positives[n_predicted - 1]
    predicted = true_positives + counts.false_positives[n_predicted - 1]
    return float(2.0 * true_positives / (predicted + counts.total_positives))


def best_f1_threshold(counts: ScoreCounts) -> float:
    """Return the probability that, as a threshold, has the highest F1 on these rows.

    Among equals it is the highest one, which raises the fewest alarms. It is a probability of
    this split, so `f1_at` reaches the optimum with it exactly.
    """
    predicted = counts.true_positives + counts.false_positives
    f1 = 2.0 * counts.true_positives / (predicted + counts.total_positives)
    return float(counts.threshold[np.argmax(f1)])
