"""What is done with arrays of a value for each row and task, however they lie in memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from common.memory_order import memory_order
from models.task_arrays import combine_columns, leaf_sums_of_blocks, take_rows

Array = NDArray[Any]
N_ROWS = 501
N_LEAVES = 7
# On either side of where the order changes.
N_TASKS = [1, 2, 3, 4, 5, 6, 11]


@pytest.fixture(params=N_TASKS)
def n_tasks(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    name: str = request.param
    return np.dtype(name)


def task_array(n_tasks: int, dtype: np.dtype[Any], seed: int = 0, n_rows: int = N_ROWS) -> Array:
    values = np.random.default_rng(seed).normal(size=(n_rows, n_tasks))
    return values.astype(dtype, order=memory_order(n_tasks))


def test_either_order_is_tried() -> None:
    assert {memory_order(n_tasks) for n_tasks in N_TASKS} == {"C", "F"}


@pytest.mark.parametrize("n_rows", [0, 1, 2, N_ROWS])
def test_rows_are_taken(n_tasks: int, dtype: np.dtype[Any], n_rows: int) -> None:
    values = task_array(n_tasks, dtype, n_rows=N_LEAVES)
    index = np.random.default_rng(1).integers(0, N_LEAVES, n_rows)
    out = np.empty((n_rows, n_tasks), dtype, order=memory_order(n_tasks))
    take_rows(values, index, out)
    np.testing.assert_array_equal(out, values[index])


@pytest.mark.parametrize("n_rows", [1, 2, N_ROWS])
def test_columns_are_combined(n_tasks: int, dtype: np.dtype[Any], n_rows: int) -> None:
    matrix = task_array(n_tasks, dtype, n_rows=n_rows)
    factors = np.random.default_rng(2).normal(size=n_tasks).astype(dtype)
    # A block of a larger array, as the training has it.
    out, scratch = np.full(n_rows + 2, np.nan, np.float32), np.empty_like(matrix)
    combine_columns(matrix, factors, out[1:-1], scratch)
    assert np.isnan(out[[0, -1]]).all()
    exact = (matrix.astype(np.float64) * factors.astype(np.float64)).sum(axis=1)
    size = (np.abs(matrix) * np.abs(factors)).sum(axis=1)
    # float64 is rounded to float32 once, float32 at every addition.
    roundings = 0.5 if dtype == np.float64 else n_tasks
    assert (np.abs(out[1:-1] - exact) <= roundings * np.finfo(np.float32).eps * size).all()


def added_row_after_row(array: Array, leaf: Array) -> Array:
    sums = np.zeros((N_LEAVES, array.shape[1]), array.dtype)
    for row, number in zip(array, leaf, strict=True):
        sums[number] += row
    return sums


def test_rows_of_a_leaf_are_added_in_their_order(n_tasks: int, dtype: np.dtype[Any]) -> None:
    """To the last bit, for blocks of any size, and for trees after trees."""
    leaves = np.zeros(N_ROWS, np.int32)
    blocks = [slice(0, 200), slice(200, 400), slice(400, 401), slice(401, N_ROWS)]
    sums_of_blocks = leaf_sums_of_blocks([leaves[one] for one in blocks], N_LEAVES, n_tasks, dtype)
    arrays = [task_array(n_tasks, dtype, seed) for seed in (0, 1)]
    for highest in (N_LEAVES, 3):
        leaves[:] = np.random.default_rng(highest).integers(0, highest, N_ROWS)
        for rows, leaf_sums in zip(blocks, sums_of_blocks, strict=True):
            found = leaf_sums([array[rows] for array in arrays])
            assert found.dtype == dtype
            expected = [added_row_after_row(array[rows], leaves[rows]) for array in arrays]
            np.testing.assert_array_equal(found, expected)


def test_blocks_are_added_up_at_the_same_time(n_tasks: int, dtype: np.dtype[Any]) -> None:
    n_blocks, n_rows = 8, 20_000
    leaves = np.random.default_rng(3).integers(0, N_LEAVES, (n_blocks, n_rows)).astype(np.int32)
    sums_of_blocks = leaf_sums_of_blocks(list(leaves), N_LEAVES, n_tasks, dtype)
    arrays = [task_array(n_tasks, dtype, seed, n_rows) for seed in range(n_blocks)]
    one_by_one = [sums([array]) for sums, array in zip(sums_of_blocks, arrays, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda sums, array: sums([array]), sums_of_blocks, arrays)
        for found, expected in zip(together, one_by_one, strict=True):
            np.testing.assert_array_equal(found, expected)
