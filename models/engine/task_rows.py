"""The rows of one split as the engine keeps them: labels, raw scores, gradients, leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from common.memory_order import memory_order
from models.engine.row_blocks import RowBlocks
from models.engine.sampling import Bag
from models.loss.base import NO_DISTILLATION, Distillation, MultiTaskLoss
from models.loss.logloss import sigmoid
from models.task_arrays import combine_columns, leaf_sums_of_blocks, take_rows

_EXACT_VALUES = 2**17
"""Up to this many scores are kept in float64: the extra time is a millisecond or two, and
ties between splits, which small tables are full of, fall as they do in LightGBM. Larger tables use
float32, whose `exp` is several times faster."""

FindLeaves = Callable[[slice, NDArray[np.int32], NDArray[np.intp]], None]
"""Given some rows, writes the leaf of each; the last argument is scratch memory as long."""


@dataclass(frozen=True)
class LabelledRows:
    """Labels of the rows of one split, and how much each counts.

    Attributes:
        label: 0 or 1, shape (n, K), uint8, best in the order of `common.memory_order`;
            any value where `weight` is 0.
        weight: Weight of every row and task, shape (n, K), float32, not negative; 0 where a task's
            label is unknown. None: all 1.
    """

    label: NDArray[np.uint8]
    weight: NDArray[np.float32] | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.label)

    @property
    def n_tasks(self) -> int:
        """K."""
        return int(self.label.shape[1])


def class_weights(rows: LabelledRows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (number, without weights) of each task's negatives and positives, each shape (K,)."""
    if rows.weight is None:
        positive = rows.label.sum(axis=0, dtype=np.float64)
        return rows.n_rows - positive, positive
    positive = np.einsum("ij,ij->j", rows.weight, rows.label, dtype=np.float64)
    return np.einsum("ij,ij->j", rows.weight, 1 - rows.label, dtype=np.float64), positive


