"""Going on from another job's model: its trees stay, new ones are added."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from jobs import booster, model_file, model_json, predictions, run_job
from trees import TASKS, hyperparameters, make_splits, write_hyperparameters, write_tree

from exceptions import CheckpointError
from models.engine.split_gradient import N_TREES
from scoring.model_directory import load_scorer

SPLITS = make_splits(500)
OTHER_SPLITS = make_splits(700, seed=9)


def run(base: Path, splits: Any = None, initial: Path | None = None, **changes: Any) -> Path:
    knobs = hyperparameters(num_iterations=8) | changes
    write_tree(base, SPLITS if splits is None else splits, knobs)
    if initial is not None and not (base / "input" / "data" / "model").exists():
        shutil.copytree(initial / "model", base / "input" / "data" / "model")
    run_job(base)
    return base


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("first"))


def tree_sections(base: Path) -> list[str]:
    body = model_file(base).read_text().split("\n\n", 1)[1].split("end of trees")[0]
    return [section for section in body.split("\n\n\n") if section]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bagging_fraction": 0.6, "feature_fraction": 0.6},
        {"risk_tables": "per_task", "loss_split_gradient": "weighted_sum"},
        {"monotone_constraints": {"amount": 1}, "loss_type": "adaptive", "loss_weight_lr": 0.0},
    ],
    ids=["plain", "sampled", "per task", "constrained"],
)
def test_in_two_jobs_the_same_trees_as_in_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    # As many as the engine remembers, and one: the first tree's values cannot be told from the
    # log-odds that stand before it.
    whole = run(tmp_path / "whole", num_iterations=N_TREES + 6, **changes)
    first = run(tmp_path / "first", num_iterations=N_TREES + 1, **changes)
    second = run(tmp_path / "second", initial=first, num_iterations=5, **changes)
    assert tree_sections(second) == tree_sections(whole)
    assert model_file(second).read_bytes() == model_file(whole).read_bytes()


def test_old_trees_stay_as_they_are_and_new_ones_learn_from_other_rows(
    tmp_path: Path, first: Path, job_log: pytest.LogCaptureFixture
) -> None:
    second = run(tmp_path, OTHER_SPLITS, first, learning_rate=0.05)
    old = tree_sections(first)
    assert tree_sections(second)[: len(old)] == old
    assert booster(second).current_iteration() == 16
    assert "Before the first new tree: val AUC main" in job_log.text
    state = model_json(second, "training_state.json")
    assert (state["initial_trees"], state["current_iteration"]) == (8, 8)
    for name in ("impute_dict.pkl", "risk_table_map.pkl", "feature_columns.txt"):
        assert (second / "model" / name).read_bytes() == (first / "model" / name).read_bytes()
    # Old and new model say the same of raw rows, but for the new trees.
    rows = pa.Table.from_pandas(OTHER_SPLITS["test"], preserve_index=False)
    before, after = (load_scorer(base / "model") for base in (first, second))
    features = before.features_of(rows)
    np.testing.assert_array_equal(features, after.features_of(rows))
    of_old = booster(second).predict(features, num_iteration=8)
    np.testing.assert_array_equal(of_old, booster(first).predict(features))
    expected = predictions(second, "test")[[f"{task}_prob" for task in TASKS]].to_numpy()
    np.testing.assert_array_equal(after.score(rows), expected)
    old_prob = before.score(rows)
    labels = OTHER_SPLITS["test"][TASKS].to_numpy()
    log_loss = [-np.mean(np.log(np.where(labels, prob, 1 - prob))) for prob in (old_prob, expected)]
    assert log_loss[1] < log_loss[0]


@pytest.mark.parametrize("kind", ["archive", "path", "relative path", "variable"])
def test_wherever_the_model_is(tmp_path: Path, first: Path, kind: str) -> None:
    expected = run(tmp_path / "channel", initial=first)
    base = tmp_path / "job"
    environ = {}
    knobs = hyperparameters(num_iterations=8)
    if kind == "archive":
        channel = base / "input" / "data" / "model"
        channel.mkdir(parents=True)
        with tarfile.open(channel / "model.tar.gz", "w:gz") as archive:
            archive.add(first / "model", ".")
    elif kind == "path":
        knobs["init_model"] = str(first / "model")
    elif kind == "relative path":
        shutil.copytree(first / "model", base / "earlier")
        knobs["init_model"] = "earlier"
    else:
        environ["SM_CHANNEL_MODEL"] = str(first / "model")
    run_job(write_tree(base, SPLITS, knobs), **environ)
    assert model_file(base).read_bytes() == model_file(expected).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [{}, {"loss_type": "adaptive_kd", "loss_kd_teacher": "best_self", "loss_patience": 1,
          "eval_frequency": 2, "bagging_fraction": 0.7, "learning_rate": 0.4}],
    ids=["plain", "distilled"],
)  # fmt: skip
def test_a_job_that_was_interrupted_ends_with_the_same_bytes(
    tmp_path: Path, first: Path, changes: dict[str, Any]
) -> None:
    expected = run(tmp_path / "whole", OTHER_SPLITS, first, num_iterations=12, **changes)
    base = tmp_path / "job"
    (base / "checkpoints").mkdir(parents=True)
    run(base, OTHER_SPLITS, first, num_iterations=5, **changes)
    run(base, OTHER_SPLITS, num_iterations=12, **changes)
    assert model_file(base).read_bytes() == model_file(expected).read_bytes()
    states = [model_json(found, "training_state.json") for found in (base, expected)]
    assert states[0]["weight_evolution"] == states[1]["weight_evolution"]


def test_a_checkpoint_of_another_initial_model_is_refused(tmp_path: Path, first: Path) -> None:
    base = tmp_path / "job"
    (base / "checkpoints").mkdir(parents=True)
    run(base, OTHER_SPLITS, first, num_iterations=2)
    other = run(tmp_path / "other", seed=1)
    shutil.rmtree(base / "input" / "data" / "model")
    with pytest.raises(CheckpointError, match="belongs to other data"):
        run(base, OTHER_SPLITS, other, num_iterations=4)


def test_early_stopping_keeps_the_old_trees_and_the_best_new_ones(
    tmp_path: Path, first: Path
) -> None:
    base = run(
        tmp_path, OTHER_SPLITS, first,
        num_iterations=60, early_stopping_rounds=6, eval_frequency=2, learning_rate=0.9,
    )  # fmt: skip
    best = model_json(base, "training_state.json")["best_iteration"]
    assert booster(base).current_iteration() == 8 + best < 60


def test_rows_that_were_sampled_by_label_and_an_initial_model_of_the_true_rates(
    tmp_path: Path, first: Path
) -> None:
    train = OTHER_SPLITS["train"]
    kept = train["isFraud"].to_numpy(bool) | (np.arange(len(train)) % 4 == 0)
    rates = {"isFraud": float(train["isFraud"].mean())}
    sampled = OTHER_SPLITS | {"train": train[kept]}
    corrected = run(tmp_path / "yes", sampled, first, task_base_rates=rates, num_iterations=20)
    not_corrected = run(tmp_path / "no", sampled, first, num_iterations=20)
    old = tree_sections(first)
    assert tree_sections(corrected)[: len(old)] == old
    mean = {
        base: float(predictions(base, "test")["isFraud_prob"].astype(float).mean())
        for base in (corrected, not_corrected)
    }
    true = float(OTHER_SPLITS["test"]["isFraud"].mean())
    assert abs(mean[corrected] - true) < 0.05 < abs(mean[not_corrected] - true)


def test_constraints_that_the_initial_model_keeps_hold_for_the_sum(
    tmp_path: Path, first: Path
) -> None:
    constraints: dict[str, Any] = {"monotone_constraints": {"age": -1}, "num_leaves": 15}
    bound = run(tmp_path / "bound", **constraints)
    base = run(tmp_path / "second", OTHER_SPLITS, bound, **constraints)
    rows = np.tile(np.array([20.0, 0.0, 5.0, 0.3, 0.3]), (2000, 1))
    rows[:, 1] = np.arange(2000)
    assert (np.diff(booster(base).predict(rows), axis=0) <= 0).all()


def test_the_hyperparameters_of_the_new_model_can_be_run_again(tmp_path: Path, first: Path) -> None:
    base = run(tmp_path, init_model=str(first / "model"))
    write_hyperparameters(base, json.loads((base / "model" / "hyperparameters.json").read_text()))
    before = model_file(base).read_bytes()
    run_job(base)
    assert model_file(base).read_bytes() == before


def test_rows_of_the_old_job_are_known_by_its_own_smoothing(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    """Else they would be encoded by tables that know their own labels."""
    first = run(tmp_path / "first", risk_table_smoothing=3)
    same = run(tmp_path / "same", initial=first, risk_table_smoothing=3)
    job_log.clear()
    other = run(tmp_path / "other", initial=first, risk_table_smoothing=50)
    assert model_file(other).read_bytes() == model_file(same).read_bytes()
    assert "risk_table_smoothing has no effect" in job_log.text


def test_the_main_task_stays_where_categories_are_encoded_by_its_rate(
    tmp_path: Path, first: Path
) -> None:
    with pytest.raises(ValueError, match=r"label_name is 'isCard', but that of the initial model"):
        run(tmp_path, initial=first, label_name="isCard")


def test_another_main_task_goes_on_from_a_model_without_categories(tmp_path: Path) -> None:
    first = run(tmp_path / "first", cat_field_list=[])
    second = run(tmp_path / "second", initial=first, cat_field_list=[], label_name="isCard")
    assert booster(second).current_iteration() == 16
