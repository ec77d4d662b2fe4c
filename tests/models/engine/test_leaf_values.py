"""Values of leaves and inner nodes by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.engine.leaf_values import LeafValueSettings, NodeSums, node_values
from models.trees.shared_tree import TreeStructure

Array = NDArray[Any]
PLAIN = LeafValueSettings(learning_rate=1.0, lambda_l1=0.0, lambda_l2=0.0, min_sum_hessian=0.0)


def structure_of(children: list[tuple[int, int]]) -> TreeStructure:
    """A tree with these left and right children of its inner nodes."""
    left, right = zip(*children, strict=True)
    n_inner = len(children)
    fields = {name: " ".join(["0"] * n_inner) for name in ("split_feature", "split_gain")}
    fields |= {name: " ".join(["0"] * n_inner) for name in ("threshold", "decision_type")}
    fields |= {"left_child": " ".join(map(str, left)), "right_child": " ".join(map(str, right))}
    fields |= {"leaf_count": " ".join(["1"] * (n_inner + 1)), "internal_count": "2 " * n_inner}
    return TreeStructure.from_text_fields(fields)


STUMP = structure_of([(~0, ~1)])
# Node 0 splits into leaf 0 and node 1, node 1 into node 2 and leaf 2, node 2 into leaves 1 and 3.
TREE = structure_of([(~0, 1), (2, ~2), (~1, ~3)])


def values_of(
    structure: TreeStructure, grad: Any, hess: Any, settings: LeafValueSettings
) -> tuple[Array, Array]:
    """Values of leaves and inner nodes from the sums of the leaves."""
    leaves = NodeSums(np.array(grad, float), np.array(hess, float))
    inner = NodeSums(structure.node_sums(leaves.grad), structure.node_sums(leaves.hess))
    return node_values(structure, leaves, inner, settings)


@pytest.mark.parametrize(
    ("grad", "hess", "changes", "expected"),
    [
        ([[4.0, -6.0]], [[8.0, 2.0]], {}, [[-0.5, 3.0]]),
        ([[4.0, -6.0]], [[8.0, 2.0]], {"learning_rate": 0.1}, [[-0.05, 0.3]]),
        ([[4.0, -6.0, 0.5]], [[3.0, 2.0, 1.0]], {"lambda_l1": 1.0}, [[-1.0, 2.5, 0.0]]),
        ([[4.0, -6.0]], [[0.0, 2.0]], {"min_sum_hessian": 4.0}, [[-1.0, 1.5]]),
        ([[0.0, 2.0]], [[0.0, 0.0]], {}, [[0.0, 0.0]]),  # nothing is known of the curvature
    ],
)
def test_without_l2_a_value_is_the_newton_step_of_its_rows(
    grad: Any, hess: Any, changes: dict[str, float], expected: Any
) -> None:
    """Whatever the other leaf's rows, and thus the parent's value, may be."""
    plain = LeafValueSettings(**(vars(PLAIN) | changes))
    for others in (0.0, 7.0):
        other = np.full_like(np.array(grad), others)
        found, _ = values_of(STUMP, np.vstack([grad, other]), np.vstack([hess, other]), plain)
        assert found.dtype == np.float64
        assert found[0] == pytest.approx(expected[0], abs=1e-15)


def test_l2_draws_to_the_value_of_the_parent() -> None:
    leaf, inner = values_of(
        STUMP, [[-3.0], [1.0]], [[1.0], [2.0]], LeafValueSettings(0.5, 0.0, 1.0, 0.0)
    )
    # Root: G = -2, H = 3, and its parent counts as 0.
    assert inner == pytest.approx(np.array([[0.5 * 2 / 4]]))
    assert leaf == pytest.approx(np.array([[(0.5 * 3 + 0.25) / 2], [(-0.5 * 1 + 0.25) / 3]]))


def test_both_regularizations_and_the_smallest_hessian_at_once() -> None:
    leaf, inner = values_of(
        STUMP, [[-3.0], [0.5]], [[0.5], [1.0]], LeafValueSettings(0.5, 1.0, 1.0, 1.0)
    )
    assert inner == pytest.approx(np.array([[0.5 * 1.5 / 2.5]]))
    assert leaf == pytest.approx(np.array([[(0.5 * 2 + 0.3) / 2], [0.3 / 2]]))


def value_by_recursion(
    grad: Array, hess: Array, path: list[list[int]], settings: LeafValueSettings
) -> Array:
    """A node's value from the leaves below each node on the path from the root to it."""
    if not path:
        return np.zeros(grad.shape[1])
    parent = value_by_recursion(grad, hess, path[:-1], settings)
    g, h = grad[path[-1]].sum(axis=0), hess[path[-1]].sum(axis=0)
    drawn: Array = (-settings.learning_rate * g + settings.lambda_l2 * parent) / (
        h + settings.lambda_l2
    )
    return drawn


