"""Random numbers that depend on the seed and the iteration alone.

A job that was killed goes on with a fresh LightGBM booster, whose own random states would start
again. Everything random is therefore drawn from a generator made anew from (seed, purpose,
iteration, ...), and LightGBM is never left to draw.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What a random number is for; a different stream each."""

    PROJECTION = 0
    BAGGING = 1
    FEATURES = 2


def generator(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """The generator of one purpose, iteration (and block of rows)."""
    return np.random.default_rng([seed, int(purpose), *keys])


def feature_seed(seed: int, iteration: int) -> int:
    """LightGBM's `feature_fraction_seed` for one iteration, a non-negative int32."""
    return int(generator(seed, Purpose.FEATURES, iteration).integers(2**31 - 1))


@dataclass(frozen=True)
class Bag:
    """The rows that take part in an iteration: each with probability `fraction`.

    Attributes:
        fraction: `bagging_fraction`, in (0, 1).
        seed: Seed of the job.
        number: Iterations with the same number share the same bag.
        first_row: Number that row 0 of this part has among the rows of all parts.
    """

    fraction: float
    seed: int
    number: int
    first_row: int = 0

    def rows(self, rows: slice) -> NDArray[np.bool_]:
        """Which of a block's rows are in the bag; the blocks must always be the same ones."""
        first = self.first_row + rows.start
        rng = generator(self.seed, Purpose.BAGGING, self.number, first)
        drawn = rng.random(rows.stop - rows.start, dtype=np.float32)
        kept: NDArray[np.bool_] = drawn < self.fraction
        return kept
