"""Which columns are tasks, and which rows are positive in each."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.messages import listed_with_nearest, quoted, quoted_list
from exceptions import DataError

logger = logging.getLogger(__name__)

TASK_PREFIX = "task_"
FRAUD_LABELS = ("isFraud", "isCCfrd", "isDDfrd", "isGCfrd", "isLOCfrd", "isCimfrd")
FEW_POSITIVES = 100


class TaskSettings(Protocol):
    """The hyperparameters that name the tasks."""

    @property
    def task_label_names(self) -> Sequence[str] | None:
        """The task label columns in order, None to detect them."""

    @property
    def num_tasks(self) -> int | None:
        """How many tasks there must be, None for as many as there are."""

    @property
    def label_name(self) -> str:
        """The main task's label column."""


def identify_task_columns(df: pd.DataFrame, hyperparams: TaskSettings) -> list[str]:
    """The task label columns, in order.

    They are the configured ones. Without these, with a warning: all columns that start with
    `task_`, else the known fraud labels that are there.

    Args:
        df: a table; only its column names are looked at, it need not have rows.
        hyperparams: `task_label_names`, `num_tasks` and `label_name`.

    Raises:
        DataError: configured columns that are missing, nothing detected, fewer than two tasks,
            another number of them than `num_tasks`, or tasks without `label_name`.
    """
    existing = [str(name) for name in df.columns]
    if hyperparams.task_label_names is not None:
        task_columns = list(hyperparams.task_label_names)
        missing = [name for name in task_columns if name not in existing]
        if missing:
            raise DataError(
                f"task label columns missing in the data: {listed_with_nearest(missing, existing)}"
            )
        origin = "tasks in task_label_names"
    else:
        task_columns = _detected(existing)
        origin = "tasks by their column names, because task_label_names is not given"
        logger.warning(
            "task_label_names is not given: tasks detected by column name: %s",
            quoted_list(task_columns),
        )
    found = f"found {len(task_columns)} {origin}: {quoted_list(task_columns)}"
    if len(task_columns) < 2:
        raise DataError(f"wanted at least 2 tasks, {found}")
    if hyperparams.num_tasks is not None and hyperparams.num_tasks != len(task_columns):
        raise DataError(f"wanted num_tasks = {hyperparams.num_tasks} tasks, {found}")
    if hyperparams.label_name not in task_columns:
        raise DataError(
            f"wanted the main task label_name = {quoted(hyperparams.label_name)} among the tasks, "
            f"{found}"
        )
    return task_columns


def check_positives(
    train_df: pd.DataFrame, val_df: pd.DataFrame, task_columns: Sequence[str]
) -> None:
    """Log how many rows of each task are positive, with a warning for few or one class only.

    Args:
        train_df: training rows; a label is positive if it equals 1, missing labels are not.
        val_df: validation rows.
        task_columns: the label columns, which both tables have.

    Raises:
        DataError: no task has a positive training row.
    """
    report_tasks(
        count_tasks(train_df, task_columns), count_tasks(val_df, task_columns), task_columns
    )


@dataclass(frozen=True)
class TaskCounts:
    """Labels of a split.

    Attributes:
        known: Number of known labels of each task, shape (K,).
        positive: Number of positive ones, shape (K,).
    """

    known: NDArray[np.int64]
    positive: NDArray[np.int64]

    def __add__(self, other: "TaskCounts") -> "TaskCounts":
        return TaskCounts(self.known + other.known, self.positive + other.positive)


def count_tasks(df: pd.DataFrame, task_columns: Sequence[str]) -> TaskCounts:
    """Counts the labels of a split."""
    return TaskCounts(
        np.array([df[name].count() for name in task_columns], dtype=np.int64),
        np.array([(df[name] == 1).sum() for name in task_columns], dtype=np.int64),
    )


def report_tasks(train: TaskCounts, val: TaskCounts, task_columns: Sequence[str]) -> None:
    """Logs the tasks' positives, with warnings, see `check_positives`.

    Raises:
        DataError: no task has a positive training row.
    """
    for task, name in enumerate(task_columns):
        positives, known = int(train.positive[task]), int(train.known[task])
        logger.info(
            "task %d (%s): %d of %d training rows and %d of %d validation rows are positive",
            task,
            name,
            positives,
            known,
            val.positive[task],
            val.known[task],
        )
        if positives in (0, known):
            kind = "positive" if positives == 0 else "negative"
            logger.warning("task %d (%s) has no %s training row", task, name, kind)
        elif positives < FEW_POSITIVES:
            logger.warning(
                "task %d (%s) has only %d positive training rows, fewer than %d",
                task,
                name,
                positives,
                FEW_POSITIVES,
            )
    if not train.positive.any():
        raise DataError(
            "no task has a positive training row, so there is nothing to learn: "
            f"{quoted_list(task_columns)}"
        )


def create_task_indices(
    train_df: pd.DataFrame, val_df: pd.DataFrame, task_columns: Sequence[str]
) -> tuple[dict[int, NDArray[np.int64]], dict[int, NDArray[np.int64]]]:
    """The positive rows of each task in both splits, checked as by `check_positives`.

    For callers of this module; the job itself needs their numbers only.

    Returns:
        For the training and the validation split: task index -> row positions, ascending.

    Raises:
        DataError: no task has a positive training row.
    """
    check_positives(train_df, val_df, task_columns)
    train_indices, val_indices = (
        {task: np.flatnonzero(df[name] == 1) for task, name in enumerate(task_columns)}
        for df in (train_df, val_df)
    )
    return train_indices, val_indices


def _detected(existing: Sequence[str]) -> list[str]:
    task_columns = [name for name in existing if name.startswith(TASK_PREFIX)]
    if not task_columns:
        task_columns = [name for name in FRAUD_LABELS if name in existing]
    if not task_columns:
        raise DataError(
            "Could not auto-detect task columns. Expected columns starting with 'task_' or common "
            "fraud patterns. Please specify 'task_label_names' explicitly in hyperparameters."
        )
    return task_columns
