"""Precomputed artifacts: what an upstream job already did to the data.

They are loaded and checked, or the job fails; nothing is ever recomputed in their place.
"""

import math
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from common.json_file import read_json_object
from common.messages import listed, quoted
from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP, SELECTED_FEATURES
from exceptions import ArtifactError, DataError
from processing.features.feature_selection import read_selected_features
from processing.features.risk_tables import RiskTable
from processing.untrusted.safe_pickle import MAX_BYTES, load_plain_pickle
from processing.untrusted.safe_tar import extract_named

ARCHIVE = "model.tar.gz"
FLOAT32_MAX = float(np.finfo(np.float32).max)
FLAGS = {
    IMPUTE_DICT: "USE_PRECOMPUTED_IMPUTATION",
    RISK_TABLE_MAP: "USE_PRECOMPUTED_RISK_TABLES",
    SELECTED_FEATURES: "USE_PRECOMPUTED_FEATURES",
}


@dataclass(frozen=True)
class PrecomputedArtifacts:
    """The artifacts that were asked for; None for one that was not."""

    impute_dict: dict[str, float] | None
    risk_tables: dict[str, RiskTable] | None
    selected_features: list[str] | None


def load_artifacts(
    folder: Path,
    *,
    imputation: bool,
    risk_tables: bool,
    features: bool,
    numerical: Sequence[str],
    categorical: Sequence[str],
) -> PrecomputedArtifacts:
    """Load the artifacts of the `USE_PRECOMPUTED_*` flags that are true.

    A file in the folder wins over one of the same name in its `model.tar.gz`. With selected
    features, the other two must cover the selected columns, else all columns.

    Args:
        folder: The channel `model_artifacts_input`.
        imputation: Load `impute_dict.pkl`.
        risk_tables: Load `risk_table_map.pkl`.
        features: Load `selected_features.json`.
        numerical: `tab_field_list`.
        categorical: `cat_field_list`.

    Returns:
        The checked artifacts, plain Python values, entries for other columns included.

    Raises:
        ArtifactError: An artifact is missing, refused or malformed; names file and key.
    """
    wanted = {IMPUTE_DICT: imputation, RISK_TABLE_MAP: risk_tables, SELECTED_FEATURES: features}
    selected = impute_dict = tables = None
    with tempfile.TemporaryDirectory() as aside:
        files = _find(folder, [name for name, needed in wanted.items() if needed], Path(aside))
        if features:
            file = files[SELECTED_FEATURES]
            selected = read_selected_features(
                read_json_object(file.path, ArtifactError, file.shown),
                file.shown,
                [*numerical, *categorical],
            )
        used = {*numerical, *categorical} if selected is None else set(selected)
        if imputation:
            file = files[IMPUTE_DICT]
            impute_dict = read_impute_dict(
                load_plain_pickle(file.path, file.shown),
                file.shown,
                [name for name in numerical if name in used],
            )
        if risk_tables:
            file = files[RISK_TABLE_MAP]
            found = read_risk_tables(
                load_plain_pickle(file.path, file.shown),
                file.shown,
                [name for name in categorical if name in used],
            )
            # The rows hold the main task's risks, one column each: there are none of other tasks.
            tables = {name: table for name, table in found.items() if "column" not in table}
    return PrecomputedArtifacts(impute_dict, tables, selected)


def read_impute_dict(document: object, source: str, columns: Sequence[str]) -> dict[str, float]:
    """Check a loaded `impute_dict.pkl`, `{column: finite float}`.

    Args:
        document: The loaded file.
        source: Its name in messages.
        columns: The columns that must be in it.

    Returns:
        All its entries as plain floats.

    Raises:
        ArtifactError: It has another shape, lacks columns, or a value is no finite float32.
    """
    entries = _text_keys(document, source, "{column: value}")
    _require(entries, source, columns)
    problems: list[str] = []
    values = {column: _number(value, column, problems) for column, value in entries.items()}
    _report(problems, f"{source}: wanted a finite number per column, found")
    return values


def read_risk_tables(document: object, source: str, columns: Sequence[str]) -> dict[str, RiskTable]:
    """Check a loaded `risk_table_map.pkl`.

    Args:
        document: The loaded file, `{column: {"bins": {text: float}, "default_bin": float}}`.
        source: Its name in messages.
        columns: The columns that must be in it.

    Returns:
        All its tables as plain dicts, texts and floats; with the keys `column` and `task` where
        they are there.

    Raises:
        ArtifactError: It has another shape, lacks columns, or a risk is no finite float32.
    """
    entries = _text_keys(document, source, '{column: {"bins": ..., "default_bin": ...}}')
    _require(entries, source, columns)
    problems: list[str] = []
    tables: dict[str, RiskTable] = {}
    for column, entry in entries.items():
        where = f"{source}: column {quoted(column)}"
        table = _text_keys(entry, where, '{"bins": ..., "default_bin": ...}')
        _require(table, where, ["bins", "default_bin"])
        bins = _text_keys(table["bins"], f'{where}, "bins"', "{category text: risk}")
        tables[column] = {
            "bins": {
                text: _number(risk, f"{column}, bins, {text}", problems)
                for text, risk in bins.items()
            },
            "default_bin": _number(table["default_bin"], f"{column}, default_bin", problems),
        }
        if "column" in table:
            tables[column]["column"] = _text(table["column"], f'{where}, "column"')
            tables[column]["task"] = _text(table.get("task"), f'{where}, "task"')
    _report(problems, f"{source}: wanted a finite number per category, found")
    return tables


