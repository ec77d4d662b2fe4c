"""From raw splits to features: imputation, risk tables, feature selection (in this order)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP
from processing.features.artifacts import (
    FLAGS,
    PrecomputedArtifacts,
    check_no_missing,
)
from processing.features.encodings import encoding_name, feature_names, source_column
from processing.features.imputation import apply_imputation, fit_imputation
from processing.features.risk_differences import count_alone, count_pairs, differs_from_main
from processing.features.risk_tables import RiskTable, apply_risk_table, fit_risk_tables

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RiskTableSettings:
    """How risk tables are fitted, see `processing.features.risk_tables.fit_risk_tables`.

    Attributes:
        smooth: How many rows of the base rate are mixed into each category.
        folds: Number of folds.
        seed: Seed of the folds.
        where_different: Another task than the main one gets a table only of columns whose
            categories mean something else to it (`processing.features.risk_differences`).
    """

    smooth: float | Literal["auto"]
    folds: int
    seed: int
    where_different: bool = False


@dataclass(frozen=True)
class Preprocessing:
    """What turns raw rows into features: with the model it can score raw rows.

    Attributes:
        impute_dict: Value of a missing number, by column.
        risk_tables: Risk of each category, by feature.
        feature_columns: The model's features, in order.
    """

    impute_dict: dict[str, float]
    risk_tables: dict[str, RiskTable]
    feature_columns: list[str]

    @property
    def feature_sources(self) -> list[str]:
        """The column that each feature comes from."""
        return [source_column(name, self.risk_tables) for name in self.feature_columns]


def used_columns(
    numerical: Sequence[str], categorical: Sequence[str], artifacts: PrecomputedArtifacts
) -> list[str]:
    """The columns of the model in order: the selected ones, else all."""
    if artifacts.selected_features is not None:
        return artifacts.selected_features
    return [*numerical, *categorical]


def preprocess(
    splits: dict[str, pd.DataFrame],
    numerical: Sequence[str],
    categorical: Sequence[str],
    risk_labels: Sequence[str],
    artifacts: PrecomputedArtifacts,
    settings: RiskTableSettings,
    learned: Preprocessing | None = None,
) -> Preprocessing:
    """Transforms all splits; everything is learned from the split `train` alone.

    A step whose artifact is precomputed is not applied, because upstream has applied it: it is only
    checked that the data agree.

    Args:
        splits: Rows by split, as the readers give them, transformed in place or replaced by tables
            with further columns; one is called `train`.
        numerical: Numerical features among the columns, float32.
        categorical: Categorical features among the columns: Categoricals, or float32 if the risk
            tables are precomputed.
        risk_labels: Label columns of the tasks whose risks the categories become: the main task's,
            which goes by the column's name, and any others.
        artifacts: Precomputed artifacts.
        settings: How risk tables are fitted.
        learned: What an initial model's job has learned of the same features: its trees mean the
            numbers that come of that, so that it is applied in the place of what these rows say.

    Raises:
        ArtifactError: The data contradict a precomputed artifact.
    """
    impute_dict = _impute(splits, numerical, artifacts, learned)
    if artifacts.risk_tables is not None:
        for name, df in splits.items():
            check_no_missing(df, categorical, name, FLAGS[RISK_TABLE_MAP])
        risk_tables = artifacts.risk_tables
    else:
        risk_tables = _map_risks(splits, categorical, risk_labels, settings, learned)
    columns = used_columns(numerical, categorical, artifacts)
    return Preprocessing(impute_dict, risk_tables, feature_names(columns, risk_tables))


def _impute(
    splits: Mapping[str, pd.DataFrame],
    numerical: Sequence[str],
    artifacts: PrecomputedArtifacts,
    learned: Preprocessing | None,
) -> dict[str, float]:
    if artifacts.impute_dict is not None:
        for name, df in splits.items():
            check_no_missing(df, numerical, name, FLAGS[IMPUTE_DICT])
        return artifacts.impute_dict
    if learned is None:
        impute_dict = fit_imputation(splits["train"], numerical)
    else:
        impute_dict = {column: learned.impute_dict[column] for column in numerical}
    for df in splits.values():
        apply_imputation(df, impute_dict)
    return impute_dict


def _map_risks(
    splits: dict[str, pd.DataFrame],
    categorical: Sequence[str],
    risk_labels: Sequence[str],
    settings: RiskTableSettings,
    learned: Preprocessing | None,
) -> dict[str, RiskTable]:
    train = splits["train"]
    risk_tables: dict[str, RiskTable] = {}
    train_risks: dict[str, npt.NDArray[np.float32]] = {}
    for number, label in enumerate(risk_labels):
        columns = list(categorical)
        if number and learned is not None:
            columns = [name for name in columns if learned_tables(learned, name, label)]
        elif number and settings.where_different:
            columns = [
                name
                for name in columns
                if _differs(train[name], train[label], train[risk_labels[0]])
            ]
        tables, risks = fit_risk_tables(
            train,
            columns,
            train[label].to_numpy(),
            smooth=settings.smooth,
            folds=settings.folds,
            seed=settings.seed,
            task=label if number else None,
        )
        for column in columns:
            name = encoding_name(column, label, train.columns) if number else column
            table, encoded = tables[column], risks[column]
            if learned is not None:
                name, known = learned_tables(learned, column, label if number else None)[0]
                # The very same table comes of the very same rows, as which they were encoded out of
                # fold; to other rows it says nothing of their own labels.
                if table["bins"] != known["bins"] or table["default_bin"] != known["default_bin"]:
                    table, encoded = known, apply_risk_table(train[column], known)
            risk_tables[name] = {**table, "column": column, "task": label} if number else table
            train_risks[name] = encoded
    for name, df in splits.items():
        features = {
            feature: train_risks[feature]
            if name == "train"
            else apply_risk_table(df[source_column(feature, risk_tables)], table)
            for feature, table in risk_tables.items()
        }
        for column in categorical:
            df[column] = features.pop(column)
        if features:
            # All at once: pandas warns of many columns that are added one by one.
            splits[name] = pd.concat([df, pd.DataFrame(features, index=df.index)], axis=1)
    return risk_tables


def _differs(column: pd.Series, label: pd.Series, main_label: pd.Series) -> bool:
    """Whether a column's categories mean something else to a task than to the main task."""
    # Code 0 stands for a missing category.
    code = column.cat.codes.to_numpy().astype(np.int64) + 1
    n_categories = len(column.cat.categories) + 1
    counts = count_pairs(code, n_categories, label.to_numpy(), main_label.to_numpy())
    if not counts.any():
        counts = count_alone(code, n_categories, label.to_numpy())
    return differs_from_main(counts)


def learned_tables(
    learned: Preprocessing, column: str, task: str | None
) -> list[tuple[str, RiskTable]]:
    """Name and table of a column's feature, if there is one; `task` None: of the main task."""
    if task is None:
        return [(column, learned.risk_tables[column])]
    return [
        (name, table)
        for name, table in learned.risk_tables.items()
        if table.get("column") == column and table.get("task") == task
    ]
