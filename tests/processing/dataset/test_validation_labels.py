"""Validation scores must be defined before training starts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from exceptions import DataError
from processing.dataset.validation_labels import check_validation_labels

TASKS = ["a", "main", "c"]
LABEL = np.array([[0, 0, 0], [1, 0, 0]], dtype=np.uint8)
NOTHING = np.zeros((2, 3), dtype=np.float32)
SECOND_ROW = np.array([[0, 0, 0], [1, 1, 1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("metric", "weight"),
    [(None, None), ("mean_logloss", None), ("mean_logloss", SECOND_ROW), ("mean_auc", None)],
)
def test_scores_that_are_defined_pass(
    metric: str | None, weight: NDArray[np.float32] | None
) -> None:
    check_validation_labels(LABEL, weight, TASKS, "main", metric)
    check_validation_labels(LABEL, weight, TASKS, "a", metric)


@pytest.mark.parametrize(
    ("metric", "main_task", "weight", "message"),
    [
        (None, "main", NOTHING, r"^val: no row has a label"),
        ("main_auc", "main", None, r"main_auc, .* but task 'main' has 0 positive and 2 negative;"),
        ("main_auc", "a", SECOND_ROW, r"but task 'a' has 1 positive and 0 negative;"),
        (
            "mean_auc",
            "main",
            SECOND_ROW,
            r"mean_auc, .* but task 'a' has 1 positive and 0 negative; task 'main' has 0 positive "
            r"and 1 negative; task 'c' .*; give other validation data, set early_stopping_metric",
        ),
    ],
)
def test_undefined_scores_are_refused(
    metric: str | None, main_task: str, weight: NDArray[np.float32] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_validation_labels(LABEL, weight, TASKS, main_task, metric)
