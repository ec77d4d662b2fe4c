"""Rows whose subtask is more probable than the main task."""

import numpy as np

from models.evaluation.hierarchy import hierarchy, positives_outside

LABEL = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=np.uint8)
TASKS = ["main", "a", "b"]


def test_positives_outside_the_main_task_are_counted() -> None:
    assert positives_outside(LABEL, None, 0) == [0, 0, 1]
    assert positives_outside(LABEL, None, 2) == [1, 1, 0]


def test_an_unknown_label_contradicts_nothing() -> None:
    for unknown in ((2, 0), (2, 2)):
        weight = np.ones((4, 3), dtype=np.float32)
        weight[unknown] = 0
        assert positives_outside(LABEL, weight, 0) == [0, 0, 0]


def test_rows_above_the_main_task_are_counted() -> None:
    prob = np.array([[0.5, 0.4, 0.1], [0.5, 0.75, 0.5], [0.1, 0.2, 0.85], [0.0, 0.0, 0.0]])
    assert hierarchy([0, 0, 0], prob, TASKS, 0) == {
        "holds_in_training": True,
        "n_rows": 4,
        "n_rows_above": 2,
        "share_above": 0.5,
        "by_task": {
            "a": {"n_rows_above": 2, "share_above": 0.5, "largest_excess": 0.25},
            "b": {"n_rows_above": 1, "share_above": 0.25, "largest_excess": 0.75},
        },
    }


def test_no_hierarchy_no_count() -> None:
    assert hierarchy([0, 0, 3], np.full((4, 3), 0.5), TASKS, 0) == {
        "holds_in_training": False,
        "positives_outside": {"b": 3},
    }