def test_every_level_of_a_tree() -> None:
    rng = np.random.default_rng(3)
    grad, hess = rng.normal(size=(4, 5)), rng.uniform(0.1, 2, (4, 5))
    settings = LeafValueSettings(0.1, 0.0, 0.7, 0.0)
    leaf, inner = values_of(TREE, grad, hess, settings)
    levels = [[0, 1, 2, 3], [1, 2, 3], [1, 3]]
    for depth in range(3):
        expected = value_by_recursion(grad, hess, levels[: depth + 1], settings)
        np.testing.assert_allclose(inner[depth], expected, rtol=1e-12)
    for index, depth in enumerate([1, 3, 2, 3]):
        expected = value_by_recursion(grad, hess, [*levels[:depth], [index]], settings)
        np.testing.assert_allclose(leaf[index], expected, rtol=1e-12)


def test_a_leaf_that_knows_nothing_gets_the_value_of_its_parent() -> None:
    grad, hess = np.array([[0.0], [-2.0], [1.0], [0.0]]), np.array([[0.0], [3.0], [1.0], [0.0]])
    leaf, inner = values_of(TREE, grad, hess, LeafValueSettings(0.1, 0.0, 0.5, 0.0))
    assert leaf[[0, 3], 0].tolist() == inner[[0, 2], 0].tolist()
    assert inner[0, 0] != inner[2, 0]


@given(
    grad=arrays(np.float64, (4, 2), elements=st.floats(-1e6, 1e6)),
    hess=arrays(np.float64, (4, 2), elements=st.floats(0, 1e6)),
    l1=st.floats(0, 10),
    l2=st.floats(0, 10),
)
@settings(deadline=None)
def test_values_are_finite_and_between_their_own_step_and_their_parents_value(
    grad: Any, hess: Any, l1: float, l2: float
) -> None:
    regularized = LeafValueSettings(0.1, l1, l2, 1e-3)
    leaf, inner = values_of(TREE, grad, hess, regularized)
    own, _ = values_of(TREE, grad, hess, LeafValueSettings(0.1, l1, 0.0, 1e-3))
    assert np.isfinite(leaf).all()
    assert np.isfinite(inner).all()
    parent = inner[[0, 2, 1, 2]]
    slack = 1e-9 * (np.abs(own) + np.abs(parent))
    assert (leaf >= np.minimum(own, parent) - slack).all()
    assert (leaf <= np.maximum(own, parent) + slack).all()


def test_a_value_is_the_minimum_of_its_own_quadratic() -> None:
    grad, hess, l2 = -3.0, 2.0, 0.5
    leaf, inner = values_of(
        STUMP, [[grad], [1.0]], [[hess], [1.0]], LeafValueSettings(1.0, 0.0, l2, 0.0)
    )
    steps = leaf[0, 0] + np.linspace(-1, 1, 201)
    objective = grad * steps + 0.5 * hess * steps**2 + 0.5 * l2 * (steps - inner[0, 0]) ** 2
    assert steps[np.argmin(objective)] == pytest.approx(leaf[0, 0], abs=1e-12)
