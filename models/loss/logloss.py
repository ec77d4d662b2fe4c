"""The log-loss of independent binary tasks: value, gradient and hessian.

With the probability ``p = 1 / (1 + exp(-F))`` of a raw score ``F`` and a label ``y`` in {0, 1}::

    loss     = log(1 + exp(F)) - y F
    gradient = d loss / dF   = p - y
    hessian  = d2 loss / dF2 = p (1 - p)
"""

import numpy as np
from numpy.typing import NDArray


def sigmoid(
    raw_score: NDArray[np.floating], out: NDArray[np.floating] | None = None
) -> NDArray[np.floating]:
    """Probabilities of raw scores (log-odds), any shape, in the dtype of `raw_score`.

    Scores beyond the range of `exp` give exactly 0, without a warning.
    """
    with np.errstate(over="ignore"):
        prob: NDArray[np.floating] = np.negative(raw_score, out=out)
        np.exp(prob, out=prob)
        prob += 1
        np.reciprocal(prob, out=prob)
    return prob


def logloss(raw_score: NDArray[np.floating], label: NDArray[np.generic]) -> NDArray[np.floating]:
    """Loss of every row and task, the shape of `raw_score`, finite for every finite score."""
    # max(F, 0) + log(1 + exp(-|F|)) never overflows; NumPy has vector instructions for its parts.
    loss: NDArray[np.floating] = np.log(1 + np.exp(-np.abs(raw_score)))
    loss += np.maximum(raw_score, 0)
    loss -= np.multiply(label, raw_score)
    return loss


def logloss_grad_hess(
    prob: NDArray[np.floating],
    label: NDArray[np.generic],
    grad: NDArray[np.floating],
    hess: NDArray[np.floating],
) -> None:
    """Writes gradient and hessian with respect to the raw score into `grad` and `hess`.

    All arrays have the same shape; `grad` and `hess` may be strided views.
    """
    # An operation on mixed types converts bit by bit, and keeps the interpreter lock meanwhile.
    np.copyto(hess, label, casting="same_kind")
    np.subtract(prob, hess, out=grad)
    # 1 - p is exact in floating point for p >= 1/2, where p - p * p would cancel.
    np.subtract(1, prob, out=hess)
    np.multiply(hess, prob, out=hess)
