"""What is made of the sums that the hosts return."""

import numpy as np

from hosts.team_rows import _added, counted
from models.trees.shared_tree import TreeStructure


def test_sums_are_added_up_in_the_order_of_the_hosts() -> None:
    """Rounding makes another order another sum, and thus another model."""
    parts = [np.array([1.0, 1e16]), np.array([1e16, -1e16]), np.array([-1e16, 1.0])]
    assert _added(parts).tolist() == [0.0, 1.0]
    assert parts[0].tolist() == [1.0, 1e16]


def test_rows_of_leaves_that_cannot_be_told_apart_are_shared_out_by_the_estimates() -> None:
    structure = TreeStructure(
        split_feature=np.zeros(3, np.int32),
        split_gain=np.ones(3),
        threshold=np.zeros(3),
        decision_type=np.zeros(3, np.int32),
        left_child=np.array([1, ~0, ~1], np.int32),
        right_child=np.array([2, ~2, ~3], np.int32),
        leaf_count=np.array([10, 30, 0, 5]),
        internal_count=np.zeros(3, np.int64),
    )
    # Leaves 1 and 3 go by leaf 1, which has the rows of both.
    found = counted(structure, np.array([0, 1, 2, 1], np.int32), np.array([4, 70, 6, 0]))
    assert found.leaf_count.tolist() == [4, 60, 6, 10]
    assert found.internal_count.tolist() == [80, 10, 70]
