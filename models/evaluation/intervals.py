"""Bootstrap 95 % intervals of one task's ranking metrics, from its sorted counts.

A bootstrap sample gives every row a multiplicity that is Poisson distributed with mean 1, which for
many rows is the multinomial of drawing with replacement. All the rows of a block of neighbouring
probabilities then count a Poisson number whose mean is their number, so that a sample costs a draw
per block and class, however many rows there are. Up to `EXACT_BLOCKS` distinct probabilities are
blocks of their own. More are put together, in steps of recall and, finer towards the highest
probabilities, of the false positive rate, and the rows of a block are taken to be spread evenly.
With weights the number is scaled so that mean and variance of the block's weight are right.

The interval is symmetric in the log-odds of the metric, which keeps it inside [0, 1]: log-odds
+- 1.96 standard errors, the bootstrap's standard deviation by the delta method. At an estimate of
exactly 0 or 1, where all samples agree, it is the exact binomial one of as many rows as the rarer
class has.

References: Hanley & MacGibbon, "Creating non-parametric bootstrap samples using Poisson
frequencies", Comput. Methods Programs Biomed. 83 (2006); Boyd, Eng & Page, "Area under the
precision-recall curve: point estimates and confidence intervals", ECML 2013 (the log-odds).
"""

import numpy as np
from numpy.typing import NDArray

from models.evaluation import ranking_metrics
from models.evaluation.score_counts import Floats, ScoreCounts

REPLICATES = 200
"""Enough for a standard deviation that is known to 5 %."""

EXACT_BLOCKS = 512
FEWEST_ROWS = 10
"""Positive or negative rows below which there is no interval."""

_STEPS = 256
_FINENESS = 1e4  # the false positive rate's steps are even below 1 / this, then grow in proportion
_Z = 1.959963984540054
_SEED = 20010911


def metric_intervals(counts: ScoreCounts) -> dict[str, list[float]]:
    """95 % intervals of AUC, average precision and recall at 1 % false positives.

    Args:
        counts: Both classes, at least `FEWEST_ROWS` rows of each.

    Returns:
        `{metric: [low, high]}` under the keys of the metrics.
    """
    estimates = {
        "auc_roc": ranking_metrics.auc_roc(counts),
        "average_precision": ranking_metrics.average_precision(counts),
        "recall_at_1pct_fpr": ranking_metrics.recall_at_fpr(counts, 0.01),
    }
    starts, exact = _block_starts(counts)
    rng = np.random.default_rng(_SEED)
    positives = _resampled(rng, counts.positives, counts.positive_squares, starts)
    negatives = _resampled(rng, counts.negatives, counts.negative_squares, starts)
    both = (positives.sum(axis=1) > 0) & (negatives.sum(axis=1) > 0)
    replicates = _metrics(positives[both], negatives[both], spread=0.0 if exact else 0.5)
    rarer = min(counts.n_positives, counts.n_rows - counts.n_positives)
    return {
        name: interval(estimate, float(np.std(replicates[name], ddof=1)), rarer)
        for name, estimate in estimates.items()
    }


def interval(estimate: float, standard_error: float, n_rows: int) -> list[float]:
    """95 % interval of a share, symmetric in its log-odds; at 0 or 1 the binomial one of n rows."""
    if estimate in {0.0, 1.0}:
        beyond = 1.0 - 0.025 ** (1.0 / n_rows)
        return [0.0, beyond] if estimate == 0.0 else [1.0 - beyond, 1.0]
    log_odds = np.log(estimate / (1.0 - estimate))
    reach = _Z * standard_error / (estimate * (1.0 - estimate))
    low, high = 1.0 / (1.0 + np.exp(-(log_odds + np.array([-reach, reach]))))
    return [float(low), float(high)]


def _block_starts(counts: ScoreCounts) -> tuple[NDArray[np.intp], bool]:
    """Where in the distinct probabilities each block starts; whether each is a block of its own."""
    if counts.threshold.size <= EXACT_BLOCKS:
        return np.arange(counts.threshold.size), True
    recall = counts.true_positives / counts.total_positives
    fpr = counts.false_positives / counts.total_negatives
    step = np.floor(recall * _STEPS)
    step += np.floor(np.log1p(_FINENESS * fpr) * (_STEPS / np.log1p(_FINENESS)))
    return np.flatnonzero(np.diff(step, prepend=-1.0)), False


def _resampled(
    rng: np.random.Generator, weight: Floats, squares: Floats, starts: NDArray[np.intp]
) -> Floats:
    """Weight of one class per sample and block, shape (REPLICATES, blocks)."""
    total = np.add.reduceat(weight, starts)
    square = np.add.reduceat(squares, starts)
    # So many rows of one weight have this mean and this variance; without weights, the rows.
    weight_of_row = np.divide(square, total, out=np.ones_like(total), where=total > 0)
    drawn = rng.poisson(total / weight_of_row, (REPLICATES, total.size))
    return np.asarray(drawn * weight_of_row, dtype=np.float64)


def _metrics(positives: Floats, negatives: Floats, spread: float) -> dict[str, Floats]:
    """Each metric of each sample.

    Args:
        positives: (samples, blocks), highest probability first.
        negatives: The same shape.
        spread: 0: the rows of a block are tied; 0.5: they are spread evenly over it.
    """
    true_positives, false_positives = positives.cumsum(axis=1), negatives.cumsum(axis=1)
    total_positives, total_negatives = true_positives[:, -1], false_positives[:, -1]
    auc = (negatives * (true_positives - 0.5 * positives)).sum(axis=1)
    caught = true_positives - spread * positives
    alerts = caught + false_positives - spread * negatives
    precision = np.divide(caught, alerts, out=np.zeros_like(caught), where=alerts > 0)
    return {
        "auc_roc": auc / (total_positives * total_negatives),
        "average_precision": (positives * precision).sum(axis=1) / total_positives,
        "recall_at_1pct_fpr": _recall_at(0.01, true_positives, false_positives, spread > 0)
        / total_positives,
    }


def _recall_at(
    limit: float, true_positives: Floats, false_positives: Floats, inside_blocks: bool
) -> Floats:
    """Weight of the positives above the lowest threshold that keeps to the false positive rate."""
    allowed = limit * false_positives[:, -1:]
    n_within = (false_positives <= allowed).sum(axis=1)[:, None]
    # A block 0 without rows stands before the others.
    tp, fp = (np.pad(counts, ((0, 0), (1, 0))) for counts in (true_positives, false_positives))
    reached = np.take_along_axis(tp, n_within, axis=1)
    if inside_blocks:
        spent = np.take_along_axis(fp, n_within, axis=1)
        positives = np.take_along_axis(tp, n_within + 1, axis=1) - reached
        negatives = np.take_along_axis(fp, n_within + 1, axis=1) - spent
        reached = reached + positives * (allowed - spent) / negatives
    return reached[:, 0]
