"""Validation scores of a run whose AUC rises and then falls, recomputed from the model file."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import booster, metrics, model_file, model_json, run_job
from sklearn.metrics import log_loss, roc_auc_score
from trees import NUMERICAL, TASKS, hyperparameters, make_splits, write_tree

ITERATIONS = 120
# Little data, large steps: it soon learns by heart.
OVERFITTING: dict[str, Any] = {
    "cat_field_list": [],
    "num_iterations": ITERATIONS,
    "learning_rate": 0.5,
    "num_leaves": 15,
    "lambda_l2": 0.1,
    "eval_frequency": 1,
}


def run(base: Path, **changes: object) -> Path:
    splits = make_splits(300)
    del splits["test"]
    run_job(write_tree(base, splits, hyperparameters(**OVERFITTING) | changes))
    return base


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("overfitted"))


@cache
def scores_by_iteration(base: Path) -> dict[str, list[float]]:
    """Validation scores of the first 1, 2, ... iterations of a model file."""
    splits = make_splits(300)
    val, impute = splits["val"], splits["train"][NUMERICAL].mean()
    features = val[NUMERICAL].fillna(impute).to_numpy(dtype=np.float64)
    model = booster(base)
    scores: dict[str, list[float]] = {name: [] for name in (*TASKS, "mean_auc", "mean_logloss")}
    for n_iterations in range(1, model.current_iteration() + 1):
        # Raw scores, because the rounding of a probability can make ties of two leaves' values.
        raw = np.asarray(model.predict(features, num_iteration=n_iterations, raw_score=True))
        aucs = [roc_auc_score(val[task], raw[:, i]) for i, task in enumerate(TASKS)]
        losses = [log_loss(val[task], 1 / (1 + np.exp(-raw[:, i]))) for i, task in enumerate(TASKS)]
        for task, auc in zip(TASKS, aucs, strict=True):
            scores[task].append(float(auc))
        scores["mean_auc"].append(float(np.mean(aucs)))
        scores["mean_logloss"].append(float(np.mean(losses)))
    return scores


def best_of(base: Path, metric: str) -> tuple[float, int]:
    """Best score of a metric and the first number of iterations that has it."""
    name = TASKS[0] if metric == "main_auc" else metric
    scores = np.array(scores_by_iteration(base)[name])
    at = int(np.argmin(scores) if metric == "mean_logloss" else np.argmax(scores))
    return float(scores[at]), at + 1


def test_the_scores_at_every_evaluation_are_those_of_the_trees_so_far(overfitted: Path) -> None:
    state = model_json(overfitted, "training_state.json")
    recomputed = scores_by_iteration(overfitted)
    assert state["evaluated_iterations"] == list(range(1, ITERATIONS + 1))
    for i, task in enumerate(TASKS):
        assert state["task_performances"][str(i)] == pytest.approx(recomputed[task], abs=1e-9)
    assert state["mean_loglosses"] == pytest.approx(recomputed["mean_logloss"], rel=1e-9)


def test_the_best_iteration_is_where_the_auc_is_highest(overfitted: Path) -> None:
    state = model_json(overfitted, "training_state.json")
    best_score, best_iteration = best_of(overfitted, "main_auc")
    assert state["best_score"] == pytest.approx(best_score, abs=1e-9)
    assert state["best_iteration"] == best_iteration
    # It did rise and fall, or this shows nothing.
    main = scores_by_iteration(overfitted)[TASKS[0]]
    assert 3 < best_iteration < ITERATIONS - 20
    assert main[0] < best_score - 0.02
    assert main[-1] < best_score - 0.01
    # Without early stopping all trees are kept nevertheless.
    assert booster(overfitted).current_iteration() == ITERATIONS
    final = metrics(overfitted, "val")["task_0_isFraud"]["auc_roc"]
    assert final == pytest.approx(main[-1], abs=1e-9)


def test_patience_counts_the_evaluations_since_the_best(overfitted: Path) -> None:
    state = model_json(overfitted, "training_state.json")
    for i, task in enumerate(TASKS):
        best = int(np.argmax(scores_by_iteration(overfitted)[task])) + 1
        assert state["best_task_iterations"][str(i)] == best
        assert state["patience_counters"][str(i)] == ITERATIONS - best
        assert state["struggling_periods"][str(i)] == [], "fixed weights have no use for it"


@pytest.mark.parametrize("metric", ["main_auc", "mean_auc", "mean_logloss"])
def test_early_stopping_keeps_the_trees_up_to_the_best(
    tmp_path: Path, overfitted: Path, metric: str
) -> None:
    best_score, best_iteration = best_of(overfitted, metric)
    rounds = 40
    run(tmp_path, early_stopping_rounds=rounds, early_stopping_metric=metric)
    state = model_json(tmp_path, "training_state.json")
    # The first 40 iterations without a better score end it; a later best is out of its sight.
    assert state["best_iteration"] == best_iteration
    assert state["best_score"] == pytest.approx(best_score, abs=1e-9)
    assert state["current_iteration"] == best_iteration + rounds
    assert booster(tmp_path).current_iteration() == best_iteration
    kept = model_file(tmp_path).read_text().split("\nend of trees")[0].split("\nTree=0\n")[1]
    assert model_file(overfitted).read_text().split("\nTree=0\n")[1].startswith(kept)


def test_rounds_count_iterations_also_where_evaluations_are_rare(tmp_path: Path) -> None:
    run(tmp_path, early_stopping_rounds=40, eval_frequency=15)
    state = model_json(tmp_path, "training_state.json")
    assert state["best_iteration"] % 15 == 0
    # 45 is the first evaluation that is 40 or more iterations after the best one.
    assert state["current_iteration"] == state["best_iteration"] + 45


def test_the_main_task_never_struggles_and_others_may_recover(tmp_path: Path) -> None:
    patience = 1
    run(tmp_path, loss_type="adaptive_kd", loss_patience=patience, learning_rate=0.3)
    state = model_json(tmp_path, "training_state.json")
    assert state["struggling_periods"]["0"] == []
    recovered = 0
    for i in (1, 2):
        expected = struggling_periods(state["task_performances"][str(i)], patience)
        assert state["struggling_periods"][str(i)] == expected
        recovered += sum(end is not None for _, end in expected)
    assert recovered > 0, "no task has recovered, so this shows little"


def struggling_periods(aucs: list[float], patience: int) -> list[list[int | None]]:
    """By the definition: `patience` evaluations without a better AUC, until a better one."""
    periods: list[list[int | None]] = []
    best, waited = -1.0, 0
    for iteration, auc in enumerate(aucs, start=1):
        waited = 0 if auc > best else waited + 1
        best = max(best, auc)
        if waited == patience:
            periods.append([iteration, None])
        elif waited == 0 and periods and periods[-1][1] is None:
            periods[-1][1] = iteration
    return periods
