"""The factors that turn K gradients into one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.engine.split_gradient import (
    DECAY,
    N_TREES,
    TaskDirections,
    projection_factors,
    weighted_sum_factors,
)
from models.trees.shared_tree import SharedTree, TreeStructure

Array = NDArray[Any]


def normal(seed: int, n_tasks: int) -> Array:
    return np.random.default_rng(seed).standard_normal(n_tasks)


def test_projection_by_hand() -> None:
    factors = projection_factors(
        np.array([0.25, 0.04, 1.0]), np.array([0.25, 0.01, 4.0]), np.array([2.0, -3.0, 1.0])
    )
    # sqrt(w) xi / sqrt(h) is 2, -6 and 1/2, under which the mean hessian is 0.5 + 0.06 + 2; the
    # weighted mean of the tasks' hessians is (0.0625 + 0.0004 + 4) / 1.29.
    np.testing.assert_allclose(
        factors, np.array([2.0, -6.0, 0.5]) / 2.56 * 4.0629 / 1.29, rtol=1e-14
    )


def test_weighted_sum_by_hand() -> None:
    np.testing.assert_allclose(weighted_sum_factors(np.array([1.0, 0.5, 0.5])), [0.5, 0.25, 0.25])


WEIGHTS = arrays(np.float64, 4, elements=st.floats(1e-6, 1))
SPREADS = arrays(np.float64, 4, elements=st.floats(1e-5, 1))


@given(weights=WEIGHTS, spread=SPREADS, seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_mean_hessian_is_the_weighted_mean_of_the_tasks(
    weights: Array, spread: Array, seed: int
) -> None:
    mean_hess = spread**2
    for factors in (
        projection_factors(weights, mean_hess, normal(seed, 4)),
        weighted_sum_factors(weights),
    ):
        assert np.isfinite(factors).all()
        assert np.abs(factors) @ mean_hess == pytest.approx(
            np.average(mean_hess, weights=weights), rel=1e-9
        )


@given(spread=SPREADS, scale=st.floats(1e-1, 1e3), seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_scale_of_a_tasks_gradient_does_not_matter(
    spread: Array, scale: float, seed: int
) -> None:
    weights, scaling = np.full(4, 0.25), np.array([scale, 1.0, 1.0, 1.0])
    plain = projection_factors(weights, spread**2, normal(seed, 4))
    scaled = projection_factors(weights, (spread * scaling) ** 2, normal(seed, 4))
    # What a task contributes is its factor times its gradient.
    contribution, scaled_contribution = plain * spread, scaled * spread * scaling
    np.testing.assert_allclose(
        scaled_contribution / scaled_contribution[1], contribution / contribution[1], rtol=1e-9
    )


def test_the_squared_projection_is_on_average_the_weighted_sum_of_squares() -> None:
    weights, spread = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.1, 0.02])
    gradient_sums = np.array([3.0, -1.0, 0.2])
    # Undo the scaling, which is common to all tasks: xi is known from the same seed.
    squares = []
    for seed in range(20_000):
        xi = normal(seed, 3)
        factors = projection_factors(weights, spread**2, xi)
        unscaled = factors * (np.sqrt(weights) * xi / spread)[0] / factors[0]
        squares.append((unscaled @ gradient_sums) ** 2)
    expected = float((weights * (gradient_sums / spread) ** 2).sum())
    assert np.mean(squares) == pytest.approx(expected, rel=0.05)


@given(
    mean_hess=arrays(np.float64, 3, elements=st.sampled_from([0, 5e-324, 1e-80, 1e-20, 1e-6, 0.2])),
    seed=st.integers(0, 9),
)
@settings(deadline=None)
def test_factors_fit_into_float32(mean_hess: Array, seed: int) -> None:
    factors = projection_factors(np.full(3, 1 / 3), mean_hess, normal(seed, 3))
    assert np.isfinite(factors.astype(np.float32)).all()


def test_a_task_without_hessian_has_no_say() -> None:
    factors = projection_factors(
        np.full(3, 1 / 3), np.array([0.01, 0.0, 0.04]), np.array([1.0, 5.0, 1.0])
    )
    assert factors[1] == 0
    assert factors[0] == pytest.approx(2 * factors[2])


def test_without_any_hessian_all_factors_are_0() -> None:
    assert projection_factors(np.ones(2), np.zeros(2), np.ones(2)).tolist() == [0.0, 0.0]


def test_a_task_without_weight_has_no_say() -> None:
    factors = projection_factors(np.array([0.0, 0.5]), np.full(2, 0.3), np.ones(2))
    np.testing.assert_allclose(factors, [0.0, 1.0])


def stump(leaf_value: list[list[float]], leaf_weight: list[list[float]]) -> SharedTree:
    """A tree of one split."""
    one = np.zeros(1, np.int32)
    structure = TreeStructure(
        split_feature=one,
        split_gain=np.ones(1),
        threshold=np.zeros(1),
        decision_type=one,
        left_child=np.array([-1], np.int32),
        right_child=np.array([-2], np.int32),
        leaf_count=np.array([5, 5]),
        internal_count=np.array([10]),
    )
    n_tasks = len(leaf_value[0])
    inner = np.zeros((1, n_tasks))
    return SharedTree(structure, np.array(leaf_value), np.array(leaf_weight), inner, inner)


def drawn_directions(
    directions: TaskDirections, weights: list[float], n_draws: int = 20_000
) -> Array:
    rng = np.random.default_rng(0)
    return np.array([directions.draw(np.array(weights), rng) for _ in range(n_draws)])


def test_directions_vary_as_the_gains_of_the_trees_do() -> None:
    directions = TaskDirections()
    first = np.array([[1.0, -2.0, 0.0], [3.0, 1.0, 0.5]])
    second = np.array([[0.0, 1.0, 1.0], [-1.0, 0.0, 2.0]])
    directions.add_tree(stump(first.tolist(), [[4.0, 1.0, 9.0], [1.0, 1.0, 4.0]]))
    directions.add_tree(stump(second.tolist(), np.ones((2, 3)).tolist()))
    weights = np.array([0.5, 0.3, 0.2])
    x = first * np.sqrt([[4.0, 1.0, 9.0], [1.0, 1.0, 4.0]])
    covariance = (DECAY * x.T @ x + second.T @ second) * np.sqrt(np.outer(weights, weights))
    drawn = drawn_directions(directions, weights.tolist())
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), covariance, atol=0.12)


def test_where_nothing_has_been_gained_every_direction_is_as_good() -> None:
    directions = TaskDirections()
    no_split = SharedTree(
        TreeStructure.unsplit(9), *[np.zeros((1, 2))] * 2, *[np.zeros((0, 2))] * 2
    )
    for tree in (no_split, stump([[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]])):
        directions.add_tree(tree)
        drawn = drawn_directions(directions, [0.9, 0.1])
        np.testing.assert_allclose(drawn.T @ drawn / len(drawn), np.eye(2), atol=0.05)


def test_old_trees_are_forgotten() -> None:
    old, new = TaskDirections(), TaskDirections()
    old.add_tree(stump([[5.0, 1.0], [1.0, 7.0]], [[1.0, 1.0], [1.0, 1.0]]))
    for number in range(N_TREES):
        tree = stump([[1.0, number], [2.0, 0.5]], [[1.0, 1.0], [1.0, 2.0]])
        old.add_tree(tree)
        new.add_tree(tree)
    weights = np.array([0.5, 0.5])
    draws = [each.draw(weights, np.random.default_rng(3)).tolist() for each in (old, new)]
    assert draws[0] == draws[1]


def test_a_task_that_nothing_can_be_gained_for_has_no_say() -> None:
    directions = TaskDirections()
    directions.add_tree(stump([[1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]))
    assert not drawn_directions(directions, [0.5, 0.5], 10)[:, 1].any()
