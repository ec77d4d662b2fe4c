"""Missing numerical values become the training mean of their column."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

logger = logging.getLogger(__name__)


def fit_imputation(df: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """Compute the mean of each column over its present values.

    Args:
        df: Training rows; the columns are float32 with NaN for a missing value.
        columns: The numerical columns.

    Returns:
        `{column: mean}`, summed in float64. A column without any value gets 0.0 and a warning.
    """
    return means_of({column: column_sum(df[column].to_numpy()) for column in columns})


def column_sum(values: NDArray[np.float32]) -> tuple[float, int]:
    """Sum, in float64, and number of the values that are there."""
    present = ~np.isnan(values)
    total = np.add.reduce(values, dtype=np.float64, where=present)
    return float(total), int(np.count_nonzero(present))


def means_of(sums: Mapping[str, tuple[float, int]]) -> dict[str, float]:
    """The mean of each column from sum and number of its values; 0.0 and a warning without any."""
    means = {}
    for column, (total, count) in sums.items():
        if count == 0:
            logger.warning("Column %r has no value in the training data: it becomes 0.0", column)
        means[column] = total / count if count else 0.0
    return means


def apply_imputation(df: pd.DataFrame, impute_dict: dict[str, float]) -> None:
    """Replace the missing values of each column in place.

    One column is copied at a time, and only if it has missing values. The value written is the
    float32 nearest to the mean.

    Args:
        df: Rows of any split; the columns of `impute_dict` are float32.
        impute_dict: What `fit_imputation` returned.
    """
    for column, mean in impute_dict.items():
        if df[column].hasnans:
            values = df[column].to_numpy(dtype=np.float32, copy=True)
            fill_missing(values, mean)
            df[column] = values


def fill_missing(values: NDArray[np.float32], mean: float | NDArray[np.float32]) -> None:
    """Replace missing values, NaN, in place by the float32 nearest to the mean.

    Args:
        values: Shape (n,), or (n, F) for several columns.
        mean: One mean, or one for each of the F columns.
    """
    np.copyto(values, np.asarray(mean, dtype=np.float32), where=np.isnan(values))
