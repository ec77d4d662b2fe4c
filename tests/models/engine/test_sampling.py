"""Random numbers that depend on the seed and the iteration alone."""

import numpy as np
import pytest

from models.engine.row_blocks import RowBlocks
from models.engine.sampling import Bag, Purpose, feature_seed, generator

N_ROWS = 50_000
BLOCKS = RowBlocks(N_ROWS, 64, 1).slices


def bag_rows(bag: Bag, blocks: list[slice] = BLOCKS) -> np.ndarray:
    """The bag of all rows, block by block."""
    return np.concatenate([bag.rows(rows) for rows in blocks])


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.7, 0.95])
def test_the_share_of_rows_is_right_and_every_block_has_its_own_draw(fraction: float) -> None:
    kept = bag_rows(Bag(fraction, 42, 3))
    assert kept.dtype == np.bool_
    deviation = np.sqrt(fraction * (1 - fraction) / len(kept))
    assert abs(kept.mean() - fraction) < 5 * deviation
    assert len(kept) == N_ROWS
    # Two blocks never agree.
    n_rows = BLOCKS[-1].stop - BLOCKS[-1].start
    draws = {kept[rows.start : rows.start + n_rows].tobytes() for rows in BLOCKS}
    assert len(draws) == len(BLOCKS) > 10


def test_a_bag_does_not_depend_on_what_was_drawn_before() -> None:
    forwards = [bag_rows(Bag(0.7, 1, number)) for number in range(5)]
    backwards = [bag_rows(Bag(0.7, 1, number)) for number in reversed(range(5))][::-1]
    np.testing.assert_array_equal(forwards, backwards)
    one = BLOCKS[2]
    np.testing.assert_array_equal(Bag(0.7, 1, 3).rows(one), forwards[3][one])


def test_seeds_and_numbers_give_different_bags() -> None:
    bags = [Bag(0.5, seed, number) for seed in range(3) for number in range(3)]
    assert len({bag_rows(bag).tobytes() for bag in bags}) == 9


def test_bags_of_one_row_are_independent_from_iteration_to_iteration() -> None:
    kept = np.array([bag_rows(Bag(0.7, 5, number), [slice(0, 4096)]) for number in range(200)])
    share = kept.mean(axis=0)
    assert np.abs(share - 0.7).max() < 6 * np.sqrt(0.21 / 200)


def test_purposes_have_streams_of_their_own() -> None:
    purposes = [Purpose.PROJECTION, Purpose.BAGGING, Purpose.FEATURES]
    assert len({generator(42, purpose, 0).random() for purpose in purposes}) == 3
    assert (
        generator(42, Purpose.BAGGING, 0, 7).random() != generator(42, Purpose.BAGGING, 0).random()
    )


def test_feature_seeds_fit_lightgbm_and_differ() -> None:
    seeds = [feature_seed(42, iteration) for iteration in range(1000)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 1000
    assert seeds == [feature_seed(42, iteration) for iteration in range(1000)]
    assert feature_seed(43, 0) != seeds[0]
