"""Distillation: a struggling task is drawn towards the probabilities of a teacher."""

import numpy as np
from numpy.typing import NDArray


def squared_gap(
    prob: NDArray[np.floating], teacher_prob: NDArray[np.floating], weight: float
) -> NDArray[np.floating]:
    """The term ``weight * (p - q)^2`` of every row; the teacher ``q`` is a constant."""
    return weight * np.square(prob - teacher_prob)


def add_distillation_grad_hess(
    prob: NDArray[np.floating],
    teacher_prob: NDArray[np.floating],
    weight: float,
    grad: NDArray[np.floating],
    hess: NDArray[np.floating],
) -> None:
    """Adds the term's derivatives with respect to the student's raw score, in place.

    With ``p' = p (1 - p)`` the gradient is exact: ``2 weight (p - q) p'``. The exact hessian
    ``2 weight (p'^2 + (p - q) p' (1 - 2p))`` can be negative; its Gauss-Newton part
    ``2 weight p'^2`` cannot, and is the one that is used.

    Args:
        prob: Student's probabilities, shape (n,).
        teacher_prob: Teacher's probabilities, shape (n,).
        weight: Weight of the term.
        grad: Gradient to add to, shape (n,), may be strided.
        hess: Hessian to add to, shape (n,), may be strided.
    """
    # Columns of a table are copied first: arithmetic on them in place is several times slower.
    prob = np.ascontiguousarray(prob)
    slope = 1 - prob
    slope *= prob
    pull = prob - np.ascontiguousarray(teacher_prob)
    pull *= slope
    pull *= 2 * weight
    grad += pull
    np.square(slope, out=slope)
    slope *= 2 * weight
    hess += slope
