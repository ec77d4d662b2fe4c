"""Same data, hyperparameters and seed: the same model file, byte for byte."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jobs import members, model_file, model_json, run_job, run_script
from trees import hyperparameters, make_splits, write_hyperparameters, write_tree

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "sampled": {"bagging_fraction": 0.7, "feature_fraction": 0.6},
    "adaptive_kd": {
        "loss_type": "adaptive_kd",
        "loss_weight_update_frequency": 2,
        "loss_patience": 1,
        "eval_frequency": 1,
    },
    "exact, weighted sum": {"use_quantized_grad": False, "loss_split_gradient": "weighted_sum"},
}


def result(base: Path) -> dict[str, bytes]:
    names = ("lightgbmmt_model.txt", "training_state.json", "weight_evolution.json")
    files = {name: (base / "model" / name).read_bytes() for name in names}
    return files | members(base, "val")


@pytest.fixture(scope="module")
def large_splits() -> tuple[dict[str, pd.DataFrame], list[str]]:
    """So many rows and tasks that scores are float32 and sums go over several blocks of rows."""
    tasks = [f"task_{i}" for i in range(20)]
    train = make_splits(54_000, tasks=tasks)["train"]
    # Tasks with one class get no pictures, which would take most of the time here.
    val = make_splits(1000, seed=1, tasks=tasks)["val"].assign(**dict.fromkeys(tasks[3:], 0))
    return {"train": train, "val": val}, tasks


@pytest.mark.parametrize("name", SETTINGS)
def test_any_number_of_threads_gives_the_same_model(
    tmp_path: Path, large_splits: tuple[dict[str, pd.DataFrame], list[str]], name: str
) -> None:
    splits, tasks = large_splits
    knobs = hyperparameters(num_iterations=6, num_leaves=15, **SETTINGS[name]) | {
        "task_label_names": tasks,
        "label_name": tasks[0],
    }
    base = write_tree(tmp_path, splits, knobs, "parquet")
    results = []
    for n_threads in (1, 2, 3):
        write_hyperparameters(base, knobs | {"num_threads": n_threads})
        run_job(base)
        results.append(result(base))
    assert results[0] == results[1] == results[2]
    assert model_json(base, "feature_importance.json")["amount"] > 0


def test_large_scores_are_the_same_after_going_on(
    tmp_path: Path,
    large_splits: tuple[dict[str, pd.DataFrame], list[str]],
    job_log: pytest.LogCaptureFixture,
) -> None:
    splits, tasks = large_splits
    knobs = hyperparameters(num_iterations=6, **SETTINGS["sampled"], **SETTINGS["adaptive_kd"])
    knobs |= {"task_label_names": tasks, "label_name": tasks[0], "loss_kd_teacher": "best_self"}
    base = write_tree(tmp_path, splits, knobs, "parquet")
    run_job(base)
    whole = result(base)
    (base / "checkpoints").mkdir()
    for n_iterations in (3, 6):
        write_hyperparameters(base, knobs | {"num_iterations": n_iterations, "num_threads": 2})
        run_job(base)
    assert "Going on from a checkpoint after iteration 3" in job_log.messages
    assert result(base) == whole


def test_two_processes_give_the_same_files(tmp_path: Path, finished_job: Path) -> None:
    base = write_tree(tmp_path, make_splits(), hyperparameters())
    # Another order of sets and dicts of text, another number of threads, another locale.
    done = run_script(base, PYTHONHASHSEED="5", OMP_NUM_THREADS="3", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    for path in (finished_job / "model").iterdir():
        assert (base / "model" / path.name).read_bytes() == path.read_bytes(), path.name
    for split in ("val", "test"):
        archive = f"output/data/{split}.tar.gz"
        assert (base / archive).read_bytes() == (finished_job / archive).read_bytes()


def test_another_seed_gives_another_model(tmp_path: Path, finished_job: Path) -> None:
    run_job(write_tree(tmp_path, make_splits(), hyperparameters(seed=1)))
    assert model_file(tmp_path).read_bytes() != model_file(finished_job).read_bytes()
