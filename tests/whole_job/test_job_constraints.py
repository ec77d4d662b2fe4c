"""Constraints in the model file that a job leaves, as stock LightGBM reads it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import booster, model_file, predictions, run_job
from trees import NUMERICAL, TASKS, hyperparameters, make_splits, write_tree

MONOTONE = {"isFraud": {"amount": 1, "age": -1}, "isDebit": {"balance": -1}}
HARD: dict[str, Any] = {
    "num_iterations": 40,
    "num_leaves": 31,
    "min_data_in_leaf": 3,
    "learning_rate": 0.3,
}
SPLITS = make_splits(600)


def run(base: Path, **changes: Any) -> Path:
    run_job(write_tree(base, SPLITS, hyperparameters(**HARD) | changes))
    return base


def smallest_step(base: Path, directions: dict[str, dict[str, int]]) -> float:
    """Of any task's probability along its constrained features, from many random rows.

    The steps go from each threshold in the file to the number after it and to the next one.
    """
    found = booster(base)
    names = found.feature_name()
    cuts = found.trees_to_dataframe().groupby("split_feature")["threshold"].unique()
    rng = np.random.default_rng(0)
    train = SPLITS["train"]
    worst = np.inf
    for task, features in directions.items():
        for feature, direction in features.items():
            thresholds = np.sort(cuts[feature].astype(np.float64))
            grid = np.unique(np.concatenate([thresholds, np.nextafter(thresholds, np.inf)]))
            rows = np.zeros((30 * len(grid), len(names)))
            for index, name in enumerate(names):
                numbers = train[name].to_numpy(np.float64) if name in NUMERICAL else [0, 0.3, 1]
                rows[:, index] = np.repeat(rng.choice(numbers, 30), len(grid))
            rows[:, names.index(feature)] = np.tile(grid, 30)
            prob = found.predict(rows)[:, TASKS.index(task)].reshape(30, len(grid))
            worst = min(worst, float((np.diff(prob, axis=1) * direction).min()))
    return worst


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"calibrate_intercept": True, "loss_type": "adaptive"},
        {"early_stopping_rounds": 5, "lambda_l2": 0.0},
        {"task_base_rates": {"isFraud": 0.01}, "bagging_fraction": 0.5},
        {"loss_type": "adaptive_kd", "loss_patience": 1, "eval_frequency": 1},
    ],
    ids=["plain", "calibrated", "best iteration", "base rates", "distilled"],
)
def test_no_probability_falls_along_a_constrained_feature(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    base = run(tmp_path, monotone_constraints=MONOTONE, **changes)
    assert smallest_step(base, MONOTONE) >= 0


def test_without_the_constraint_they_do(tmp_path: Path) -> None:
    assert smallest_step(run(tmp_path), MONOTONE) < -1e-3


def test_for_all_tasks_at_once_and_as_the_platform_passes_it(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    text = json.dumps({"monotone_constraints": json.dumps({"amount": 1})})
    (config / "hyperparameters.json").write_text(text)
    base = run(tmp_path)
    assert smallest_step(base, {task: {"amount": 1} for task in TASKS}) >= 0


def paths(
    node: dict[str, Any], names: list[str], above: frozenset[str]
) -> Iterator[frozenset[str]]:
    """The features of each path from the root to a leaf."""
    if "split_feature" not in node:
        yield above
        return
    for side in ("left_child", "right_child"):
        yield from paths(node[side], names, above | {names[node["split_feature"]]})


@pytest.mark.parametrize("changes", [{}, {"feature_fraction": 0.6}], ids=["all", "sampled"])
def test_every_path_stays_in_a_group(
    tmp_path: Path, changes: dict[str, Any], job_log: pytest.LogCaptureFixture
) -> None:
    groups = [["amount", "country"], ["country", "age"]]
    base = run(tmp_path, interaction_constraints=groups, **changes)
    dumped = booster(base).dump_model()
    names = dumped["feature_names"]
    found = {
        path
        for tree in dumped["tree_info"]
        for path in paths(tree["tree_structure"], names, frozenset())
    }
    assert all(any(path <= set(group) for group in groups) for path in found)
    assert {frozenset(group) for group in groups} <= found
    (line,) = [text for text in job_log.messages if "interaction_constraints" in text]
    assert line.endswith("'balance', 'channel'")


def down_sampled(splits: dict[str, pd.DataFrame], share: float) -> dict[str, pd.DataFrame]:
    """Training rows without most of the main task's negatives."""
    train = splits["train"]
    rng = np.random.default_rng(1)
    kept = train["isFraud"].to_numpy(bool) | (rng.random(len(train)) < share)
    return splits | {"train": train[kept]}


def test_base_rates_move_the_intercept_and_nothing_else(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    plain = run(tmp_path / "plain")
    moved = run(tmp_path / "moved", task_base_rates={"isFraud": 0.02, "isDebit": 0.3})
    rows = np.random.default_rng(0).normal(size=(50, 5))
    shift = booster(moved).predict(rows, raw_score=True) - booster(plain).predict(
        rows, raw_score=True
    )
    rate = SPLITS["train"][TASKS].mean().to_numpy()
    true = np.array([0.02, rate[1], 0.3])
    expected = np.log(true / (1 - true)) - np.log(rate / (1 - rate))
    np.testing.assert_allclose(shift, np.tile(expected, (50, 1)), atol=1e-12)
    without_values = [
        re.sub(r"\n(leaf_value|internal_value|tree_sizes)=.*", "", model_file(base).read_text())
        for base in (plain, moved)
    ]
    assert without_values[0] == without_values[1]
    # Validation and test rows are those that were not sampled: a warning where they look it.
    warned = [text for text in job_log.messages if "of the sampled training rows" in text]
    assert len(warned) == 4


def test_down_sampled_rows_and_base_rates_are_worth_the_full_rows(tmp_path: Path) -> None:
    splits = make_splits(6000, seed=3)
    rates = {"isFraud": float(splits["train"]["isFraud"].mean())}
    knobs = hyperparameters(num_iterations=60)
    mean, log_odds = {}, {}
    for name, rows, changes in (
        ("full", splits, {}),
        ("sampled", down_sampled(splits, 0.2), {}),
        ("corrected", down_sampled(splits, 0.2), {"task_base_rates": rates}),
    ):
        base = write_tree(tmp_path / name, rows, knobs | changes)
        run_job(base)
        prob = predictions(base, "test")["isFraud_prob"].to_numpy(np.float64)
        log_odds[name], mean[name] = np.log(prob / (1 - prob)), prob.mean()
    # Few rows and trees: neither model has learned all that there is.
    assert mean["corrected"] == pytest.approx(mean["full"], rel=0.1)
    assert mean["sampled"] > 1.5 * mean["full"]
    assert np.mean(log_odds["corrected"] - log_odds["full"]) == pytest.approx(0, abs=0.25)
    assert np.mean(log_odds["sampled"] - log_odds["full"]) > 1.3
