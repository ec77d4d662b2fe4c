"""One tree of the ensemble: a structure that all tasks share, and one value per leaf and task.

Nodes are numbered as in LightGBM: node i < L - 1 is inner, a child c < 0 is the leaf ~c.
"""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

_STRUCTURE_DTYPES: dict[str, type[np.generic]] = {
    "split_feature": np.int32,
    "split_gain": np.float64,
    "threshold": np.float64,
    "decision_type": np.int32,
    "left_child": np.int32,
    "right_child": np.int32,
    "leaf_count": np.int64,
    "internal_count": np.int64,
}


@dataclass(frozen=True)
class TreeStructure:
    """Splits of a tree with L leaves, as LightGBM grew it.

    Attributes:
        split_feature: Feature index of each inner node, shape (L - 1,).
        split_gain: Gain of each split under the split gradient, shape (L - 1,).
        threshold: Rows with a value <= threshold go left, shape (L - 1,), float64.
        decision_type: LightGBM's flags of each split, shape (L - 1,).
        left_child: Left child of each inner node, shape (L - 1,).
        right_child: Right child of each inner node, shape (L - 1,).
        leaf_count: Training rows of each leaf, shape (L,).
        internal_count: Training rows of each inner node, shape (L - 1,).
    """

    split_feature: NDArray[np.int32]
    split_gain: NDArray[np.float64]
    threshold: NDArray[np.float64]
    decision_type: NDArray[np.int32]
    left_child: NDArray[np.int32]
    right_child: NDArray[np.int32]
    leaf_count: NDArray[np.int64]
    internal_count: NDArray[np.int64]

    @property
    def n_leaves(self) -> int:
        """L."""
        return len(self.leaf_count)

    @classmethod
    def from_text_fields(cls, text_fields: dict[str, str]) -> "TreeStructure":
        """Reads the fields of one `Tree=` section of LightGBM's text model."""
        return cls(
            **{
                name: np.array(text_fields[name].split(), dtype=dtype)
                for name, dtype in _STRUCTURE_DTYPES.items()
            }
        )

    @classmethod
    def unsplit(cls, n_rows: int) -> "TreeStructure":
        """The tree of an iteration in which no split was worth it: one leaf."""
        empty = {name: np.empty(0, dtype=dtype) for name, dtype in _STRUCTURE_DTYPES.items()}
        return cls(**{**empty, "leaf_count": np.array([n_rows], dtype=np.int64)})

    def parents(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The inner node above every leaf, shape (L,), and every inner node, (L - 1,); root: -1."""
        of_leaf = np.full(self.n_leaves, -1, dtype=np.int32)
        of_inner = np.full(self.n_leaves - 1, -1, dtype=np.int32)
        for children in (self.left_child, self.right_child):
            is_leaf = children < 0
            of_leaf[~children[is_leaf]] = np.flatnonzero(is_leaf)
            of_inner[children[~is_leaf]] = np.flatnonzero(~is_leaf)
        return of_leaf, of_inner

    def path_features(self) -> set[frozenset[int]]:
        """The features of every path from the root to a leaf."""
        of_leaf, of_inner = self.parents()
        above: list[frozenset[int]] = []
        # LightGBM numbers a node before the nodes below it.
        for node, feature in enumerate(self.split_feature.tolist()):
            inherited = above[of_inner[node]] if node else frozenset()
            above.append(inherited | {feature})
        return {above[node] for node in of_leaf.tolist()} if above else {frozenset()}

    def node_sums(self, leaf_sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the leaves below every inner node, shape (L - 1, ...), from those of leaves."""
        n_inner = self.n_leaves - 1
        # Leaf ~c is in row c from the end.
        sums = np.concatenate([np.empty((n_inner, *leaf_sums.shape[1:])), leaf_sums[::-1]])
        children = zip(self.left_child.tolist(), self.right_child.tolist(), strict=True)
        # LightGBM numbers a node before the nodes below it.
        for node, (left, right) in reversed(list(enumerate(children))):
            sums[node] = sums[left] + sums[right]
        return sums[:n_inner]


STRUCTURE_FIELDS = tuple(one.name for one in fields(TreeStructure))


@dataclass(frozen=True)
class SharedTree:
    """A structure with one value per task in every leaf.

    Attributes:
        structure: The splits.
        leaf_value: Value in log-odds, shrinkage included, shape (L, K), float64.
        leaf_weight: Sum of each task's hessian over the leaf's rows, shape (L, K).
        internal_value: The value that an inner node would have as a leaf, shape (L - 1, K).
        internal_weight: Sum of each task's hessian over the node's rows, shape (L - 1, K).
        shrinkage: The learning rate that the values were made with, where it is another than that
            of the present training; None: it is that one.
    """

    structure: TreeStructure
    leaf_value: NDArray[np.float64]
    leaf_weight: NDArray[np.float64]
    internal_value: NDArray[np.float64]
    internal_weight: NDArray[np.float64]
    shrinkage: float | None = field(default=None, kw_only=True)
