"""From K gradients per row to the one that LightGBM grows a tree from.

LightGBM looks for the split that raises ``G^2 / (H + lambda)`` most, with one gradient and one
hessian per row. Both are a combination of the tasks' own with factors v::

    split_grad = sum_k v_k grad_k        split_hess = sum_k |v_k| hess_k

The factors are scaled so that the mean of `split_hess` over the rows is the weighted mean of the
tasks' mean hessians: K equal tasks give what a single one has, and `min_sum_hessian_in_leaf` and
the regularization of the gain keep the meaning that they have for a single task. Neither the
splits' order nor a leaf value depends on the scale otherwise.
"""

import numpy as np
from numpy.typing import NDArray

_SMALLEST_MEAN_HESS = 1e-12
"""What is below is a task that is learned by heart, as can be without any regularization."""


def projection_factors(
    weights: NDArray[np.float64], mean_hess: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Random projection: ``v_k = sqrt(w_k) xi_k / std(grad_k)``, ``xi_k`` standard normal.

    In expectation over xi the squared gradient sum of a leaf is the weighted sum of the tasks'
    squared gradient sums, which is the exact criterion of a tree with vector leaves. Tasks that
    pull apart do not cancel, as they do in the plain weighted sum. (Iosipoi & Vakhrushev,
    "SketchBoost", NeurIPS 2022, with one random dimension.)

    The spread of a task's gradient is taken from its hessian: where the probabilities are
    calibrated, ``E[(p - y)^2] = E[p (1 - p)]``. The hessians' sums are known from the last tree, so
    that no pass over the rows is needed.

    Args:
        weights: Task weights, shape (K,), not negative.
        mean_hess: Mean hessian of each task over the rows, shape (K,). All but 0: the task has
            nothing to say about splits, and its factor is 0.
        rng: Source of xi.

    Returns:
        Factors, shape (K,), within the range of float32; all 0 only if no task has a say.
    """
    xi = rng.standard_normal(len(weights))
    informative = mean_hess > _SMALLEST_MEAN_HESS
    spread = np.sqrt(np.where(informative, mean_hess, 1.0))
    factors = np.where(informative, np.sqrt(weights) * xi / spread, 0.0)
    scale = np.abs(factors) @ mean_hess
    wanted = weights @ mean_hess / weights.sum()
    return factors * (wanted / scale if scale > 0 else 1.0)


def weighted_sum_factors(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plain weighted sum of the gradients: ``v_k = w_k / sum(w)`` (MT-GBM, arXiv 2201.06239)."""
    factors: NDArray[np.float64] = weights / weights.sum()
    return factors
