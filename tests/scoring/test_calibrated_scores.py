"""Lookup tables of calibrated scores, and that they may come from anywhere."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from exceptions import ArtifactError
from scoring.calibration import read_calibration
from scoring.model_directory import load_scorer
from scoring.output_columns import scored_columns

TASKS = ["isFraud", "isCard", "isDebit"]
TABLE = [(0.0, 0.0), (0.2, 0.1), (0.4, 0.5), (1.0, 0.9)]


def document(**changes: Any) -> dict[str, Any]:
    """A whole document with some entries changed."""
    return {f"{task}_prob": TABLE for task in TASKS} | changes


def test_linear_between_two_pairs_and_constant_beyond() -> None:
    shifted = [(0.25, 0.5), (0.75, 0.5), (0.75, 0.7)]
    calibration = read_calibration(document(isCard_prob=shifted), "file", TASKS)
    prob = np.array([[0.1, 0.0, 0.2], [0.3, 0.5, 0.7], [1.0, 0.9, 0.4]])
    np.testing.assert_allclose(
        calibration(prob), [[0.05, 0.5, 0.1], [0.3, 0.5, 0.7], [0.9, 0.7, 0.5]], atol=1e-15
    )


FAULTS: dict[str, tuple[object, str]] = {
    "no dict": ([1], "found a list"),
    "a task is missing": (
        {"isFraud_prob": TABLE},
        "missing entries: 'isCard_prob', 'isDebit_prob'",
    ),
    "no list": (document(isCard_prob=0.5), "'isCard_prob': wanted a list of"),
    "empty": (document(isCard_prob=[]), "wanted a list of"),
    "triples": (document(isCard_prob=[(1, 2, 3)]), "wanted a list of"),
    "ragged": (document(isCard_prob=[(1, 2), (1,)]), "wanted a list of"),
    "texts": (document(isCard_prob=[("a", "b")]), "wanted a list of"),
    "not finite": (document(isCard_prob=[(0, 0), (float("nan"), 1)]), "wanted finite scores"),
    "no probability": (document(isCard_prob=[(0, 0), (1, 1.5)]), "from 0 to 1"),
    "not ascending": (document(isCard_prob=[(0.5, 0.5), (0.1, 0.2)]), "ascending order"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_table_that_is_none(name: str) -> None:
    found, message = FAULTS[name]
    with pytest.raises(ArtifactError, match=message):
        read_calibration(found, "file", TASKS)


def test_calibrated_columns(finished_job: Path, tmp_path: Path, rows: pa.Table) -> None:
    model = tmp_path / "model"
    shutil.copytree(finished_job / "model", model)
    (model / "calibration").mkdir()
    file = model / "calibration" / "calibration_models_dict.pkl"
    file.write_bytes(pickle.dumps(document(isOther_prob="anything")))
    scorer = load_scorer(model)
    columns = scored_columns(scorer, scorer.features_of(rows))
    assert list(columns) == [
        *(f"{task}_prob" for task in TASKS),
        *(f"{task}_prob_calibrated" for task in TASKS),
    ]
    scores, calibrated = np.array(TABLE).T
    for task in TASKS:
        np.testing.assert_array_equal(
            columns[f"{task}_prob_calibrated"].to_numpy(),
            np.interp(columns[f"{task}_prob"].to_numpy(), scores, calibrated),
        )
    file.write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(ArtifactError, match=r"calibration_models_dict.pkl.*posix.system"):
        load_scorer(model)
