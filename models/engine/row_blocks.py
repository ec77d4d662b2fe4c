"""Passes over rows: in blocks that fit the cache, on a thread per core, added up in a fixed order.

Every figure that the training takes from all rows (gradient moments, leaf sums, similarity) goes
through `RowBlocks.sum`. The blocks depend on the shape of the data alone and their results are
added in block order, so that a sum is the same to the last bit for any number of threads. Summing
over several hosts would be added here and nowhere else.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

_VALUES_PER_BLOCK = 2**18
"""Values of one (rows, tasks) array in a block: few enough for the cache, and so many that the
interpreter lock changes hands seldom. Half and twice as many were slower."""


class RowBlocks:
    """Splits `n_rows` rows into blocks and runs work on them.

    NumPy and SciPy release the interpreter lock inside their kernels, which is all the
    parallelism that is needed here.
    """

    def __init__(self, n_rows: int, n_tasks: int, n_threads: int) -> None:
        self.n_rows = n_rows
        # An even number of blocks of one size: two threads then have as much to do, and four or
        # more hardly wait for each other.
        most_rows = max(1024, _VALUES_PER_BLOCK // n_tasks)
        n_blocks = max(1, -(-n_rows // most_rows))
        if n_blocks > 1:
            n_blocks += n_blocks % 2
        self.rows_per_block = max(1, -(-n_rows // n_blocks))
        starts = range(0, n_rows, self.rows_per_block)
        self.slices = [slice(start, min(start + self.rows_per_block, n_rows)) for start in starts]
        self.n_workers = max(1, min(n_threads, len(self.slices)))
        self._pool = ThreadPoolExecutor(self.n_workers) if self.n_workers > 1 else None

    def run(self, work: Callable[[slice, int], Result]) -> list[Result]:
        """Calls `work(rows, worker)` for every block and returns the results in block order.

        `worker` is below `n_workers`, and no two calls run at once with the same one: it picks the
        scratch memory that the call may use.
        """
        if self._pool is None:
            return [work(rows, 0) for rows in self.slices]
        results: dict[int, Result] = {}
        # `next` on a count is one bytecode-level C call: no two workers get the same block.
        turn = itertools.count()

        def run_worker(worker: int) -> None:
            while (block := next(turn)) < len(self.slices):
                results[block] = work(self.slices[block], worker)

        for future in [self._pool.submit(run_worker, worker) for worker in range(self.n_workers)]:
            future.result()
        return [results[block] for block in range(len(self.slices))]

    def sum(self, work: Callable[[slice, int], NDArray[np.floating]]) -> NDArray[np.float64]:
        """Adds up `work(rows, worker)` over all blocks, in block order and in float64."""
        parts = self.run(work)
        total = np.zeros_like(parts[0], dtype=np.float64)
        for part in parts:
            total += part
        return total
