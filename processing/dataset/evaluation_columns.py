"""Columns that are read for the evaluation alone: amounts, and an earlier model's scores."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.messages import listed, quoted
from exceptions import DataError
from processing.reading.row_places import RowPlaces

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationColumns:
    """What the rows of a split are judged by, beside labels and weights.

    Attributes:
        amount: (n,) float64 money at stake, >= 0; None where no column is named.
        previous: Task index -> (n,) float32 scores of an earlier model, NaN where it has none.
    """

    amount: NDArray[np.float64] | None
    previous: Mapping[int, NDArray[np.float32]]


def check_evaluation_numbers(
    table: pd.DataFrame, columns: Sequence[str], places: RowPlaces
) -> None:
    """Check that each column has a number in some row at least.

    Args:
        table: n rows; the columns are float32 with NaN where missing.
        columns: the columns for the evaluation, which the table has.
        places: where the rows stand in the files.

    Raises:
        DataError: columns without any number, all in one message.
    """
    empty = [quoted(name) for name in columns if np.isnan(table[name].to_numpy()).all()]
    if empty:
        raise DataError(
            f"{places.channel}: wanted numbers in the columns that amount_name and "
            f"previous_score_columns name, found none at all in {listed(empty)}"
        )


def evaluation_columns(
    split: str,
    df: pd.DataFrame,
    task_columns: Sequence[str],
    amount_name: str | None,
    previous_score_columns: Mapping[str, str],
) -> EvaluationColumns:
    """Take the columns for the evaluation out of a split, before its features are transformed.

    A missing or negative amount counts as no money, with a warning: no recall could be told from
    sums of money that cancel out.

    Args:
        split: what messages call the rows.
        df: n rows as they were read; the columns are float32.
        task_columns: K task names.
        amount_name: column of amounts, if there is one.
        previous_score_columns: for some tasks, the column of an earlier model's scores.

    Returns:
        The columns; none for rows without labels, which nothing can be told of.
    """
    if not set(task_columns) <= set(df.columns):
        return EvaluationColumns(None, {})
    previous = {
        index: df[previous_score_columns[task]].to_numpy(copy=True)
        for index, task in enumerate(task_columns)
        if task in previous_score_columns
    }
    if amount_name is None:
        return EvaluationColumns(None, previous)
    amount = df[amount_name].to_numpy().astype(np.float64)
    missing, negative = np.isnan(amount), amount < 0
    if missing.any() or negative.any():
        logger.warning(
            "%s: column %s has %d missing and %d negative amounts, which count as 0",
            split,
            quoted(amount_name),
            np.count_nonzero(missing),
            np.count_nonzero(negative),
        )
        amount[missing | negative] = 0.0
    return EvaluationColumns(amount, previous)
