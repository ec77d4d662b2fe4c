"""Loading a model directory, or a `model.tar.gz` with one, that may come from anywhere."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.json_file import read_json_object
from common.messages import listed, quoted, quoted_list
from common.regular_file import open_regular
from common.result_names import (
    FEATURE_COLUMNS,
    HYPERPARAMETERS,
    IMPUTE_DICT,
    MODEL_FILE,
    RISK_TABLE_MAP,
    SELECTED_FEATURES,
)
from exceptions import ArtifactError
from models.trees.model_reading import ModelTrees, read_model
from models.trees.model_text import file_feature_names
from processing.features.artifacts import (
    ARCHIVE,
    read_impute_dict,
    read_risk_tables,
)
from processing.features.encodings import feature_names, source_column
from processing.features.feature_selection import read_selected_features
from processing.features.risk_tables import RiskTable
from processing.reading.category_text import category_of_text
from processing.untrusted.safe_pickle import load_plain_pickle
from processing.untrusted.safe_tar import extract_named
from processing.writing.model_directory import feature_columns_text
from scoring.calibration import CALIBRATION_FILE, CALIBRATION_FOLDER, Calibration, read_calibration
from scoring.raw_features import RawFeatures
from scoring.scorer import Scorer

MAX_MODEL_BYTES = 4 * 1024**3
_NEEDED = (
    MODEL_FILE,
    FEATURE_COLUMNS,
    SELECTED_FEATURES,
    HYPERPARAMETERS,
    IMPUTE_DICT,
    RISK_TABLE_MAP,
)


def load_scorer(
    path: Path, *, rows_are_imputed: bool = False, rows_are_mapped: bool = False
) -> Scorer:
    """Load what it takes to score raw rows.

    Args:
        path: A model directory, a `model.tar.gz` with one, or a folder with such a file.
        rows_are_imputed: `USE_PRECOMPUTED_IMPUTATION`: missing numbers of the rows to be scored are
            filled in already.
        rows_are_mapped: `USE_PRECOMPUTED_RISK_TABLES`: their categories are numbers already.

    Raises:
        ArtifactError: Files are missing, damaged, refused, or do not belong together.
    """
    parts = read_model_directory(path)
    return Scorer(
        parts.model,
        parts.tasks,
        parts.categorical,
        parts.id_name,
        RawFeatures(
            parts.features,
            None if rows_are_imputed else parts.impute_dict,
            None if rows_are_mapped else parts.risk_tables,
            [
                name
                for name in parts.features
                if source_column(name, parts.risk_tables) in parts.categorical
            ],
        ),
        parts.calibration,
    )


@dataclass(frozen=True)
class ModelParts:
    """What a model directory holds, checked.

    Attributes:
        text: The content of the model file.
        model: Its trees.
        features: Names of the F features in the model's order.
        tasks: Names of the K tasks.
        categorical: The columns with categories.
        id_name: The id column.
        impute_dict: Value of a missing number, by column.
        risk_tables: Risk of each category, by feature.
        calibration: What makes calibrated probabilities, if it is there.
        settings: Content of `hyperparameters.json`, of which the names above are checked.
    """

    text: str
    model: ModelTrees
    features: list[str]
    tasks: list[str]
    categorical: list[str]
    id_name: str
    impute_dict: dict[str, float]
    risk_tables: dict[str, RiskTable]
    calibration: Calibration | None
    settings: Mapping[str, Any]


def read_model_directory(path: Path) -> ModelParts:
    """Read a model directory, a `model.tar.gz` with one, or a folder with such a file.

    Raises:
        ArtifactError: Files are missing, damaged, refused, or do not belong together.
    """
    with tempfile.TemporaryDirectory() as aside:
        return _read(_find(path, Path(aside)))


@dataclass(frozen=True)
class _File:
    path: Path
    shown: str


def _find(path: Path, aside: Path) -> dict[str, _File]:
    """The files of a model directory by their names, wherever they are."""
    if path.is_dir() and not (path / MODEL_FILE).exists() and (path / ARCHIVE).exists():
        path /= ARCHIVE
    if path.is_dir():
        places = {name: path / name for name in _NEEDED}
        places[CALIBRATION_FILE] = path / CALIBRATION_FOLDER / CALIBRATION_FILE
        files = {name: _File(place, str(place)) for name, place in places.items() if place.exists()}
        found = sorted(entry.name for entry in path.iterdir())
    elif path.is_file():
        names = [*_NEEDED, CALIBRATION_FILE]
        extracted = extract_named(path, names, aside, MAX_MODEL_BYTES)
        files = {name: _File(place, f"{path}: {name}") for name, place in extracted.items()}
        found = sorted(files)
    else:
        raise ArtifactError(f"wanted a model directory or a {ARCHIVE}, found none: {path}")
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        raise ArtifactError(
            f"{path} is no model directory: wanted {', '.join(missing)}, found "
            f"{listed([quoted(name) for name in found]) or 'nothing'}"
        )
    return files


def _read(files: Mapping[str, _File]) -> ModelParts:
    """Read the files and check that they belong together."""
    settings = _json(files[HYPERPARAMETERS])
    shown = files[HYPERPARAMETERS].shown
    numerical = _names(settings, "tab_field_list", shown)
    categorical = _names(settings, "cat_field_list", shown)
    tasks = _names(settings, "task_label_names", shown)
    id_name = settings.get("id_name")
    if not isinstance(id_name, str):
        raise ArtifactError(f"{shown}: wanted the name of the id column as id_name")

    file = files[SELECTED_FEATURES]
    columns = read_selected_features(_json(file), file.shown, [*numerical, *categorical])
    used = set(columns)
    file = files[RISK_TABLE_MAP]
    risk_tables = read_risk_tables(
        load_plain_pickle(file.path, file.shown),
        file.shown,
        [name for name in categorical if name in used],
    )
    features = feature_names(columns, risk_tables)
    _check_feature_columns(files[FEATURE_COLUMNS], features, files[SELECTED_FEATURES].shown)

    text = _text(files[MODEL_FILE])
    model = read_model(text, files[MODEL_FILE].shown)
    if model.feature_names != file_feature_names(features):
        raise ArtifactError(
            f"{files[MODEL_FILE].shown} does not belong to {files[FEATURE_COLUMNS].shown}: their "
            f"features differ: {quoted_list(model.feature_names)} and {quoted_list(features)}"
        )
    if model.n_tasks != len(tasks):
        raise ArtifactError(
            f"{files[MODEL_FILE].shown} does not belong to {shown}: it has {model.n_tasks} tasks, "
            f"task_label_names has {len(tasks)}"
        )

    file = files[IMPUTE_DICT]
    impute_dict = read_impute_dict(
        load_plain_pickle(file.path, file.shown),
        file.shown,
        [name for name in numerical if name in used],
    )
    calibration = None
    if CALIBRATION_FILE in files:
        file = files[CALIBRATION_FILE]
        document = load_plain_pickle(file.path, file.shown)
        calibration = read_calibration(document, file.shown, tasks)
    return ModelParts(
        text,
        model,
        features,
        tasks,
        [name for name in categorical if name in used],
        id_name,
        impute_dict,
        {name: _by_category(table) for name, table in risk_tables.items()},
        calibration,
        settings,
    )


def _by_category(table: RiskTable) -> RiskTable:
    """The table by the text form of its categories: other jobs may have written 29 as `29.0`."""
    bins = table["bins"]
    by_category = {
        category: risk for text, risk in bins.items() if (category := category_of_text(text))
    }
    return {**table, "bins": by_category | bins}


def _check_feature_columns(file: _File, features: Sequence[str], other: str) -> None:
    lines = _text(file).splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        del lines[0]
    wanted = feature_columns_text(features).splitlines(keepends=True)
    while wanted[0].startswith("#"):
        del wanted[0]
    if "".join(lines).rstrip("\n") != "".join(wanted).rstrip("\n"):
        raise ArtifactError(
            f"{file.shown} does not belong to {other}: wanted the same features in the same order, "
            "one index,name per line"
        )


def _names(settings: Mapping[str, object], key: str, shown: str) -> list[str]:
    names = settings.get(key)
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
        or len(set(names)) != len(names)
    ):
        raise ArtifactError(f"{shown}: wanted {key} as a list of different names")
    return list(names)


def _json(file: _File) -> dict[str, Any]:
    document = read_json_object(file.path, ArtifactError, file.shown)
    if document is None:
        raise ArtifactError(f"{file.shown} is gone")
    return document


def _text(file: _File) -> str:
    try:
        with open_regular(file.path) as opened:
            content = opened.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ArtifactError(f"{file.shown} cannot be read: {error.strerror}") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ArtifactError(f"{file.shown} is larger than {MAX_MODEL_BYTES // 2**30} GiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ArtifactError(f"{file.shown} is not UTF-8 text") from None
