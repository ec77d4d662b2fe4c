"""Positives and negatives at each distinct probability: the one pass over the rows for metrics.

Every metric and curve of a task is a function of these counts, so the rows are sorted once per
task, ties are treated alike everywhere, and row weights and unknown labels are dealt with here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreCounts:
    """The rows of one task grouped by their probability, highest probability first.

    Attributes:
        threshold: (m,) float64, the distinct probabilities in descending order.
        positives: (m,) float64, weight of the positive rows that have this probability.
        negatives: (m,) float64, the same for the negative rows.
        n_rows: rows that were counted.
        n_positives: positive rows among them.
        positive_squares: (m,) float64, sum of the squared weights of the positive rows; without
            weights the same as `positives`.
        negative_squares: (m,) float64, the same for the negative rows.
        money: (m,) float64, sum of weight times amount of the positive rows; None without amounts.
    """

    threshold: Floats
    positives: Floats
    negatives: Floats
    n_rows: int
    n_positives: int
    positive_squares: Floats
    negative_squares: Floats
    money: Floats | None = None

    @cached_property
    def true_positives(self) -> Floats:
        """(m,) float64, weight of the positive rows with a probability >= `threshold`."""
        return np.cumsum(self.positives)

    @cached_property
    def false_positives(self) -> Floats:
        """(m,) float64, weight of the negative rows with a probability >= `threshold`."""
        return np.cumsum(self.negatives)

    @property
    def total_positives(self) -> float:
        """Weight of all positive rows."""
        return float(self.true_positives[-1]) if self.n_rows else 0.0

    @property
    def total_negatives(self) -> float:
        """Weight of all negative rows."""
        return float(self.false_positives[-1]) if self.n_rows else 0.0

    @property
    def has_both_classes(self) -> bool:
        """Whether a ranking of positives against negatives means anything."""
        return 0 < self.n_positives < self.n_rows


def count_by_score(
    y_true: ArrayLike,
    prob: ArrayLike,
    weight: ArrayLike | None = None,
    amount: ArrayLike | None = None,
) -> ScoreCounts:
    """Count positives and negatives at each distinct probability.

    Rows with an unknown label or without weight are left out, as if they were not there.

    Args:
        y_true: (n,) labels: 0, 1, or NaN where the label is unknown.
        prob: (n,) probabilities of class 1, finite and in [0, 1].
        weight: (n,) finite weights >= 0; None weighs every row 1.
        amount: (n,) money at stake, finite and >= 0; None: money is not counted.

    Raises:
        ValueError: shapes differ, or a value is outside its range.
    """
    labels, probs = np.asarray(y_true), np.asarray(prob, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != probs.shape:
        raise ValueError(
            "labels and probabilities must be one-dimensional and of one length, "
            f"got shapes {labels.shape} and {probs.shape}"
        )
    if probs.size and not (probs.min() >= 0.0 and probs.max() <= 1.0):
        raise ValueError(
            "probabilities must be in [0, 1] and not NaN, "
            f"got a range of {probs.min()} to {probs.max()}"
        )

    positive = labels == 1
    keep = positive | (labels == 0)
    unknown = np.isnan(labels) if labels.dtype.kind == "f" else np.zeros_like(keep)
    if not (keep | unknown).all():
        found = np.unique(labels[~(keep | unknown)])[:10].tolist()
        raise ValueError(f"labels must be 0, 1 or NaN (unknown), got {found}")
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    if weights is not None:
        _check_weights(weights, probs.shape)
        keep &= weights > 0.0
    amounts = None if amount is None else np.asarray(amount, dtype=np.float64)
    if not keep.all():
        positive, probs = positive[keep], probs[keep]
        weights = None if weights is None else weights[keep]
        amounts = None if amounts is None else amounts[keep]
    return _count(positive, probs, weights, amounts)


def _check_weights(weights: Floats, shape: tuple[int, ...]) -> None:
    if weights.shape != shape:
        raise ValueError(f"weights must have the labels' shape {shape}, got shape {weights.shape}")
    if weights.size and not (weights.min() >= 0.0 and weights.max() < np.inf):
        raise ValueError(
            "weights must be finite, not NaN and >= 0, "
            f"got a range of {weights.min()} to {weights.max()}"
        )


def _count(
    positive: NDArray[np.bool_], probs: Floats, weights: Floats | None, amounts: Floats | None
) -> ScoreCounts:
    if not probs.size:
        none = np.empty(0)
        money = None if amounts is None else none
        return ScoreCounts(none, none, none, 0, 0, none, none, money)
    order = np.argsort(probs)[::-1]
    sorted_probs = probs[order]
    starts = np.flatnonzero(np.diff(sorted_probs, prepend=np.inf))
    sorted_positive = positive[order]
    if weights is None:
        positives = np.add.reduceat(sorted_positive, starts, dtype=np.float64)
        negatives = np.diff(starts, append=probs.size) - positives
        squares = positives, negatives
    else:
        sorted_weights = weights[order]
        of_positives, of_negatives = (
            sorted_weights * sorted_positive,
            sorted_weights * ~sorted_positive,
        )
        positives, negatives = (np.add.reduceat(w, starts) for w in (of_positives, of_negatives))
        squares = np.add.reduceat(of_positives**2, starts), np.add.reduceat(of_negatives**2, starts)
    money = None
    if amounts is not None:
        at_stake = amounts * positive if weights is None else amounts * positive * weights
        money = np.add.reduceat(at_stake[order], starts)
    return ScoreCounts(
        threshold=sorted_probs[starts],
        positives=positives,
        negatives=negatives,
        n_rows=int(probs.size),
        n_positives=int(np.count_nonzero(positive)),
        positive_squares=squares[0],
        negative_squares=squares[1],
        money=money,
    )


def count_tasks(
    y_true_tasks: Mapping[int, ArrayLike],
    y_pred_tasks: ArrayLike,
    task_columns: Sequence[str],
    sample_weights: Mapping[int, ArrayLike] | None = None,
    amount: ArrayLike | None = None,
) -> Iterator[ScoreCounts]:
    """Yield the counts of each task in turn, so that one task's are in memory at a time.

    Args:
        y_true_tasks: task index -> (n,) labels 0, 1 or NaN (unknown); one entry per task.
        y_pred_tasks: (n, K) probabilities.
        task_columns: K task names, in the order of the indices.
        sample_weights: task index -> (n,) weights; tasks without an entry are not weighted.
        amount: (n,) money at stake in each row; None: money is not counted.

    Raises:
        ValueError: the number of tasks or rows differs, or a value is outside its range; the
            message names the task.
    """
    probs = np.asarray(y_pred_tasks)
    n_tasks = len(task_columns)
    if probs.ndim != 2 or probs.shape[1] != n_tasks:
        raise ValueError(
            f"y_pred_tasks must have shape (n, {n_tasks}), one column per task, "
            f"got shape {probs.shape}"
        )
    if set(y_true_tasks) != set(range(n_tasks)):
        raise ValueError(
            f"y_true_tasks must have the task indices 0 to {n_tasks - 1}, "
            f"got {list(y_true_tasks)[:10]}"
        )
    weights = sample_weights or {}
    if not set(weights) <= set(y_true_tasks):
        raise ValueError(
            f"sample_weights must have task indices of 0 to {n_tasks - 1}, got {list(weights)[:10]}"
        )
    return _count_each(y_true_tasks, probs, task_columns, weights, amount)


def _count_each(
    y_true_tasks: Mapping[int, ArrayLike],
    probs: NDArray[np.floating],
    task_columns: Sequence[str],
    weights: Mapping[int, ArrayLike],
    amount: ArrayLike | None,
) -> Iterator[ScoreCounts]:
    for i, task in enumerate(task_columns):
        try:
            yield count_by_score(y_true_tasks[i], probs[:, i], weights.get(i), amount)
        except ValueError as error:
            raise ValueError(f"task {i} ({task}): {error}") from error
