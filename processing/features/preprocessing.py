"""From raw splits to features: imputation, risk tables, feature selection (in this order)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from processing.features.artifacts import (
    FLAGS,
    IMPUTE_DICT,
    RISK_TABLE_MAP,
    PrecomputedArtifacts,
    check_no_missing,
)
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
        risk_tables: Risk of each category, by column.
        feature_columns: The model's features, in order.
    """

    impute_dict: dict[str, float]
    risk_tables: dict[str, RiskTable]
    feature_columns: list[str]


def used_features(
    numerical: Sequence[str], categorical: Sequence[str], artifacts: PrecomputedArtifacts
) -> list[str]:
    """The features of the model in order: the selected ones, else all."""
    if artifacts.selected_features is not None:
        return artifacts.selected_features
    return [*numerical, *categorical]


def preprocess(
    splits: Mapping[str, pd.DataFrame],
    numerical: Sequence[str],
    categorical: Sequence[str],
    main_label: str,
    artifacts: PrecomputedArtifacts,
    settings: RiskTableSettings,
) -> Preprocessing:
    """Transforms all splits in place; everything is learned from the split `train` alone.

    A step whose artifact is precomputed is not applied, because upstream has applied it: it is only
    checked that the data agree.

    Args:
        splits: Rows by split, as the readers give them; one is called `train`.
        numerical: Numerical features among the columns, float32.
        categorical: Categorical features among the columns: Categoricals, or float32 if the risk
            tables are precomputed.
        main_label: The main task's label column.
        artifacts: Precomputed artifacts.
        settings: How risk tables are fitted.

    Raises:
        ArtifactError: The data contradict a precomputed artifact.
    """
    impute_dict = _impute(splits, numerical, artifacts)
    risk_tables = _map_risks(splits, categorical, main_label, artifacts, settings)
    return Preprocessing(impute_dict, risk_tables, used_features(numerical, categorical, artifacts))


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
    splits: Mapping[str, pd.DataFrame],
    categorical: Sequence[str],
    main_label: str,
    artifacts: PrecomputedArtifacts,
    settings: RiskTableSettings,
) -> dict[str, RiskTable]:
    if artifacts.risk_tables is not None:
        for name, df in splits.items():
            check_no_missing(df, categorical, name, FLAGS[RISK_TABLE_MAP])
        return artifacts.risk_tables
    train = splits["train"]
    risk_tables, train_risks = fit_risk_tables(
        train,
        categorical,
        train[main_label].to_numpy(),
        smooth=settings.smooth,
        folds=settings.folds,
        seed=settings.seed,
    )
    for name, df in splits.items():
        for column in categorical:
            encoded = name == "train"
            df[column] = (
                train_risks[column]
                if encoded
                else apply_risk_table(df[column], risk_tables[column])
            )
    return risk_tables
