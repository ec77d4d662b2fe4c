"""A tree's structure, its text and sums over its nodes."""

import numpy as np
import pytest

from models.trees.shared_tree import STRUCTURE_FIELDS, TreeStructure

# Node 0 splits into leaf 0 and node 1, node 1 into node 2 and leaf 2, node 2 into leaves 1 and 3.
TEXT = {
    "num_leaves": "4",
    "split_feature": "2 0 1",
    "split_gain": "10.5 3 0.25",
    "threshold": "0.10000000149011612 -1 1e-35",
    "decision_type": "2 2 2",
    "left_child": "-1 2 -2",
    "right_child": "1 -3 -4",
    "leaf_count": "10 20 30 40",
    "internal_count": "100 90 60",
}


def test_reading_lightgbms_text() -> None:
    structure = TreeStructure.from_text_fields(TEXT)
    assert structure.n_leaves == 4
    assert structure.split_feature.tolist() == [2, 0, 1]
    assert structure.split_gain.tolist() == [10.5, 3.0, 0.25]
    assert structure.threshold.tolist() == [0.10000000149011612, -1.0, 1e-35]
    assert structure.decision_type.tolist() == [2, 2, 2]
    assert structure.left_child.tolist() == [-1, 2, -2]
    assert structure.right_child.tolist() == [1, -3, -4]
    assert structure.leaf_count.tolist() == [10, 20, 30, 40]
    assert structure.internal_count.tolist() == [100, 90, 60]
    assert [getattr(structure, name).dtype.name for name in STRUCTURE_FIELDS] == [
        *("int32", "float64", "float64", "int32", "int32", "int32", "int64", "int64")
    ]


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KeyError, match="threshold"):
        TreeStructure.from_text_fields({k: v for k, v in TEXT.items() if k != "threshold"})


def test_the_features_of_every_path() -> None:
    structure = TreeStructure.from_text_fields(TEXT)
    assert structure.path_features() == {frozenset({2}), frozenset({2, 0}), frozenset({2, 0, 1})}
    assert TreeStructure.unsplit(3).path_features() == {frozenset()}


def test_node_sums_by_hand() -> None:
    structure = TreeStructure.from_text_fields(TEXT)
    leaf_sums = np.array([[1.0, 0.5], [2.0, 0.0], [4.0, -1.0], [8.0, 0.25]])
    assert structure.node_sums(leaf_sums).tolist() == [[15.0, -0.25], [14.0, -0.75], [10.0, 0.25]]
    np.testing.assert_array_equal(
        structure.node_sums(structure.leaf_count[:, None].astype(float))[:, 0],
        structure.internal_count,
    )


def test_parents_by_hand() -> None:
    of_leaf, of_inner = TreeStructure.from_text_fields(TEXT).parents()
    assert of_leaf.tolist() == [0, 2, 1, 2]
    assert of_inner.tolist() == [-1, 0, 1]


def test_an_unsplit_tree_is_one_leaf() -> None:
    structure = TreeStructure.unsplit(77)
    assert structure.n_leaves == 1
    assert structure.leaf_count.tolist() == [77]
    assert structure.node_sums(np.ones((1, 3))).shape == (0, 3)
    lengths = {name: len(getattr(structure, name)) for name in STRUCTURE_FIELDS}
    assert {name for name, length in lengths.items() if length} == {"leaf_count"}
