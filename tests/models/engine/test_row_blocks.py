"""Passes over rows in blocks."""

import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.engine.row_blocks import RowBlocks

Array = NDArray[Any]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 1024 rows."""
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)


@pytest.mark.parametrize("n_rows", [1, 1023, 1024, 1025, 10_000])
@pytest.mark.parametrize("n_tasks", [1, 2, 20])
def test_blocks_cover_every_row_once(n_rows: int, n_tasks: int, small_blocks: None) -> None:
    blocks = RowBlocks(n_rows, n_tasks, 2)
    rows = np.concatenate([np.arange(n_rows)[block] for block in blocks.slices])
    np.testing.assert_array_equal(rows, np.arange(n_rows))
    sizes = [block.stop - block.start for block in blocks.slices]
    assert max(sizes) == blocks.rows_per_block <= 1024
    assert min(sizes) > blocks.rows_per_block - len(sizes)
    assert len(sizes) == 1 or len(sizes) % 2 == 0


def test_more_tasks_make_shorter_blocks() -> None:
    for n_tasks in (3, 8, 50):
        values = n_tasks * RowBlocks(10**7, n_tasks, 1).rows_per_block
        assert values == pytest.approx(RowBlocks(10**7, 1, 1).rows_per_block, rel=0.05)
    assert RowBlocks(2**20, 10**6, 1).rows_per_block == 1024


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_has_the_same_bits_for_any_number_of_threads(dtype: type, small_blocks: None) -> None:
    values: Array = np.random.default_rng(0).normal(size=(20_000, 3)).astype(dtype)
    sums = [
        RowBlocks(20_000, 3, n_threads).sum(lambda rows, _: values[rows].sum(axis=0))
        for n_threads in (1, 2, 3, 4)
        for _ in range(3)
    ]
    for total in sums:
        assert total.dtype == np.float64
        assert total.tobytes() == sums[0].tobytes()
    np.testing.assert_allclose(sums[0], values.sum(axis=0, dtype=np.float64), rtol=1e-3, atol=1e-2)


def test_parts_are_added_in_float64(small_blocks: None) -> None:
    parts = iter([2.0**24, 1.0, 1.0, 1.0])
    blocks = RowBlocks(4096, 1, 1)
    total = blocks.sum(lambda _rows, _worker: np.array([next(parts)], dtype=np.float32))
    assert total.tolist() == [2.0**24 + 3]


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_results_are_in_block_order(n_threads: int, small_blocks: None) -> None:
    starts = RowBlocks(9000, 1, n_threads).run(lambda rows, _: rows.start)
    assert starts == list(range(0, 9000, 900))


def test_there_are_no_more_workers_than_blocks_or_threads(small_blocks: None) -> None:
    assert RowBlocks(9000, 1, 4).n_workers == 4
    assert RowBlocks(9000, 1, 1).n_workers == 1
    assert RowBlocks(2000, 1, 4).n_workers == 2
    assert RowBlocks(10, 1, 4).n_workers == 1


def test_two_threads_work_at_the_same_time_and_never_as_the_same_worker(
    small_blocks: None,
) -> None:
    meet = threading.Barrier(2, timeout=30)
    lock = threading.Lock()
    active: set[int] = set()
    together = []

    def work(_rows: slice, worker: int) -> None:
        with lock:
            assert worker not in active
            active.add(worker)
        meet.wait()
        with lock:
            together.append(set(active))
        meet.wait()
        with lock:
            active.remove(worker)

    RowBlocks(4 * 1024, 1, 2).run(work)
    assert together == [{0, 1}] * 4


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("failing_block", [0, 3, 7])
def test_an_exception_reaches_the_caller(
    n_threads: int, failing_block: int, small_blocks: None
) -> None:
    def work(rows: slice, _: int) -> Array:
        if rows.start == 1024 * failing_block:
            raise ArithmeticError(f"block {failing_block}")
        return np.zeros(1)

    blocks = RowBlocks(8 * 1024, 1, n_threads)
    with pytest.raises(ArithmeticError, match=f"^block {failing_block}$"):
        blocks.sum(work)
