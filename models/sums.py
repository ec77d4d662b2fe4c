"""Sums of products that are the same to the last bit on every kernel.

NumPy leaves `a @ b` to OpenBLAS, which picks a kernel by the processor that it finds and adds in
that kernel's order. NumPy's own `sum` and `einsum` (without `optimize`) have one order.
"""

import numpy as np
from numpy.typing import NDArray

_MOST_PASSES = 4
"""With so few columns, a pass per column is quicker than `einsum`'s work per row."""


def dot(one: NDArray[np.number], other: NDArray[np.number]) -> float:
    """Scalar product of two vectors, added in float64."""
    return float(np.multiply(one, other).sum(dtype=np.float64))


def combine_columns(
    matrix: NDArray[np.floating],
    factors: NDArray[np.floating],
    out: NDArray[np.float32],
) -> None:
    """Writes the product of a matrix and a vector, added column after column if there are few.

    Args:
        matrix: Shape (n, K).
        factors: Of the columns, shape (K,), of the matrix's type.
        out: Shape (n,), written.
    """
    n_columns = len(factors)
    if n_columns > _MOST_PASSES:
        np.einsum("ij,j->i", matrix, factors, out=out, casting="same_kind")
        return
    total = out if out.dtype == matrix.dtype else np.empty(len(out), matrix.dtype)
    term = np.empty_like(total)
    np.multiply(matrix[:, 0], factors[0], out=total)
    for column in range(1, n_columns):
        np.multiply(matrix[:, column], factors[column], out=term)
        total += term
    if total is not out:
        out[:] = total


def column_sums(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum of each column, shape (K,), in the matrix's type."""
    if matrix.shape[1] > _MOST_PASSES:
        sums: NDArray[np.floating] = np.einsum("ij->j", matrix)
        return sums
    return np.array([matrix[:, column].sum() for column in range(matrix.shape[1])], matrix.dtype)
