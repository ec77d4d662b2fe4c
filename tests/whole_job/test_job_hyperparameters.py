"""Hyperparameters from the platform, which are all text, train what native ones train."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from failure_cases import config, removed, settings, small_tree, steps
from jobs import model_file, model_json, run_job
from trees import CATEGORICAL, NUMERICAL, TASKS

KNOBS: dict[str, Any] = {
    "loss_type": "adaptive",
    "learning_rate": 0.25,
    "lambda_l2": 1e-3,
    "num_iterations": 4,
    "num_leaves": 5,
    "max_depth": -1,
    "bagging_fraction": 0.8,
    "use_quantized_grad": False,
    "num_threads": 1,
    "tab_field_list": NUMERICAL,
    "cat_field_list": CATEGORICAL,
    "task_label_names": TASKS,
    "label_name": "isCard",
    "num_tasks": 3,
}
# What the platform adds to the job's own.
ADDED = {
    "sagemaker_program": '"lightgbmmt_training.py"',
    "sagemaker_submit_directory": '"s3://bucket/source.tar.gz"',
    "_tuning_objective_metric": "val:main_auc",
}


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished job with `KNOBS` in its native file."""
    base = small_tree(tmp_path_factory.mktemp("native") / "base", **KNOBS)
    run_job(base)
    return base


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The same data, without hyperparameters."""
    base = small_tree(tmp_path / "base")
    removed("code")(base)
    return base


def assert_same_model(base: Path, native: Path) -> None:
    """The jobs have trained the same model with the same hyperparameters."""
    assert model_file(base).read_bytes() == model_file(native).read_bytes()
    name = "hyperparameters.json"
    assert model_json(base, name) == model_json(native, name)


@pytest.mark.parametrize("written", [str, json.dumps])
def test_text_trains_like_native_values(
    written: Callable[[object], str], tree: Path, native: Path
) -> None:
    texts = {name: written(value) for name, value in KNOBS.items()}
    config("hyperparameters.json", texts | ADDED)(tree)
    run_job(tree)
    assert_same_model(tree, native)


def test_text_of_the_platform_wins_over_the_native_file(tree: Path, native: Path) -> None:
    other = KNOBS | {"learning_rate": 0.5, "label_name": "isFraud", "seed": 7, "max_bin": 15}
    write_native(tree, other)
    texts = {"learning_rate": "0.25", "label_name": "isCard", "seed": "42", "max_bin": "null"}
    config("hyperparameters.json", texts | ADDED)(tree)
    run_job(tree)
    assert_same_model(tree, native)


def write_native(base: Path, knobs: dict[str, object], ending: str = "") -> None:
    """Writes a native hyperparameter file."""
    folder = base / "code" / "hyperparams"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"hyperparameters{ending}.json").write_text(json.dumps(knobs))


@pytest.mark.parametrize("region", ["NA", "EU", "FE"])
def test_the_file_of_the_region_takes_the_place_of_the_native_one(
    region: str, tree: Path, native: Path
) -> None:
    # The native file is not even read: it has a knob that the other one has not.
    write_native(tree, KNOBS | {"learning_rate": 0.5, "num_leaves": 31, "lambda_l1": 5})
    write_native(tree, KNOBS | {"learning_rate": 0.7}, f"_{region}")
    write_native(tree, {"no": "knobs"}, "_other")
    config("hyperparameters.json", {"learning_rate": "0.25"})(tree)
    run_job(tree, REGION=region)
    assert_same_model(tree, native)


@pytest.mark.parametrize("region", ["", "EU"])
def test_without_a_file_of_the_region_the_native_one_is_read(
    region: str, tree: Path, native: Path
) -> None:
    write_native(tree, KNOBS)
    write_native(tree, KNOBS | {"learning_rate": 0.7}, "_NA")
    run_job(tree, REGION=region)
    assert_same_model(tree, native)


def test_the_hyperparameters_that_a_job_has_saved_train_the_same_model(
    tree: Path, native: Path
) -> None:
    write_native(tree, model_json(native, "hyperparameters.json"))
    run_job(tree)
    assert_same_model(tree, native)


def test_other_hyperparameters_train_another_model(tree: Path, native: Path) -> None:
    steps(lambda base: write_native(base, KNOBS), settings(learning_rate=0.7))(tree)
    run_job(tree)
    assert model_file(tree).read_bytes() != model_file(native).read_bytes()
