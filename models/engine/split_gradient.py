"""From K gradients per row to the one that LightGBM grows a tree from.

LightGBM looks for the split that raises ``G^2 / (H + lambda)`` most, with one gradient and one
hessian per row. Both are a combination of the tasks' own with factors v::

    split_grad = sum_k v_k grad_k        split_hess = sum_k |v_k| hess_k

The factors are scaled so that the mean of `split_hess` over the rows is the weighted mean of the
tasks' mean hessians: K equal tasks give what a single one has, and `min_sum_hessian_in_leaf` and
the regularization of the gain keep the meaning that they have for a single task. Neither the
splits' order nor a leaf value depends on the scale otherwise.

The factors are drawn at random, anew for every tree, where there is something to find. A projection
shows a tree one direction in the space of the tasks, and the tree finds the splits that matter in
this direction alone. Of K directions only a few have something to tell: tasks that go together have
common ones, and in the others there is chance. What the last trees have gained tells them apart.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.sums import dot
from models.trees.shared_tree import SharedTree

_SMALLEST_MEAN_HESS = 1e-12
"""What is below is a task that is learned by heart, as can be without any regularization."""


DECAY = 0.95
"""By how much the gain of a tree counts less after each further tree."""

N_TREES = 90
"""Trees that are remembered: what the last of them still counts is 1 %."""


class TaskDirections:
    """What the last trees have gained, and the directions that are drawn from it.

    With ``x_lk = sqrt(w_k H_lk) value_lk``, the signed square root of what leaf l has gained for
    task k, a direction is drawn from N(0, X'X): a random combination of the rows of X, where those
    of older trees count less. That is one step of the power method (Golub & Van Loan, "Matrix
    Computations", 8.2) towards the directions of the largest gain, with a new random start in every
    iteration, so that the trees go on seeing all of them.

    It is a function of the trees alone, so that a job that goes on from a checkpoint has it, too.
    """

    def __init__(self) -> None:
        """Starts without a tree: every direction is as good as any other."""
        self._n_leaves: deque[int] = deque(maxlen=N_TREES)
        self._gains: NDArray[np.float64] | None = None

    def add_tree(self, tree: SharedTree) -> None:
        """Takes what a tree has gained in each leaf for each task; one without splits: nothing."""
        if tree.structure.n_leaves == 1:
            return
        gain = tree.leaf_value * np.sqrt(tree.leaf_weight)
        self._n_leaves.append(len(gain))
        known = gain if self._gains is None else np.concatenate([self._gains, gain])
        self._gains = known[-sum(self._n_leaves) :]

    def draw(self, weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """A direction in the space of the tasks, shape (K,), of any length; never all 0.

        Args:
            weights: Task weights, shape (K,): a leaf's gain for a task counts as much.
            rng: Source of the random numbers.
        """
        if self._gains is not None:
            ages = np.arange(len(self._n_leaves))[::-1]
            factors = np.repeat(DECAY ** (ages / 2), self._n_leaves)
            factors *= rng.standard_normal(len(factors))
            # Not by BLAS, whose last digit depends on the machine.
            direction: NDArray[np.float64] = np.einsum("l,lk->k", factors, self._gains)
            direction *= np.sqrt(weights)
            if np.any(direction):
                return direction
        return rng.standard_normal(len(weights))


def projection_factors(
    weights: NDArray[np.float64], mean_hess: NDArray[np.float64], direction: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Random projection: ``v_k = sqrt(w_k) xi_k / std(grad_k)`` with a random direction xi.

    If xi is standard normal, the squared gradient sum of a leaf is in expectation the weighted sum
    of the tasks' squared gradient sums, which is the exact criterion of a tree with vector leaves.
    Tasks that pull apart do not cancel, as they do in the plain weighted sum. (Iosipoi &
    Vakhrushev, "SketchBoost", NeurIPS 2022, with one random dimension.) The booster draws xi from
    `TaskDirections`, which is standard normal until there are trees.

    The spread of a task's gradient is taken from its hessian: where the probabilities are
    calibrated, ``E[(p - y)^2] = E[p (1 - p)]``. The hessians' sums are known from the last tree, so
    that no pass over the rows is needed.

    Args:
        weights: Task weights, shape (K,), not negative.
        mean_hess: Mean hessian of each task over the rows, shape (K,). All but 0: the task has
            nothing to say about splits, and its factor is 0.
        direction: xi, shape (K,), of any length.

    Returns:
        Factors, shape (K,), within the range of float32; all 0 only if no task has a say.
    """
    informative = mean_hess > _SMALLEST_MEAN_HESS
    spread = np.sqrt(np.where(informative, mean_hess, 1.0))
    factors = np.where(informative, np.sqrt(weights) * direction / spread, 0.0)
    scale = dot(np.abs(factors), mean_hess)
    wanted = dot(weights, mean_hess) / weights.sum()
    return factors * (wanted / scale if scale > 0 else 1.0)


def weighted_sum_factors(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plain weighted sum of the gradients: ``v_k = w_k / sum(w)`` (MT-GBM, arXiv 2201.06239)."""
    factors: NDArray[np.float64] = weights / weights.sum()
    return factors
