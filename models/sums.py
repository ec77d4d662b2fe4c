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


def column_sums(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum of each column, shape (K,), in the matrix's type."""
    if matrix.shape[1] > _MOST_PASSES:
        sums: NDArray[np.floating] = np.einsum("ij->j", matrix)
        return sums
    return np.array([matrix[:, column].sum() for column in range(matrix.shape[1])], matrix.dtype)
