"""The values of a tree's nodes: one Newton step per node and task, drawn towards the parent's.

The splits of a shared tree are chosen for all tasks together, so that many of them mean nothing to
a given task. What its two sides then differ by is chance, and more so the fewer positives the task
has. Regularization therefore draws a value not towards 0 but towards that of the parent node, which
is what the task would get had the split not been made. The formula is that of LightGBM's
`path_smooth`, with hessians in the place of row counts; why it works: Agarwal et al., "Hierarchical
Shrinkage: Improving the accuracy and interpretability of tree-based models", ICML 2022.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.engine.monotone import monotone_leaf_values
from models.trees.shared_tree import SharedTree, TreeStructure


@dataclass(frozen=True)
class LeafValueSettings:
    """What shapes a leaf value.

    Attributes:
        learning_rate: Shrinkage of every value.
        lambda_l1: L1 regularization: the gradient sum is drawn towards 0 by this much.
        lambda_l2: L2 regularization: the hessian that the parent's value weighs in with. 0: every
            value is its rows' own Newton step.
        min_sum_hessian: Smallest hessian sum that is believed. LightGBM checks it for the tree's
            structure; a single task's sum in a leaf can be far below, even 0, and without
            `lambda_l2` its step would then be unbounded.
        monotone: Per task and feature 1 (the task's score never falls when the feature rises), -1
            (it never rises) or 0, shape (K, F), see `models.engine.monotone`; None: all 0.
    """

    learning_rate: float
    lambda_l1: float
    lambda_l2: float
    min_sum_hessian: float
    monotone: NDArray[np.int8] | None = None


@dataclass(frozen=True)
class NodeSums:
    """Sums of the tasks' derivatives over the rows of some nodes.

    Attributes:
        grad: Gradients, shape (N, K).
        hess: Hessians, shape (N, K).
    """

    grad: NDArray[np.float64]
    hess: NDArray[np.float64]


def tree_values(
    structure: TreeStructure, sums: NodeSums, merged: NDArray[np.int32], settings: LeafValueSettings
) -> SharedTree:
    """The tree with its values: those of `node_values`, under the monotone constraints.

    Leaves that cannot be told apart share one sum, and thus one value.

    Args:
        structure: The splits.
        sums: Sums of the L leaves; those of merged leaves are in the first of them.
        merged: For each leaf the first of those that it is merged with, shape (L,).
        settings: Shrinkage, regularization and constraints.
    """
    share = _share_of_merged(structure.leaf_count, merged)
    leaf_weight = sums.hess[merged] * share
    inner = NodeSums(
        structure.node_sums(sums.grad[merged] * share), structure.node_sums(leaf_weight)
    )
    merged_sums = NodeSums(sums.grad[merged], sums.hess[merged])
    leaf_value, internal_value = node_values(structure, merged_sums, inner, settings)
    leaf_value = _mean_of_merged(leaf_value, share, merged)
    if settings.monotone is not None:
        curvature = (
            np.maximum(merged_sums.hess, settings.min_sum_hessian) + settings.lambda_l2
        ) * share
        leaf_value = monotone_leaf_values(
            structure, leaf_value, curvature, settings.monotone, merged
        )
    return SharedTree(structure, leaf_value, leaf_weight, internal_value, inner.hess)


def _share_of_merged(
    leaf_count: NDArray[np.int64], merged: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Each leaf's share of the rows of all leaves that it is merged with, shape (L, 1)."""
    total = np.bincount(merged, weights=leaf_count, minlength=len(merged))
    return (leaf_count / total[merged])[:, None]


def _mean_of_merged(
    leaf_value: NDArray[np.float64], share: NDArray[np.float64], merged: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The mean value of all leaves that each leaf is merged with: their parents can differ."""
    mean = np.zeros_like(leaf_value)
    np.add.at(mean, merged, share * leaf_value)
    values: NDArray[np.float64] = mean[merged]
    return values


def node_values(
    structure: TreeStructure, leaves: NodeSums, inner: NodeSums, settings: LeafValueSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values in log-odds of the leaves, shape (L, K), and the inner nodes, (L - 1, K); finite.

    With G and H the sums over a node's rows its value is::

        (-learning_rate * G + lambda_l2 * value of the parent) / (H + lambda_l2)

    where the root's parent counts as 0. Before that, `lambda_l1` draws G towards 0, and H is
    raised to `min_sum_hessian`.

    Args:
        structure: The splits.
        leaves: Sums of the L leaves.
        inner: Sums of the L - 1 inner nodes.
        settings: Shrinkage and regularization.
    """
    leaf_parent, inner_parent = structure.parents()
    inner_value, pull = _steps(inner, settings)
    # LightGBM numbers a node before the nodes below it.
    for node, parent in enumerate(inner_parent[1:].tolist(), start=1):
        inner_value[node] += pull[node] * inner_value[parent]
    leaf_value, pull = _steps(leaves, settings)
    return leaf_value + pull * inner_value[leaf_parent], inner_value


def _steps(
    nodes: NodeSums, settings: LeafValueSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The nodes' own steps, and the shares of the parents' values that are added to them."""
    shrunk = np.sign(nodes.grad) * np.maximum(np.abs(nodes.grad) - settings.lambda_l1, 0.0)
    curvature = np.maximum(nodes.hess, settings.min_sum_hessian) + settings.lambda_l2
    known = curvature > 0
    step = np.divide(shrunk, curvature, out=np.zeros_like(shrunk), where=known)
    pull = np.divide(settings.lambda_l2, curvature, out=np.zeros_like(curvature), where=known)
    return -settings.learning_rate * step, pull
