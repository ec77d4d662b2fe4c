"""What a pass over the rows does with arrays of a value for each row and task, (n, K).

It is right for either order in memory; which is quick depends on it (`common.memory_order`).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from common.memory_order import memory_order

_FEWEST_SUMS = 256
"""Length that an array of sums has at least. Small arrays are neighbours in NumPy's own cache, and
two threads that add up in one line of the processor's take twice as long."""


def take_rows(
    values: NDArray[np.floating], index: NDArray[np.intp], out: NDArray[np.floating]
) -> None:
    """Writes ``values[index]``.

    Args:
        values: Shape (L, K), in the order of `memory_order`.
        index: Rows of `values`, in [0, L), shape (n,).
        out: Shape (n, K), contiguous in the order of `memory_order`.
    """
    # `mode` because NumPy would otherwise fill a copy of `out`, for the case of a wrong index.
    if memory_order(values.shape[1]) == "F":
        np.take(values.T, index, axis=1, out=out.T, mode="clip")
    else:
        np.take(values, index, axis=0, out=out, mode="clip")


def combine_columns(
    matrix: NDArray[np.floating],
    factors: NDArray[np.floating],
    out: NDArray[np.float32],
    scratch: NDArray[np.floating],
) -> None:
    """Writes the product of a matrix and a vector, the same to the last bit on every machine.

    NumPy leaves ``matrix @ factors`` to OpenBLAS, which adds as the processor's kernel does.

    Args:
        matrix: Shape (n, K).
        factors: Of the columns, shape (K,), of the matrix's type.
        out: Shape (n,), written.
        scratch: Of the matrix's shape and type, overwritten.
    """
    if memory_order(len(factors)) == "C":
        np.einsum("ij,j->i", matrix, factors, out=out, casting="same_kind")
        return
    np.multiply(matrix, factors, out=scratch)
    if out.dtype == scratch.dtype:
        np.add.reduce(scratch, axis=1, out=out)
    else:
        out[:] = np.add.reduce(scratch, axis=1)


class LeafSums(Protocol):
    """Adds up the rows of each leaf, in the order of the rows, for one block of rows.

    It is a product with a sparse matrix: SciPy lets go of the interpreter lock meanwhile, which
    `numpy.bincount` does not.
    """

    def __call__(self, arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
        """Sums of some arrays of shape (n, K): shape (arrays, L, K)."""


def leaf_sums_of_blocks(
    leaves: Sequence[NDArray[np.int32]], n_leaves: int, n_tasks: int, dtype: np.dtype[np.floating]
) -> list[LeafSums]:
    """What adds up the rows of each block.

    Args:
        leaves: Per block the leaf of each row, below `n_leaves`. Kept: the values may change.
        n_leaves: L.
        n_tasks: K.
        dtype: That of the arrays to be added up.
    """
    if memory_order(n_tasks) == "F":
        return [_ColumnSums(leaf, n_leaves, dtype) for leaf in leaves]
    most_rows = max(map(len, leaves))
    ones, starts = np.ones(most_rows, dtype), np.arange(most_rows + 1, dtype=np.int32)
    return [_RowSums(leaf, n_leaves, ones, starts) for leaf in leaves]


class _ColumnSums:
    """The matrix has one column, with each value of a task in the row of its leaf."""

    def __init__(
        self, leaf: NDArray[np.int32], n_leaves: int, dtype: np.dtype[np.floating]
    ) -> None:
        self._n_leaves = n_leaves
        self._one = np.ones(1, dtype)
        self._matrix = sparse.csc_array((max(n_leaves, _FEWEST_SUMS), 1), dtype=dtype)
        self._matrix.indptr = np.array([0, len(leaf)], dtype=np.int32)
        self._matrix.indices = leaf

    def __call__(self, arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
        n_tasks = arrays[0].shape[1]
        sums = np.empty((len(arrays), self._n_leaves, n_tasks), arrays[0].dtype)
        for array, array_sums in zip(arrays, sums, strict=True):
            for task in range(n_tasks):
                self._matrix.data = array[:, task]
                array_sums[:, task] = (self._matrix @ self._one)[: self._n_leaves]
        return sums


class _RowSums:
    """The matrix says which leaf (its row) a row of the table (its column) is in."""

    def __init__(
        self,
        leaf: NDArray[np.int32],
        n_leaves: int,
        ones: NDArray[np.floating],
        starts: NDArray[np.int32],
    ) -> None:
        self._matrix = sparse.csc_array((n_leaves, len(leaf)), dtype=ones.dtype)
        # Not by the constructor, which copies views of larger arrays (SciPy 1.17).
        self._matrix.indices = leaf
        self._matrix.data, self._matrix.indptr = ones[: len(leaf)], starts[: len(leaf) + 1]

    def __call__(self, arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
        return np.stack([self._matrix @ array for array in arrays])
