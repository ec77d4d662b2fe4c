"""Monotone constraints: leaf values that never fall along a constrained feature, for each task.

The tasks share a tree's splits but not its values, so the promise is kept where the values are
made. Of two leaves, one comes before the other if some row gets from the one to the other when the
constrained feature alone moves in its direction: they lie on different sides of a split on that
feature, and their intervals overlap in every other. The first one's value must not exceed the
second one's. That is all that it takes, and no more than it takes: LightGBM's `basic` method bounds
whole subtrees, and with them leaves that no such move connects. Values that break the order are
pooled to their mean, weighted by hessians: isotonic regression on a partial order by the
generalized pool-adjacent-violators algorithm (Burdakov, Sysoev, Grimvall and Hussian, "An O(n2)
algorithm for isotonic regression", 2006).

Why the model file keeps it to the last bit: pooled values are equal, all others were compared as
they are, and a value is written with as many digits as it takes to read the same number. A float
sum is monotone in each of its terms, so that the sum over trees, added up in the same order for
every row, keeps the order of its terms. A constant per task changes nothing about that.
"""

from collections.abc import Iterator
from graphlib import TopologicalSorter

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from models.trees.shared_tree import TreeStructure

_CELLS_PER_CHUNK = 2**22


def monotone_leaf_values(
    structure: TreeStructure,
    leaf_value: NDArray[np.float64],
    leaf_weight: NDArray[np.float64],
    directions: NDArray[np.int8],
    merged: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Leaf values that keep the constraints, as near as may be to those given, shape (L, K).

    A task without a constraint on any feature of the tree keeps its values to the last bit, as
    does a task whose values keep the constraints anyway.

    Args:
        structure: The splits.
        leaf_value: Values in log-odds, shape (L, K); those of merged leaves are equal.
        leaf_weight: What each value weighs in a mean: its curvature, shape (L, K), not negative.
        directions: Per task and feature 1 (never falls), -1 (never rises) or 0, shape (K, F).
        merged: For each leaf the first of those that must have the same value, shape (L,).
    """
    result = leaf_value.copy()
    for tasks, before in _orders(structure, directions):
        for task in tasks:
            if _falls(leaf_value[:, task], before).any():
                result[:, task] = _pooled(leaf_value[:, task], leaf_weight[:, task], before, merged)
    return result


def violations(
    structure: TreeStructure, leaf_value: NDArray[np.float64], directions: NDArray[np.int8]
) -> Iterator[tuple[int, int]]:
    """Task and feature of constraints that the values of a tree break.

    Args:
        structure: The splits.
        leaf_value: Values, shape (L, K).
        directions: As in `monotone_leaf_values`.
    """
    for feature in np.unique(structure.split_feature):
        one_feature = np.zeros_like(directions)
        one_feature[:, feature] = directions[:, feature]
        for tasks, before in _orders(structure, one_feature):
            for task in tasks:
                if _falls(leaf_value[:, task], before).any():
                    yield int(task), int(feature)


def _orders(
    structure: TreeStructure, directions: NDArray[np.int8]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Groups of tasks with the same constraints in this tree, and the order of its leaves."""
    used = np.unique(structure.split_feature)
    patterns, pattern_of_task = np.unique(directions[:, used], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            tasks = np.flatnonzero(pattern_of_task.ravel() == number)
            direction = dict(zip(used.tolist(), pattern.tolist(), strict=True))
            yield tasks, _leaf_order(structure, used, direction)


def _leaf_order(
    structure: TreeStructure, used: NDArray[np.int32], direction: dict[int, int]
) -> NDArray[np.bool_]:
    """Whether leaf i's value must not exceed leaf j's, shape (L, L); never in a circle.

    A split on a constrained feature sets leaves of its one side before leaves of the other, a split
    on any other feature leaves them apart.
    """
    low, high, below = _boxes(structure, used)
    reached = np.all(low < high, axis=1)
    before = np.zeros((structure.n_leaves, structure.n_leaves), dtype=np.bool_)
    for node, feature in enumerate(structure.split_feature.tolist()):
        if direction[feature] == 0:
            continue
        left, right = (below[child] for child in _children(structure, node))
        others = used != feature
        rows = max(1, _CELLS_PER_CHUNK // (len(right) * len(used)))
        for start in range(0, len(left), rows):
            some = left[start : start + rows]
            highest_low = np.maximum(low[some][:, None, others], low[right][None, :, others])
            lowest_high = np.minimum(high[some][:, None, others], high[right][None, :, others])
            connected = (highest_low < lowest_high).all(axis=2)
            connected &= reached[some][:, None] & reached[right]
            if direction[feature] > 0:
                before[np.ix_(some, right)] = connected
            else:
                before[np.ix_(right, some)] = connected.T
    return before


def _boxes(
    structure: TreeStructure, used: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[int, list[int]]]:
    """The interval (low, high] of every leaf and used feature, and the leaves below every child.

    Nodes are numbered as in `TreeStructure`: a child c < 0 is the leaf ~c.
    """
    n_leaves = structure.n_leaves
    # Inner nodes first, then leaves from the end: -1 is leaf 0.
    low = np.full((2 * n_leaves - 1, len(used)), -np.inf)
    high = np.full((2 * n_leaves - 1, len(used)), np.inf)
    column = np.searchsorted(used, structure.split_feature)
    # LightGBM numbers a node before the nodes below it.
    for node in range(n_leaves - 1):
        left, right = _children(structure, node)
        threshold, split = structure.threshold[node], column[node]
        for child in (left, right):
            low[child], high[child] = low[node], high[node]
        high[left, split] = min(high[left, split], threshold)
        low[right, split] = max(low[right, split], threshold)
    below = {~leaf: [leaf] for leaf in range(n_leaves)}
    for node in range(n_leaves - 2, -1, -1):
        left, right = _children(structure, node)
        below[node] = below[left] + below[right]
    return low[: -n_leaves - 1 : -1], high[: -n_leaves - 1 : -1], below


def _children(structure: TreeStructure, node: int) -> tuple[int, int]:
    return int(structure.left_child[node]), int(structure.right_child[node])


def _falls(value: NDArray[np.float64], before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pairs of leaves break the order, shape (L, L)."""
    return before & (value[:, None] > value[None, :])


def _pooled(
    value: NDArray[np.float64],
    weight: NDArray[np.float64],
    before: NDArray[np.bool_],
    merged: NDArray[np.int32],
) -> NDArray[np.float64]:
    """One task's values, pooled until they keep the order, shape (L,)."""
    group = _groups(before, merged)
    n_groups = int(group.max()) + 1
    first, second = np.nonzero(before)
    predecessors: list[set[int]] = [set() for _ in range(n_groups)]
    for one, other in zip(group[first].tolist(), group[second].tolist(), strict=True):
        if one != other:
            predecessors[other].add(one)
    total = np.bincount(group, weights=weight, minlength=n_groups)
    mean = np.bincount(group, weights=value, minlength=n_groups) / np.bincount(group)
    np.divide(
        np.bincount(group, weights=weight * value, minlength=n_groups),
        total,
        out=mean,
        where=total > 0,
    )
    # The mean of a single value may not be that value, to the last bit.
    alone = np.bincount(group)[group] == 1
    mean[group[alone]] = value[alone]
    return np.array(_pool_adjacent_violators(mean.tolist(), total.tolist(), predecessors))[group]


def _groups(before: NDArray[np.bool_], merged: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number of the group of each leaf: those that must be equal, shape (L,).

    These are the merged leaves, and those between two merged ones in the order.
    """
    edges = before.copy()
    edges[np.arange(len(merged)), merged] = True
    edges[merged, np.arange(len(merged))] = True
    _, group = connected_components(sparse.csr_array(edges), connection="strong")
    numbers: NDArray[np.int32] = group
    return numbers


def _pool_adjacent_violators(
    value: list[float], weight: list[float], predecessors: list[set[int]]
) -> list[float]:
    """Values that never fall from a predecessor to its successors.

    Args:
        value: Values of n nodes.
        weight: Their weights in a mean.
        predecessors: The nodes before each node; without a circle.
    """
    value, weight, predecessors = value.copy(), weight.copy(), [set(p) for p in predecessors]
    # A block of equal values goes by one of its nodes.
    block = list(range(len(value)))
    members = [[node] for node in block]
    for node in TopologicalSorter(dict(enumerate(predecessors))).static_order():
        while True:
            above = {block[other] for other in predecessors[node]} - {node}
            worst = max(above, key=lambda other: (value[other], other), default=node)
            if value[worst] <= value[node]:
                break
            both = weight[node] + weight[worst]
            share = weight[worst] / both if both > 0 else 0.5
            # Rounding must not take the mean beyond its parts: others were compared with them.
            mean = value[node] + share * (value[worst] - value[node])
            value[node] = min(max(mean, value[node]), value[worst])
            weight[node] = both
            predecessors[node] |= predecessors[worst]
            members[node] += members[worst]
            for other in members[worst]:
                block[other] = node
    return [value[block[node]] for node in range(len(value))]
