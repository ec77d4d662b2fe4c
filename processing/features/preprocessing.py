"""From raw splits to features: imputation, risk tables, feature selection (in this order)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from processing.features.artifacts import (
    FLAGS,
    IMPUTE_DICT,
    RISK_TABLE_MAP,
    PrecomputedArtifacts,
    check_no_missing,
)
from processing.features.encodings import encoding_name, feature_names, source_column
from processing.features.imputation import apply_imputation, fit_imputation
from processing.features.risk_tables import RiskTable, apply_risk_table, fit_risk_tables

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RiskTableSettings:
    """How risk tables are fitted, see `processing.features.risk_tables.fit_risk_tables`."""

    smooth: float | Literal["auto"]
    folds: int
    seed: int


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

    Raises:
        ArtifactError: The data contradict a precomputed artifact.
    """
    impute_dict = _impute(splits, numerical, artifacts)
    risk_tables = _map_risks(splits, categorical, risk_labels, artifacts, settings)
    columns = used_columns(numerical, categorical, artifacts)
    return Preprocessing(impute_dict, risk_tables, feature_names(columns, risk_tables))


def _impute(
    splits: Mapping[str, pd.DataFrame], numerical: Sequence[str], artifacts: PrecomputedArtifacts
) -> dict[str, float]:
    if artifacts.impute_dict is not None:
        for name, df in splits.items():
            check_no_missing(df, numerical, name, FLAGS[IMPUTE_DICT])
        return artifacts.impute_dict
    impute_dict = fit_imputation(splits["train"], numerical)
    for df in splits.values():
        apply_imputation(df, impute_dict)
    return impute_dict


def _map_risks(
    splits: dict[str, pd.DataFrame],
    categorical: Sequence[str],
    risk_labels: Sequence[str],
    artifacts: PrecomputedArtifacts,
    settings: RiskTableSettings,
) -> dict[str, RiskTable]:
    if artifacts.risk_tables is not None:
        for name, df in splits.items():
            check_no_missing(df, categorical, name, FLAGS[RISK_TABLE_MAP])
        return artifacts.risk_tables
    train = splits["train"]
    risk_tables: dict[str, RiskTable] = {}
    train_risks: dict[str, npt.NDArray[np.float32]] = {}
    for number, label in enumerate(risk_labels):
        tables, risks = fit_risk_tables(
            train,
            categorical,
            train[label].to_numpy(),
            smooth=settings.smooth,
            folds=settings.folds,
            seed=settings.seed,
            task=label if number else None,
        )
        for column in categorical:
            name = encoding_name(column, label, train.columns) if number else column
            table = tables[column]
            risk_tables[name] = {**table, "column": column, "task": label} if number else table
            train_risks[name] = risks[column]
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
