"""Categories become the smoothed positive rate of the main task (target encoding).

The training rows are encoded out of fold: no row's own label is part of its encoding, so that a
column of random categories carries no information about the labels.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

logger = logging.getLogger(__name__)


class RiskTable(TypedDict):
    """What a category is worth; a missing or unseen one is worth `default_bin`.

    `column` and `task` are there in a table of another task than the main one: whose categories
    they are, and whose rate (`processing.features.encodings`).
    """

    bins: dict[str, float]
    default_bin: float
    column: NotRequired[str]
    task: NotRequired[str]


def fit_risk_tables(
    df: pd.DataFrame,
    columns: Sequence[str],
    label: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    *,
    smooth: float | Literal["auto"],
    folds: int,
    seed: int,
    task: str | None = None,
) -> tuple[dict[str, RiskTable], dict[str, npt.NDArray[np.float32]]]:
    """Fit one risk table per column and encode the training rows out of fold.

    A category's risk is `(positives + smooth * base_rate) / (rows + smooth)`, see
    Micci-Barreca, SIGKDD Explorations 3 (2001). The folds depend on the labels and the seed alone.

    Args:
        df: n training rows; the columns are pandas Categoricals of text, NaN for a missing value.
        columns: The categorical columns.
        label: Shape (n,), the task's label, 0 or 1; NaN where it is unknown. Such a row is no
            part of any table and is encoded like a row of another split.
        smooth: How many rows of the base rate are mixed into each category, or scikit-learn's
            "auto", which does not smooth a category whose labels are all the same.
        folds: Number of folds, at least 2.
        seed: Seed of the folds.
        task: What warnings call the task; None: it is the main task, and the columns are warned
            of, too.

    Returns:
        The tables by column, and by column the float32 encodings of the n training rows.
    """
    known = np.flatnonzero(~np.isnan(label))
    known_label = label[known].astype(np.float64)
    default = float(known_label.mean()) if known.size else 0.0
    if columns and default in {0.0, 1.0}:
        logger.warning(
            "%s has only one class among the training rows with a known label: "
            "its risk tables cannot tell categories apart",
            _called(task),
        )
    splits = _split(known_label, folds, seed, task) if columns else []

    tables: dict[str, RiskTable] = {}
    encoded: dict[str, npt.NDArray[np.float32]] = {}
    for column in columns:
        series = df[column]
        # Code 0 stands for a missing category, so that these rows count for the base rate.
        codes = series.cat.codes.to_numpy().astype(np.int32)[known] + 1
        texts = series.cat.categories
        seen = np.bincount(codes, minlength=len(texts) + 1) > 0
        if task is not None:
            pass
        elif not seen[1:].any():
            logger.warning("Column %r has no category in the training data", column)
        elif seen.sum() == 1:
            logger.warning("Column %r has a single category in the training data", column)

        if not splits:
            risks = np.full(len(texts) + 1, default)
            out_of_fold = np.full(known.size, default, dtype=np.float32)
        else:
            encoder = TargetEncoder(
                categories=[np.arange(len(texts) + 1, dtype=np.int32)],
                target_type="continuous",  # "binary" maps a lone class to 0, whichever it is
                smooth=smooth,
                cv=splits,
            )
            out_of_fold = encoder.fit_transform(codes[:, np.newaxis], known_label)[:, 0]
            risks = encoder.encodings_[0]
        tables[column] = {
            "bins": {
                str(text): float(risk)
                for text, risk, is_seen in zip(texts, risks[1:], seen[1:], strict=True)
                if is_seen
            },
            "default_bin": default,
        }
        values = apply_risk_table(series, tables[column])
        has_category = codes > 0
        values[known[has_category]] = out_of_fold[has_category]
        encoded[column] = values
    return tables, encoded


def apply_risk_table(column: pd.Series, table: RiskTable) -> npt.NDArray[np.float32]:
    """Encode the rows of a split that the table was not fitted on.

    Args:
        column: n rows of a pandas Categorical of text, NaN for a missing value.
        table: The column's risk table.

    Returns:
        Shape (n,), float32; `default_bin` where the category is missing or unseen.
    """
    # The missing code is -1, which picks the last entry.
    return category_risks([*column.cat.categories, None], table)[column.cat.codes.to_numpy()]


def category_risks(categories: Iterable[str | None], table: RiskTable) -> npt.NDArray[np.float32]:
    """The risk of each category, shape (n,); `default_bin` of one that is missing or unseen."""
    bins, default = table["bins"], table["default_bin"]
    return np.array(
        [default if text is None else bins.get(text, default) for text in categories],
        dtype=np.float32,
    )


def _split(
    label: npt.NDArray[np.float64], folds: int, seed: int, task: str | None
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return per fold the rows that are fitted on and the rows that are encoded.

    Made once for all columns; empty if there are too few rows to split.
    """
    folds = min(folds, label.size)
    if folds < 2:
        return []
    rarest = int(min(label.sum(), label.size - label.sum()))
    if rarest >= folds:
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    else:
        if rarest > 0:
            logger.warning(
                "%s: the rarer class has %d training rows, fewer than the %d folds of the risk "
                "tables: their values in the training data are rough",
                _called(task),
                rarest,
                folds,
            )
        splitter = KFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(label, label))


def _called(task: str | None) -> str:
    return "The main task" if task is None else f"Task {task}"
