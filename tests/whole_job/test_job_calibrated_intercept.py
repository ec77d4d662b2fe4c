"""`calibrate_intercept`: the mean probability changes, and nothing else does."""

from pathlib import Path

import numpy as np
import pytest
from jobs import booster, metrics, model_json, predictions, run_job
from trees import TASKS, hyperparameters, make_splits, write_tree

SPLITS = make_splits(400)


def run(base: Path, **changes: object) -> Path:
    run_job(write_tree(base, SPLITS, hyperparameters(num_iterations=30) | changes))
    return base


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("calibrated"), calibrate_intercept=True)


def probs(base: Path, split: str) -> np.ndarray:
    found = predictions(base, split)[[f"{task}_prob" for task in TASKS]]
    return found.to_numpy(dtype=np.float64)


def test_the_validation_mean_is_the_base_rate_of_all_labels_known(
    plain: Path, calibrated: Path
) -> None:
    labels = np.concatenate([SPLITS[name][TASKS].to_numpy(float) for name in ("train", "val")])
    base_rate = labels.mean(axis=0)
    np.testing.assert_allclose(probs(calibrated, "val").mean(axis=0), base_rate, atol=1e-6)
    assert np.abs(probs(plain, "val").mean(axis=0) - base_rate).min() > 1e-4


def test_the_model_file_differs_by_the_noted_shift_alone(plain: Path, calibrated: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, booster(plain).num_feature()))
    shift = booster(calibrated).predict(rows, raw_score=True) - booster(plain).predict(
        rows, raw_score=True
    )
    noted = model_json(calibrated, "training_state.json")["intercept_shift"]
    np.testing.assert_allclose(shift, np.tile(noted, (50, 1)), atol=1e-12)
    assert model_json(plain, "training_state.json")["intercept_shift"] is None


def test_no_ranking_changes(plain: Path, calibrated: Path) -> None:
    for split in ("val", "test"):
        for index, task in enumerate(TASKS):
            before, after = (
                metrics(base, split)[f"task_{index}_{task}"] for base in (plain, calibrated)
            )
            assert after["auc_roc"] == pytest.approx(before["auc_roc"], abs=1e-12)


def test_it_goes_with_early_stopping(tmp_path: Path) -> None:
    base = run(
        tmp_path,
        calibrate_intercept=True,
        early_stopping_rounds=5,
        early_stopping_metric="mean_logloss",
        learning_rate=0.5,
    )
    labels = np.concatenate([SPLITS[name][TASKS].to_numpy(float) for name in ("train", "val")])
    np.testing.assert_allclose(probs(base, "val").mean(axis=0), labels.mean(axis=0), atol=1e-6)
    best = model_json(base, "training_state.json")["best_iteration"]
    assert booster(base).current_iteration() == best < 30
