"""The model directory: everything that is needed to score raw rows, and how it came about."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from common.result_names import (
    FEATURE_COLUMNS,
    HYPERPARAMETERS,
    IMPUTE_DICT,
    MODEL_FILE,
    RISK_TABLE_MAP,
    SELECTED_FEATURES,
)
from processing.features.encodings import own_columns
from processing.features.feature_selection import make_selected_features
from processing.writing.atomic import write_json, write_pickle, write_text


class Model(Protocol):
    """A model with the methods of `lightgbm.Booster`."""

    def model_to_string(self) -> str:
        """The content of the model file."""

    def feature_importance(self, importance_type: str) -> NDArray[np.floating]:
        """Importance of every feature."""


class Hyperparameters(Protocol):
    """Hyperparameters that can be written."""

    def to_json(self) -> str:
        """All values, defaults included."""


class State(Protocol):
    """A training state that can be written."""

    weight_evolution: list[list[float]]

    def to_checkpoint_dict(self) -> dict[str, Any]:
        """The state as plain JSON data."""


def save_artifacts(
    model: Model,
    risk_tables: Mapping[str, Any],
    impute_dict: Mapping[str, float],
    model_path: str | Path,
    feature_columns: Sequence[str],
    hyperparams: Hyperparameters,
    training_state: State,
) -> None:
    """Writes the model directory, each file aside and then renamed, the model file last.

    Args:
        model: The trained model.
        risk_tables: Risk of each category, by feature.
        impute_dict: Value of a missing number, by column.
        model_path: The directory; made if it is missing.
        feature_columns: Features in the order of the model.
        hyperparams: What the model was trained with.
        training_state: How the training went.

    Raises:
        OSError: The directory is not writable or the disk is full.
    """
    folder = Path(model_path)
    folder.mkdir(parents=True, exist_ok=True)
    importance = model.feature_importance("gain").tolist()
    # What another job can select are columns; they may have more than one feature each.
    columns = own_columns(feature_columns, risk_tables)
    write_pickle(folder / IMPUTE_DICT, dict(impute_dict))
    write_pickle(folder / RISK_TABLE_MAP, {name: dict(risk_tables[name]) for name in risk_tables})
    write_json(folder / SELECTED_FEATURES, make_selected_features(columns))
    write_json(folder / "training_state.json", training_state.to_checkpoint_dict())
    write_text(folder / FEATURE_COLUMNS, feature_columns_text(feature_columns))
    write_text(folder / HYPERPARAMETERS, hyperparams.to_json())
    write_text(folder / "weight_evolution.json", json.dumps(training_state.weight_evolution) + "\n")
    write_json(
        folder / "feature_importance.json", dict(zip(feature_columns, importance, strict=True))
    )
    write_text(folder / MODEL_FILE, model.model_to_string())


def feature_columns_text(feature_columns: Sequence[str]) -> str:
    """The content of `feature_columns.txt`."""
    lines = [
        "# The features of lightgbmmt_model.txt in the order of its columns.",
        "# One index,name per line; the name is everything after the first comma.",
        *(f"{index},{name}" for index, name in enumerate(feature_columns)),
    ]
    return "\n".join(lines) + "\n"
