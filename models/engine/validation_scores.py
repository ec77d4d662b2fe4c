"""Per-task validation scores during training, exact and cheap enough to be asked for often."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from models.engine.row_blocks import RowBlocks
from models.engine.task_rows import LabelledRows
from models.loss.logloss import logloss
from models.sums import column_sums, dot


class AucRoc:
    """Area under the ROC curve of rows whose labels stay: P(a positive outranks a negative).

    Ties count half. Only the negatives are sorted, by value and without an index, which NumPy does
    with vector instructions; the (usually few) positives are looked up in them.
    """

    def __init__(
        self, positive: NDArray[np.bool_], weight: NDArray[np.floating] | None = None
    ) -> None:
        """Notes which rows are which.

        Args:
            positive: Whether the label is 1, shape (n,).
            weight: Weight of each row, shape (n,), not negative; None: all 1.
        """
        counts = np.ones(len(positive), dtype=bool) if weight is None else weight > 0
        # Taking rows by their indices is several times faster than by a mask.
        self._negative = np.flatnonzero(counts & ~positive)
        self._positive = np.flatnonzero(counts & positive)
        self._weights = (
            None
            if weight is None
            else tuple(weight[rows].astype(np.float64) for rows in (self._negative, self._positive))
        )

    def __call__(self, score: NDArray[np.floating]) -> float:
        """The area; nan if one class has no rows (or no weight).

        Args:
            score: Any increasing function of the probability, shape (n,), C-contiguous.
        """
        if not (len(self._negative) and len(self._positive)):
            return float("nan")
        negative, positive = score[self._negative], score[self._positive]
        if self._weights is None:
            negative.sort()
            # Looking up sorted values walks the memory in order, which is several times faster.
            positive.sort()
            twice_won = _twice_outranked(negative, positive).sum(dtype=np.float64)
            return float(twice_won / (2.0 * len(negative) * len(positive)))
        order = np.argsort(negative, kind="stable")
        negative_weight, positive_weight = self._weights
        weight_below = np.concatenate([[0.0], np.cumsum(negative_weight[order])])
        twice_won = dot(_twice_outranked(negative[order], positive, weight_below), positive_weight)
        return float(twice_won / (2 * weight_below[-1] * positive_weight.sum()))


def _twice_outranked(
    negative: NDArray[np.floating],
    positive: NDArray[np.floating],
    weight_below: NDArray[np.float64] | None = None,
) -> NDArray[np.number]:
    """Twice how many negatives, or how much of their weight, each positive outranks.

    Args:
        negative: Sorted scores, at least one.
        positive: Scores, shape (p,).
        weight_below: Weight of the first i negatives at index i; None: each weighs 1.
    """
    below = np.searchsorted(negative, positive, side="left")
    not_above = below.copy()
    # Ties are few once there are some trees, so that looking up all twice would be a waste.
    tied = np.flatnonzero(negative.take(below, mode="clip") == positive)
    not_above[tied] = np.searchsorted(negative, positive[tied], side="right")
    if weight_below is None:
        return below + not_above
    return np.asarray(weight_below[below] + weight_below[not_above])


class ValidationScorer:
    """Scores the validation rows again and again."""

    def __init__(self, rows: LabelledRows, blocks: RowBlocks, n_threads: int) -> None:
        """Takes the rows, the blocks to pass over them in, and the number of threads."""
        self._rows = rows
        self._blocks = blocks
        self._task_aucs = [
            AucRoc(rows.label[:, task] == 1, None if rows.weight is None else rows.weight[:, task])
            for task in range(rows.n_tasks)
        ]
        self._pool = ThreadPoolExecutor(n_threads)

    def evaluate(self, raw_score: NDArray[np.floating]) -> tuple[list[float], float]:
        """AUC of each task, and the mean log-loss over tasks; nan where undefined.

        Args:
            raw_score: Log-odds, shape (n, K).
        """

        def task_auc(task: int) -> float:
            return self._task_aucs[task](np.ascontiguousarray(raw_score[:, task]))

        mean_logloss = self._pool.submit(self._mean_logloss, raw_score)
        task_aucs = list(self._pool.map(task_auc, range(self._rows.n_tasks)))
        return task_aucs, mean_logloss.result()

    def _mean_logloss(self, raw_score: NDArray[np.floating]) -> float:
        rows = self._rows

        def block_sums(block: slice, _: int) -> NDArray[np.float64]:
            loss = logloss(raw_score[block], rows.label[block])
            if rows.weight is None:
                return np.stack([column_sums(loss), np.full(rows.n_tasks, len(loss), loss.dtype)])
            weight = rows.weight[block].astype(loss.dtype, copy=False)
            loss *= weight
            return np.stack([column_sums(loss), column_sums(weight)])

        total, weight = self._blocks.sum(block_sums)
        known = weight > 0
        return float(np.mean(total[known] / weight[known])) if known.any() else float("nan")
