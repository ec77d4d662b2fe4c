"""The task weights of a job, recomputed from outside: stock LightGBM, SciPy, and the rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import booster, model_json, run_job
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from trees import NUMERICAL, hyperparameters, make_splits, write_tree

TASKS = ["isFraud", "isCard", "isDebit", "isGift"]
MAIN = 2
LEARNING_RATE = 0.3
ITERATIONS = 24
FREQUENCY = 4
INITIAL = np.array([0.4, 0.4, 0.8, 0.4]) / 2

Array = NDArray[np.float64]

# How a weight moves, from the similarity to the main task now and at the last update.
RULES: dict[str, Callable[[Array, Array | None], Array]] = {
    "standard": lambda now, _: 1 - now,
    "tenIters": lambda now, _: 1 - now,
    "sqrt": lambda now, _: np.sqrt(1 - now),
    "delta": lambda now, last: np.zeros_like(now) if last is None else now - last,
}


def similarity_to_main(prob: Array) -> Array:
    shares = (prob + 1e-10) / (prob + 1e-10).sum(axis=0)
    distances = [jensenshannon(share, shares[:, MAIN], base=2) for share in shares.T]
    return 1 - np.square(distances)


def recomputed_weights(base: Path, features: Array, method: str) -> list[Array]:
    model = booster(base)
    weights, last = [INITIAL], None
    frequency = 10 if method == "tenIters" else FREQUENCY
    for iteration in range(frequency, ITERATIONS + 1, frequency):
        now = similarity_to_main(np.asarray(model.predict(features, num_iteration=iteration)))
        moved = weights[-1] + LEARNING_RATE * RULES[method](now, last)
        weights.append(moved / moved.sum())
        last = now
    return weights


def settings(**changes: Any) -> dict[str, Any]:
    return hyperparameters(
        # The training rows' risks are out of fold, which the model directory cannot make again.
        cat_field_list=[],
        task_label_names=TASKS,
        label_name=TASKS[MAIN],
        loss_beta=0.4,
        loss_main_task_weight=0.8,
        loss_weight_lr=LEARNING_RATE,
        loss_weight_update_frequency=FREQUENCY,
        num_iterations=ITERATIONS,
        **changes,
    )


@pytest.mark.parametrize("loss_type", ["adaptive", "adaptive_kd"])
@pytest.mark.parametrize("method", RULES)
def test_weights_are_those_recomputed_from_the_model_file(
    tmp_path: Path, method: str, loss_type: str
) -> None:
    splits = make_splits(400, tasks=TASKS)
    knobs = settings(loss_type=loss_type, loss_weight_method=method, loss_patience=1)
    run_job(write_tree(tmp_path, splits, knobs))
    impute = {name: splits["train"][name].mean() for name in NUMERICAL}
    features = splits["train"][NUMERICAL].fillna(impute).to_numpy(dtype=np.float64)

    written = np.array(model_json(tmp_path, "weight_evolution.json"))
    expected = recomputed_weights(tmp_path, features, method)
    np.testing.assert_allclose(written, expected, rtol=1e-9)
    assert np.ptp(written, axis=0).min() > 1e-3, "some weight has not moved"

    prob = np.asarray(booster(tmp_path).predict(features))
    similarity = model_json(tmp_path, "training_state.json")["task_similarity"]
    np.testing.assert_allclose(similarity[MAIN], similarity_to_main(prob), rtol=1e-9)


def test_fixed_weights_stay_as_configured(tmp_path: Path) -> None:
    splits = make_splits(200, tasks=TASKS)
    run_job(write_tree(tmp_path, splits, settings(loss_type="fixed")))
    assert model_json(tmp_path, "weight_evolution.json") == [[0.4, 0.4, 0.8, 0.4]]


@pytest.mark.parametrize("method", RULES)
def test_weights_stay_finite_and_positive_whatever_happens(tmp_path: Path, method: str) -> None:
    splits = make_splits(200, tasks=TASKS)
    for name, table in splits.items():
        # A copy of the main task, and a task without positives: its predictions are constant.
        splits[name] = table.assign(isFraud=table[TASKS[MAIN]], isGift=0)
    knobs = settings(loss_type="adaptive", loss_weight_method=method) | {
        "loss_weight_lr": 1.0,
        "loss_weight_update_frequency": 1,
        "num_iterations": 60,
        "learning_rate": 1.0,
        "loss_beta": 0.0,
    }
    run_job(write_tree(tmp_path, splits, knobs))
    weights = np.array(model_json(tmp_path, "weight_evolution.json"))
    assert weights.shape == (7 if method == "tenIters" else 61, 4)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    similarity = np.array(model_json(tmp_path, "training_state.json")["task_similarity"])
    assert similarity[0, MAIN] == pytest.approx(1)
    assert np.isfinite(booster(tmp_path).predict(np.zeros((1, 3)))).all()
