"""What is in the model directory, byte by byte where it matters."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engine_cases import Run, hyperparameters, make_problem, run_training

from common.result_names import MODEL_DIRECTORY_FILES, MODEL_FILE
from hyperparams.sources import load_hyperparameters
from models.engine.training_state import TrainingState
from models.training.training_loop import finish
from processing.features.artifacts import PrecomputedArtifacts, load_artifacts
from processing.writing.model_directory import save_artifacts

FEATURES = ["größe [K]", "b,c", "# d", " a b", 'e"f']
IMPUTE = {"größe [K]": 0.5, "b,c": -1e30, " a b": 0.0, 'e"f': 1 / 3}
TABLES: Any = {"# d": {"bins": {"01": 0.25, "1": 0.5, "größe": 1.0}, "default_bin": 0.3}}


@pytest.fixture(scope="module")
def run() -> Run:
    """A finished training run with an undefined score."""
    problem = make_problem()
    problem.valid.label[:, 2] = 0
    run = run_training(
        problem, hyperparameters(loss_type="adaptive", loss_weight_update_frequency=4)
    )
    finish(run.booster)
    return run


def save(run: Run, folder: Path) -> None:
    save_artifacts(run.model, TABLES, IMPUTE, folder, FEATURES, run.hyperparams, run.booster.state)


@pytest.fixture(scope="module")
def folder(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory."""
    folder = tmp_path_factory.mktemp("base") / "model"
    save(run, folder)
    return folder


def test_it_has_the_named_files_and_no_others(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(MODEL_DIRECTORY_FILES)
    assert MODEL_DIRECTORY_FILES[-1] == MODEL_FILE == "lightgbmmt_model.txt"
    assert set(MODEL_DIRECTORY_FILES) == {
        "lightgbmmt_model.txt",
        "risk_table_map.pkl",
        "impute_dict.pkl",
        "selected_features.json",
        "training_state.json",
        "feature_columns.txt",
        "hyperparameters.json",
        "weight_evolution.json",
        "feature_importance.json",
    }


def test_the_model_file_is_the_models_text(run: Run, folder: Path) -> None:
    assert (folder / MODEL_FILE).read_bytes() == run.text.encode()


def test_artifacts_are_plain_and_can_be_loaded_as_precomputed_ones(folder: Path) -> None:
    assert pd.read_pickle(folder / "impute_dict.pkl") == IMPUTE
    assert pd.read_pickle(folder / "risk_table_map.pkl") == TABLES
    loaded = load_artifacts(
        folder,
        imputation=True,
        risk_tables=True,
        features=True,
        numerical=list(IMPUTE),
        categorical=list(TABLES),
    )
    assert loaded == PrecomputedArtifacts(IMPUTE, TABLES, FEATURES)
    assert json.loads((folder / "selected_features.json").read_text("utf-8")) == {
        "selected_features": FEATURES
    }


def test_feature_columns_are_index_and_name_after_comments(folder: Path) -> None:
    lines = (folder / "feature_columns.txt").read_text("utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert lines[: len(comments)] == comments
    found = [line.split(",", 1) for line in lines[len(comments) :]]
    assert found == [[str(index), name] for index, name in enumerate(FEATURES)]


def test_hyperparameters_are_complete_and_can_be_read_again(run: Run, folder: Path) -> None:
    path = folder / "hyperparameters.json"
    assert json.loads(path.read_text("utf-8")) == json.loads(run.hyperparams.to_json())
    again = load_hyperparameters(folder, folder / "absent.json", None)
    assert again == run.hyperparams


def test_the_training_state_is_strict_json_and_can_be_read_again(run: Run, folder: Path) -> None:
    text = (folder / "training_state.json").read_text("utf-8")
    state = TrainingState.from_checkpoint_dict(json.loads(text, parse_constant=pytest.fail))
    assert repr(state) == repr(run.booster.state)
    document = json.loads(text)
    assert document["task_performances"]["2"] == [None] * 6
    assert len(document["task_similarity"]) == 3


def test_weight_evolution_is_a_list_of_vectors(run: Run, folder: Path) -> None:
    evolution = json.loads((folder / "weight_evolution.json").read_text())
    assert evolution == run.booster.state.weight_evolution
    assert len(evolution) == 1 + 3


def test_importance_is_by_unaltered_name(run: Run, folder: Path) -> None:
    importance = json.loads((folder / "feature_importance.json").read_text("utf-8"))
    assert list(importance) == FEATURES
    assert list(importance.values()) == run.model.feature_importance("gain").tolist()


def test_the_folder_may_exist_and_old_files_are_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    save(run, tmp_path)
    assert (tmp_path / MODEL_FILE).read_text() == run.text
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_same_run_gives_the_same_bytes(run: Run, folder: Path, tmp_path: Path) -> None:
    save(run, tmp_path)
    for name in MODEL_DIRECTORY_FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_folder_that_cannot_be_made_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file")
    with pytest.raises(FileExistsError, match="model"):
        save(run, tmp_path / "model")
