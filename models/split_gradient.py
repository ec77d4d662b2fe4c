"""From K gradients per row to the one that LightGBM grows a tree from.

LightGBM looks for the split that raises ``G^2 / (H + lambda)`` most, with one gradient and one
hessian per row. Both are a combination of the tasks' own with factors v::

    split_grad = sum_k v_k grad_k        split_hess = sum_k |v_k| hess_k

The factors are scaled to ``sum_k |v_k| = 1``: neither the tree nor a leaf value depends on
their scale, but `min_sum_hessian_in_leaf` and the regularization of the gain keep the meaning that
they have for a single task.
"""

import numpy as np
from numpy.typing import NDArray


def projection_factors(
    weights: NDArray[np.float64], grad_std: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Random projection: ``v_k = sqrt(w_k) xi_k / std(grad_k)``, ``xi_k`` standard normal.

    In expectation over xi the squared gradient sum of a leaf is the weighted sum of the tasks'
    squared gradient sums, which is the exact criterion of a tree with vector leaves. Tasks that
    pull apart do not cancel, as they do in the plain weighted sum. (Iosipoi & Vakhrushev,
    "SketchBoost", NeurIPS 2022, with one random dimension.)

    Args:
        weights: Task weights, shape (K,), not negative.
        grad_std: Standard deviation of each task's gradient over the rows, shape (K,). A task
            whose gradient is constant has nothing to say about splits: its factor is 0.
        rng: Source of xi.

    Returns:
        Factors, shape (K,); all 0 only if every task's gradient is constant.
    """
    xi = rng.standard_normal(len(weights))
    informative = grad_std > np.finfo(np.float32).tiny
    spread = np.where(informative, grad_std, 1.0)
    return _scaled(np.where(informative, np.sqrt(weights) * xi / spread, 0.0))


def weighted_sum_factors(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plain weighted sum of the gradients: ``v_k = w_k`` (MT-GBM, arXiv 2201.06239)."""
    return _scaled(weights)


def _scaled(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.abs(factors).sum()
    return factors / total if total > 0 else factors
