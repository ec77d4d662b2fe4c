"""Task columns and their positive rows."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from exceptions import DataError
from processing.dataset.tasks import create_task_indices, identify_task_columns


@dataclass
class Settings:
    """The hyperparameters that name the tasks."""

    task_label_names: list[str] | None = None
    num_tasks: int | None = None
    label_name: str = "isFraud"


def _header(*names: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(names))


def test_explicit_names_in_their_own_order(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(["b", "isFraud"], 2)
    assert identify_task_columns(_header("isFraud", "task_x", "b"), settings) == ["b", "isFraud"]
    assert not caplog.records


@pytest.mark.parametrize(
    ("names", "label_name", "found"),
    [
        (["x", "task_b", "isFraud", "task_a"], "task_a", ["task_b", "task_a"]),
        (["isGCfrd", "x", "isFraud", "mytask_a"], "isFraud", ["isFraud", "isGCfrd"]),
    ],
)
def test_detection_warns(
    names: list[str], label_name: str, found: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(label_name=label_name)
    assert identify_task_columns(_header(*names), settings) == found
    assert "detected" in caplog.text


def test_nothing_detected() -> None:
    message = (
        r"^Could not auto-detect task columns\. Expected columns starting with 'task_' or common "
        r"fraud patterns\. Please specify 'task_label_names' explicitly in hyperparameters\.$"
    )
    with pytest.raises(ValueError, match=message):
        identify_task_columns(_header("a", "b"), Settings())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(["isFraud", "isCCfrt"]), r"missing in the data: 'isCCfrt' \(nearest: 'isCCfrd'"),
        (
            Settings(num_tasks=3),
            "wanted num_tasks = 3 tasks, found 2 tasks by their column names, because",
        ),
        (Settings(["isFraud"]), "wanted at least 2 tasks, found 1 tasks in task_label_names"),
        (Settings(label_name="isDDfrd"), "wanted the main task label_name = 'isDDfrd' among"),
    ],
)
def test_contradictions(settings: Settings, message: str) -> None:
    with pytest.raises(DataError, match=message):
        identify_task_columns(_header("isFraud", "isCCfrd"), settings)


@pytest.mark.parametrize("dtype", ["int64", "bool", "float64", "uint8", "float32", "Int64"])
def test_positive_rows(dtype: str) -> None:
    kind = pd.api.types.pandas_dtype(dtype)
    train = pd.DataFrame({"a": [0, 1, 1], "b": [1, 0, 0]}, index=[7, 8, 9]).astype(kind)
    val = pd.DataFrame({"a": [0, 0], "b": [0, 1]}).astype(kind)
    train_rows, val_rows = create_task_indices(train, val, ["a", "b"])
    assert {task: rows.tolist() for task, rows in train_rows.items()} == {0: [1, 2], 1: [0]}
    assert {task: rows.tolist() for task, rows in val_rows.items()} == {0: [], 1: [1]}


def test_missing_labels_are_not_positive(caplog: pytest.LogCaptureFixture) -> None:
    train = pd.DataFrame({"a": [np.nan, 1, 1], "b": [0, np.nan, 1]}, dtype=np.float32)
    train_rows, _ = create_task_indices(train, train, ["a", "b"])
    assert train_rows[0].tolist() == [1, 2]
    assert "task 0 (a) has no negative training row" in caplog.text


def test_log_tells_positives_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.arange(300)
    train = pd.DataFrame(
        {"few": rows < 99, "enough": rows < 100, "none": rows < 0, "all": rows < 300}
    )
    with caplog.at_level(logging.INFO):
        create_task_indices(train, train, ["few", "enough", "none", "all"])
    assert "task 1 (enough): 100 of 300 training rows and 100 of 300 validation" in caplog.text
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == [
        "task 0 (few) has only 99 positive training rows, fewer than 100",
        "task 2 (none) has no positive training row",
        "task 3 (all) has no negative training row",
    ]


def test_no_positive_at_all_is_an_error() -> None:
    train = pd.DataFrame({"a": [0, 0], "b": [0, 0]})
    with pytest.raises(DataError, match=r"no task has a positive training row.*'a', 'b'"):
        create_task_indices(train, train, ["a", "b"])
