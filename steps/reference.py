"""What is kept of the training rows for the evaluation: they themselves are gone by then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from models.evaluation.drift import fit_table, sampled_rows, table_drift

_SAMPLE_ROWS = 10_000
_SAMPLE_VALUES = 1 << 22


@dataclass(frozen=True)
class TrainingReference:
    """What the other splits are compared with.

    Attributes:
        feature_drift: Split -> feature -> drift of the feature as it was read.
        sample: Some training rows, with the features as the model sees them.
        positives_outside: Per task, training rows that are positive in it, negative in the main
            task.
        n_rows: Number of training rows.
        n_positives: Per task, training rows that are positive in it.
    """

    feature_drift: dict[str, dict[str, dict[str, Any]]]
    sample: pd.DataFrame
    positives_outside: list[int]
    n_rows: int
    n_positives: list[int]


def drift_of_features(
    splits: Mapping[str, pd.DataFrame], features: Sequence[str], weight_name: str | None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Drift of every feature between the training rows and the others, before they change.

    Args:
        splits: Rows by split as they were read, one of them `train`.
        features: Numbers or Categoricals.
        weight_name: Column of row weights, if there is one.
    """
    bins = fit_table(splits["train"], features, weight_name)
    return {
        name: table_drift(bins, df, weight_name) for name, df in splits.items() if name != "train"
    }


def sample_of_training(
    train: pd.DataFrame, features: Sequence[str], weight_name: str | None
) -> pd.DataFrame:
    """Some training rows, of at most 16 MB: their features and the column of weights."""
    columns = list(dict.fromkeys([*features, *([weight_name] if weight_name else [])]))
    rows = sampled_rows(len(train), sample_size(len(columns)))
    return pd.DataFrame({name: train[name].to_numpy()[rows] for name in columns})


def sample_size(n_columns: int) -> int:
    """How many training rows are kept: of at most 16 MB."""
    return min(_SAMPLE_ROWS, max(_SAMPLE_VALUES // n_columns, 1))