def base_scores(
    negative: NDArray[np.float64], positive: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log-odds of each task's positives against its negatives, shape (K,).

    A task with one class only gets half a row of the other, so that its log-odds are finite; they
    are 0 for a task without any known label.

    Args:
        negative: Weight of each task's negatives, shape (K,).
        positive: Weight of each task's positives, shape (K,).
    """
    total = positive + negative
    half_row = 0.5 * np.where(total > 0, np.minimum(total, 1.0), 1.0)
    odds = np.where(positive > 0, positive, half_row) / np.where(negative > 0, negative, half_row)
    log_odds: NDArray[np.float64] = np.log(odds)
    return log_odds


def prior_shifts(
    base_score: NDArray[np.float64], base_rates: Sequence[float | None]
) -> NDArray[np.float64]:
    """Shifts of the log-odds from the training rows' base rate to the true one, shape (K,).

    Where rows were left out by their label, the odds of all rows are off by one and the same
    factor, and a shift of the log-odds takes it back: with y the training rows' rate and t the true
    one by log(t / (1 - t)) - log(y / (1 - y)). It is exact whatever the features are, if the task's
    label alone decided (King and Zeng, "Logistic regression in rare events data", Political
    Analysis 9, 2001: prior correction).

    Args:
        base_score: Log-odds of the training rows' rates, weights included, shape (K,).
        base_rates: The tasks' true rates, in (0, 1); None: the training rows' rate, shift 0.
    """
    shifts = [
        0.0 if rate is None else float(logit(rate)) - score
        for rate, score in zip(base_rates, base_score.tolist(), strict=True)
    ]
    return np.array(shifts)


class TaskScores:
    """Raw scores of one split: the sum of the trees so far, shape (n, K).

    A tree is added when the rows are next passed over for another reason, so that it costs no pass
    of its own.
    """

    def __init__(
        self,
        rows: LabelledRows,
        base_score: NDArray[np.float64],
        n_threads: int,
        n_all_rows: int | None = None,
    ) -> None:
        """Starts every row at its task's base score.

        `n_all_rows`: rows of all parts, which choose one dtype; None: these are all.
        """
        self.rows = rows
        self.blocks = RowBlocks(rows.n_rows, rows.n_tasks, n_threads)
        exact = (n_all_rows or rows.n_rows) * rows.n_tasks <= _EXACT_VALUES
        self.dtype: np.dtype[np.floating] = np.dtype(np.float64 if exact else np.float32)
        self.leaf = np.zeros(rows.n_rows, dtype=np.int32)
        self._order = memory_order(rows.n_tasks)
        self._raw_score = np.empty(rows.label.shape, dtype=self.dtype, order=self._order)
        self._raw_score[:] = base_score
        self._pending: NDArray[np.floating] | None = None
        n_block, n_workers = self.blocks.rows_per_block, self.blocks.n_workers
        self._scratch = [np.empty(n_block * rows.n_tasks, self.dtype) for _ in range(n_workers)]
        self._index_scratch = [np.empty(n_block, np.intp) for _ in range(n_workers)]

    def _scratch_array(self, rows: slice, worker: int) -> NDArray[np.floating]:
        """A worker's scratch memory for a value of each row of a block and task."""
        shape = rows.stop - rows.start, self.rows.n_tasks
        flat = self._scratch[worker][: shape[0] * shape[1]]
        return flat.reshape(shape, order=self._order)

    def current_scores(self) -> NDArray[np.floating]:
        """Raw scores with all trees added, shape (n, K). Not for several threads at once."""
        if self._pending is not None:
            self.blocks.run(self._settled)
            self._pending = None
        return self._raw_score

    def add_tree(self, leaf_value: NDArray[np.float64]) -> None:
        """Adds ``leaf_value[leaf]`` to every row; `leaf_value` has shape (L, K)."""
        self._pending = leaf_value.astype(self.dtype, order=self._order)

    def _settled(self, rows: slice, worker: int) -> NDArray[np.floating]:
        """Adds the pending tree to a block and returns the block's scores."""
        score = self._raw_score[rows]
        if self._pending is not None:
            step = self._scratch_array(rows, worker)
            leaf = self._index_scratch[worker][: len(step)]
            # `take` would convert other indices itself, and keep the interpreter lock meanwhile.
            np.copyto(leaf, self.leaf[rows])
            take_rows(self._pending, leaf, step)
            score += step
        return score

    def assign_leaves(self, find_leaves: FindLeaves) -> None:
        """Lets `find_leaves(rows, leaf)` write the leaf of every row, block by block."""

        def settle_and_find(rows: slice, worker: int) -> None:
            self._settled(rows, worker)
            self._find(find_leaves, rows, worker)

        self.blocks.run(settle_and_find)
        self._pending = None

    def _find(self, find_leaves: FindLeaves, rows: slice, worker: int) -> None:
        n = rows.stop - rows.start
        find_leaves(rows, self.leaf[rows], self._index_scratch[worker][:n])


class TrainingRows(TaskScores):
    """Training rows: raw scores, and each task's gradient and hessian, shape (n, K)."""

    def __init__(
        self,
        rows: LabelledRows,
        base_score: NDArray[np.float64],
        max_leaves: int,
        n_threads: int,
        n_all_rows: int | None = None,
    ) -> None:
        """Starts every row at its task's base score; trees have at most `max_leaves` leaves."""
        super().__init__(rows, base_score, n_threads, n_all_rows)
        self.grad = np.empty(rows.label.shape, dtype=self.dtype, order=self._order)
        self.hess = np.empty(rows.label.shape, dtype=self.dtype, order=self._order)
        self._split_grad = np.empty(rows.n_rows, dtype=np.float32)
        self._split_hess = np.empty(rows.n_rows, dtype=np.float32)
        self._leaf_sums = leaf_sums_of_blocks(
            [self.leaf[block] for block in self.blocks.slices],
            max_leaves,
            rows.n_tasks,
            self.dtype,
        )

    def split_gradient(
        self,
        factors: NDArray[np.float64],
        loss: MultiTaskLoss,
        distillation: Distillation = NO_DISTILLATION,
        bag: Bag | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Computes each task's gradient and hessian, and combines them for the tree's structure.

        Args:
            factors: How the tasks are combined, shape (K,), see `models.engine.split_gradient`.
            loss: Gives the derivatives.
            distillation: Struggling tasks and their teacher.
            bag: The rows that take part; None for all. A row outside has derivatives 0: it counts
                neither for a split nor for a leaf value.

        Returns:
            Split gradient and hessian, each of shape (n,), float32.
        """
        grad_factors = factors.astype(self.dtype)
        hess_factors = np.abs(grad_factors)

        def differentiate(rows: slice, worker: int) -> None:
            score = self._settled(rows, worker)
            scratch = self._scratch_array(rows, worker)
            prob = sigmoid(score, out=scratch)
            grad, hess = self.grad[rows], self.hess[rows]
            loss.grad_hess(prob, self.rows.label[rows], grad, hess, distillation.of_rows(rows))
            if self.rows.weight is not None:
                grad *= self.rows.weight[rows]
                hess *= self.rows.weight[rows]
            if bag is not None:
                kept = bag.rows(rows)[:, None]
                grad *= kept
                hess *= kept
            combine_columns(grad, grad_factors, self._split_grad[rows], scratch)
            combine_columns(hess, hess_factors, self._split_hess[rows], scratch)

        self.blocks.run(differentiate)
        self._pending = None
        return self._split_grad, self._split_hess

    def leaf_sums(
        self, n_leaves: int, find_leaves: FindLeaves
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Assigns every row its leaf, and sums gradient and hessian over the rows of each leaf.

        Args:
            n_leaves: L.
            find_leaves: As in `assign_leaves`.

        Returns:
            Sums of gradients and of hessians, each of shape (L, K).
        """

        def block_sums(rows: slice, worker: int) -> NDArray[np.floating]:
            self._find(find_leaves, rows, worker)
            block: int = rows.start // self.blocks.rows_per_block
            return self._leaf_sums[block]([self.grad[rows], self.hess[rows]])

        grad_sums, hess_sums = self.blocks.sum(block_sums)
        return grad_sums[:n_leaves], hess_sums[:n_leaves]
