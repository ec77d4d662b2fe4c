"""Finding a row's leaf by the change of its score."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.engine.leaf_lookup import LeafLookup

Array = NDArray[Any]


def found(lookup: LeafLookup, change: Any) -> Array:
    """The leaves of some changes."""
    change = np.array(change, dtype=np.float64)
    leaf = np.full(len(change), -9, dtype=np.int32)
    lookup.find(change, leaf, np.empty(len(change), dtype=np.intp))
    return leaf


def noisy_changes(rng: np.random.Generator, outputs: Array, per_leaf: int, noise: float) -> Array:
    """Every output several times, each moved by up to `noise`."""
    return np.repeat(outputs, per_leaf) + rng.uniform(-noise, noise, len(outputs) * per_leaf)


OUTPUTS = {
    "spread": np.array([0.3, -1.0, 0.25, 2.0, -0.999]),
    "two": np.array([1e-3, -1e-3]),
    "one sign": np.array([5.0, 5.5, 5.25]),
    "many": np.random.default_rng(0).normal(size=255),
    "a far one": np.append(np.linspace(0.1, 0.101, 100), 1e6),
    "far on both sides": np.concatenate([np.linspace(-1, 1, 60), [-5e5, -2e5, 3e5, 3.1e5]]),
    "tiny": np.array([1e-9, -3e-9, 2e-9]),
    "crowded into one cell": np.append(1 + np.arange(20) * 3e-9, -1.0),
    "with zero": np.array([0.0, 0.5, -0.5]),
}


@pytest.mark.parametrize("name", list(OUTPUTS))
def test_every_leaf_is_found_within_the_tolerance(name: str) -> None:
    outputs = OUTPUTS[name]
    lookup = LeafLookup(outputs)
    rng = np.random.default_rng(1)
    for noise in (0.0, lookup.tolerance / 4):
        leaf = found(lookup, noisy_changes(rng, outputs, 50, noise))
        np.testing.assert_array_equal(leaf, np.repeat(lookup.representative, 50))


@pytest.mark.parametrize("name", ["spread", "two", "one sign", "many", "tiny", "with zero"])
def test_distinct_outputs_are_not_merged(name: str) -> None:
    np.testing.assert_array_equal(
        LeafLookup(OUTPUTS[name]).representative, range(len(OUTPUTS[name]))
    )


@pytest.mark.parametrize(
    ("outputs", "representative"),
    [
        ([0.5, -0.5, 0.5], [0, 1, 0]),
        ([0.5, 0.5, 0.5], [0, 0, 0]),
        ([-1.0, 1.0, -1.0 + 1e-12, 0.0, 1.0 - 1e-12], [0, 1, 0, 3, 1]),
        # A chain of outputs of which each is near the next is one group.
        ([1.0, 1.0 + 1.6e-9, 1.0 + 0.8e-9, -2.0], [0, 0, 0, 3]),
        ([7.0], [0]),
    ],
)
def test_coinciding_leaves_go_by_the_lowest_of_their_indices(
    outputs: list[float], representative: list[int]
) -> None:
    lookup = LeafLookup(np.array(outputs))
    assert lookup.representative.tolist() == representative
    assert found(lookup, outputs).tolist() == representative


@given(
    outputs=st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-9), min_size=2, max_size=40),
    seed=st.integers(0, 9),
)
@settings(deadline=None)
def test_any_outputs(outputs: list[float], seed: int) -> None:
    lookup = LeafLookup(np.array(outputs))
    rng = np.random.default_rng(seed)
    change = noisy_changes(rng, np.array(outputs), 20, lookup.tolerance / 4)
    np.testing.assert_array_equal(found(lookup, change), np.repeat(lookup.representative, 20))
    # Leaves that go by one index are near to each other; the others are not.
    for leaf, output in enumerate(outputs):
        for other, other_output in enumerate(outputs):
            if lookup.representative[leaf] != lookup.representative[other]:
                assert abs(output - other_output) > lookup.tolerance


def test_the_difference_of_grown_scores_still_names_the_leaf() -> None:
    rng = np.random.default_rng(2)
    outputs = rng.normal(size=63)
    lookup = LeafLookup(outputs)
    leaf = rng.integers(0, 63, 10_000)
    before = rng.uniform(-1000, 1000, 10_000)
    after = before + outputs[leaf]
    np.testing.assert_array_equal(found(lookup, after - before), leaf)


def test_outputs_far_from_the_others_do_not_crowd_them_into_one_cell() -> None:
    outputs = np.append(np.linspace(-1, 1, 30), 1e5)
    lookup = LeafLookup(outputs)
    assert not lookup._has_unclear_cells
    assert len(set(lookup._table.tolist()) - {-1}) == 31
