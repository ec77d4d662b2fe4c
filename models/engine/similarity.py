"""The similarity of two tasks' predictions.

It is ``1 - JS(P, Q)``, where P and Q are the tasks' predicted probabilities on the same rows, each
with 1e-10 added and scaled to sum 1, and JS is the Jensen-Shannon divergence in base 2 (Lin, IEEE
Trans. Inf. Theory 37, 1991), so that it lies in [0, 1].
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.engine.row_blocks import RowBlocks
from models.loss.logloss import sigmoid

PROB_OFFSET = 1e-10


class DensityRows(Protocol):
    """Rows, wherever they are, that can be asked for what `js_divergences` adds up."""

    def density_totals(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """Sums of P and Q and the number of rows, per pair, shape (P, 3)."""

    def divergence_sums(
        self, pairs: Sequence[tuple[int, int]], scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sums of the divergence's terms once P and Q are scaled, shape (P,)."""


@dataclass(frozen=True)
class ScoredRows:
    """Rows in this process.

    Attributes:
        raw_score: Log-odds, shape (n, K).
        blocks: The rows' blocks.
        weight: Shape (n, K); a pair is compared on the rows where both tasks have a weight above 0,
            that is, where both labels are known. None: on all rows.
    """

    raw_score: NDArray[np.floating]
    blocks: RowBlocks
    weight: NDArray[np.float32] | None = None

    def density_totals(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """Sums of P and Q and the number of rows, per pair, shape (P, 3)."""

        def block_totals(rows: slice, _: int) -> NDArray[np.float64]:
            return np.array(
                [
                    (p.sum(dtype=np.float64), q.sum(dtype=np.float64), len(p))
                    for p, q in self._densities(rows, pairs)
                ]
            )

        return self.blocks.sum(block_totals)

    def divergence_sums(
        self, pairs: Sequence[tuple[int, int]], scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sums of the divergence's terms, shape (P,).

        Args:
            pairs: Pairs of task indices.
            scales: What P and Q of each pair are multiplied by, shape (P, 2).
        """
        factors = scales.astype(self.raw_score.dtype)

        def block_sums(rows: slice, _: int) -> NDArray[np.float64]:
            return np.array(
                [
                    _js_sum(p * factor[0], q * factor[1])
                    for (p, q), factor in zip(self._densities(rows, pairs), factors, strict=True)
                ]
            )

        return self.blocks.sum(block_sums)

    def _densities(
        self, rows: slice, pairs: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        columns = np.ascontiguousarray(sigmoid(self.raw_score[rows]).T)
        columns += PROB_OFFSET
        for i, j in pairs:
            if self.weight is None:
                yield columns[i], columns[j]
            else:
                known = (self.weight[rows, i] > 0) & (self.weight[rows, j] > 0)
                yield columns[i][known], columns[j][known]


def js_divergences(rows: DensityRows, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence in base 2 of pairs of tasks, shape (number of pairs,)."""
    totals = rows.density_totals(pairs)
    n_rows = np.maximum(totals[:, 2], 1.0)
    # Scaled to mean 1, not to sum 1: float32 then has its full precision.
    scales = n_rows[:, None] / np.maximum(totals[:, :2], PROB_OFFSET)
    return np.clip(rows.divergence_sums(pairs, scales) / n_rows, 0.0, 1.0)


def _js_sum(p: NDArray[np.floating], q: NDArray[np.floating]) -> float:
    """Sum over rows of the Jensen-Shannon divergence's terms, in bits.

    With ``m = p + q`` and ``d = (p - q) / m`` it is
    ``m / 4 * ((1 + d) log(1 + d) + (1 - d) log(1 - d))``: terms of one sign, which do not cancel
    when p and q are close, and are exactly 0 when they are equal.
    """
    m = p + q
    d = (p - q) / m
    # At d = -1 the term is 0 log 0, whose limit is 0.
    smallest = np.finfo(d.dtype).tiny
    above = np.maximum(1 + d, smallest)
    below = np.maximum(1 - d, smallest)
    terms = above * np.log(above) + below * np.log(below)
    terms *= m
    return float(terms.sum(dtype=np.float64)) / (4 * math.log(2))


def similarity_to_main(rows: DensityRows, n_tasks: int, main_task: int) -> NDArray[np.float64]:
    """Similarity of every task to the main task, shape (K,); 1 for the main task itself."""
    others = [task for task in range(n_tasks) if task != main_task]
    similarity = np.ones(n_tasks)
    similarity[others] -= js_divergences(rows, [(task, main_task) for task in others])
    return similarity


def similarity_matrix(rows: DensityRows, n_tasks: int) -> NDArray[np.float64]:
    """Similarity of every task to every other, shape (K, K), symmetric, 1 on the diagonal."""
    pairs = [(i, j) for i in range(n_tasks) for j in range(i)]
    matrix = np.eye(n_tasks)
    for (i, j), divergence in zip(pairs, js_divergences(rows, pairs), strict=True):
        matrix[i, j] = matrix[j, i] = 1 - divergence
    return matrix
