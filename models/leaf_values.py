"""The value of a leaf: one Newton step per task."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LeafValueSettings:
    """What shapes a leaf value.

    Attributes:
        learning_rate: Shrinkage of every value.
        lambda_l1: L1 regularization: the gradient sum is drawn towards 0 by this much.
        lambda_l2: L2 regularization, added to the hessian sum.
        min_sum_hessian: Smallest hessian sum that is believed. LightGBM checks it for the tree's
            structure; a single task's sum in a leaf can be far below, even 0, and without
            `lambda_l2` its step would then be unbounded.
    """

    learning_rate: float
    lambda_l1: float
    lambda_l2: float
    min_sum_hessian: float


def newton_values(
    sum_grad: NDArray[np.float64], sum_hess: NDArray[np.float64], settings: LeafValueSettings
) -> NDArray[np.float64]:
    """``-learning_rate * sum_grad / (sum_hess + lambda_l2)`` for every leaf and task.

    Args:
        sum_grad: Sums of the tasks' gradients over the leaves' rows, shape (L, K).
        sum_hess: Sums of the tasks' hessians, shape (L, K).
        settings: Shrinkage and regularization.

    Returns:
        Values in log-odds, shape (L, K), float64, finite.
    """
    shrunk = np.sign(sum_grad) * np.maximum(np.abs(sum_grad) - settings.lambda_l1, 0.0)
    curvature = np.maximum(sum_hess, settings.min_sum_hessian) + settings.lambda_l2
    step = np.divide(shrunk, curvature, out=np.zeros_like(shrunk), where=curvature > 0)
    values: NDArray[np.float64] = -settings.learning_rate * step
    return values