def check_no_missing(df: pd.DataFrame, columns: Sequence[str], split: str, flag_name: str) -> None:
    """Check that upstream has left no missing value where the flag says that it has transformed.

    Args:
        df: The rows of a split, read as numbers; text that is no number has become missing.
        columns: The columns that the flag is about.
        split: The name of the split in messages.
        flag_name: The environment variable, such as `USE_PRECOMPUTED_IMPUTATION`.

    Raises:
        ArtifactError: Columns have missing values; names them with their counts.
    """
    counts = {column: int(df[column].isna().sum()) for column in columns}
    _report(
        [
            f"{quoted(column)} ({count} of {len(df)} rows)"
            for column, count in counts.items()
            if count
        ],
        f"{flag_name} is true, so {split} must have numbers only in these columns, but values "
        "are missing or no numbers in",
    )


@dataclass(frozen=True)
class _File:
    path: Path
    shown: str


def check_can_be_read(tables: Mapping[str, RiskTable], max_bytes: int = MAX_BYTES) -> None:
    """Refuses risk tables that would be larger than what `load_artifacts` and scoring read.

    Args:
        tables: Risk tables by name.
        max_bytes: Size of a pickle that is read.

    Raises:
        DataError: They are too large.
    """
    size = len(pickle.dumps(dict(tables), protocol=4))
    if size <= max_bytes:
        return
    largest = sorted(tables, key=lambda name: len(tables[name]["bins"]), reverse=True)
    counts = [f"{quoted(name)} {len(tables[name]['bins']):,}" for name in largest]
    raise DataError(
        f"{RISK_TABLE_MAP} would take {size / 2**20:.1f} MiB, and more than {max_bytes // 2**20} "
        f"MiB are not read again by anything that scores; categories: {listed(counts)}: leave out "
        "columns that nearly tell rows apart, or group their rare categories"
    )


def _find(folder: Path, names: Sequence[str], aside: Path) -> dict[str, _File]:
    files = {name: _File(folder / name, str(folder / name)) for name in names}
    files = {name: file for name, file in files.items() if file.path.is_file()}
    absent = [name for name in names if name not in files]
    archive = folder / ARCHIVE
    if absent and archive.is_file():
        for name, path in extract_named(archive, absent, aside).items():
            files[name] = _File(path, f"{archive}: {name}")
    absent = [name for name in names if name not in files]
    if absent:
        there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else None
        found = "it does not exist" if there is None else f"found {listed(there) or 'nothing'}"
        raise ArtifactError(
            f"{folder}: wanted {', '.join(absent)}, directly or in {ARCHIVE}, because "
            f"{', '.join(FLAGS[name] for name in absent)} is true; {found}"
        )
    return files


def _text_keys(document: object, source: str, wanted: str) -> dict[str, object]:
    if not isinstance(document, dict):
        raise ArtifactError(f"{source}: wanted {wanted}, found a {type(document).__name__}")
    others = [key for key in document if not isinstance(key, str)]
    if others:
        kinds = sorted({type(key).__name__ for key in others})
        raise ArtifactError(
            f"{source}: wanted {wanted}, found {len(others)} keys that are no text but "
            f"{', '.join(kinds)}"
        )
    return {str(key): value for key, value in document.items()}


def _require(entries: Mapping[str, object], source: str, keys: Sequence[str]) -> None:
    _report([quoted(key) for key in keys if key not in entries], f"{source}: missing entries")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ArtifactError(f"{where}: wanted text, found a {type(value).__name__}")
    return value


def _number(value: object, where: str, problems: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        problems.append(f"{where[:100]}: a {type(value).__name__}")
    elif -FLOAT32_MAX <= value <= FLOAT32_MAX:  # rows hold it as float32; false for NaN
        return float(value)
    else:
        shown = value if isinstance(value, float | np.floating) else "an integer out of range"
        problems.append(f"{where[:100]}: {shown}")
    return math.nan


def _report(problems: Sequence[str], introduction: str) -> None:
    if problems:
        raise ArtifactError(f"{introduction}: {listed(problems)}")
