"""Contribution of the features per task: those of stock LightGBM, averaged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import booster, metrics, model_file, model_json
from trees import CATEGORICAL, NUMERICAL, TASKS

from models.evaluation.feature_importance import feature_importance
from models.trees.multitask_model import MultiTaskModel

FEATURES = [*NUMERICAL, *CATEGORICAL]


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({name: rng.lognormal(3, 1, 200).astype(np.float32) for name in FEATURES})


@pytest.fixture
def model(finished_job: Path) -> MultiTaskModel:
    return MultiTaskModel(model_file(finished_job).read_text())


def test_contributions_of_a_row_sum_to_its_log_odds(
    model: MultiTaskModel, table: pd.DataFrame, finished_job: Path
) -> None:
    data = table.to_numpy()
    sums = model.contributions(data, 1).sum(axis=2)
    raw = booster(finished_job).predict(data, raw_score=True)
    # What is left out is one constant per task.
    assert np.ptp(sums - raw, axis=0) == pytest.approx(np.zeros(len(TASKS)), abs=1e-9)


def test_means_are_weighted_and_leave_out_unknown_labels(
    model: MultiTaskModel, table: pd.DataFrame
) -> None:
    weights = {i: np.random.default_rng(i).random(200) for i in range(3)}
    weights[1][:150] = 0
    weights[2][:] = 0
    figures = feature_importance(model, table, FEATURES, TASKS, weights, 1)
    sizes = np.abs(model.contributions(table.to_numpy(), 1))
    for i, task in enumerate(TASKS[:2]):
        expected = (weights[i][:, None] * sizes[:, i]).sum(axis=0) / weights[i].sum()
        found = figures["mean_abs_contribution"][task]
        assert list(found) == FEATURES
        assert list(found.values()) == pytest.approx(expected)
    assert figures["mean_abs_contribution"][TASKS[2]] is None
    assert figures["n_rows"] == 200


def test_the_job_writes_them_beside_the_gain(finished_job: Path) -> None:
    figures = metrics(finished_job, "val")["feature_importance"]
    assert figures["gain"] == model_json(finished_job, "feature_importance.json")
    assert list(figures["mean_abs_contribution"]) == TASKS
    assert figures["n_rows"] == 300


def test_the_sample_shrinks_with_the_number_of_trees(table: pd.DataFrame) -> None:
    class Large:
        n_leaf_values = 10**7

        def feature_importance(self, importance_type: str) -> np.ndarray:
            return np.zeros(len(FEATURES))

        def contributions(self, data: np.ndarray, num_threads: int) -> np.ndarray:
            return np.zeros((len(data), len(TASKS), len(FEATURES)))

    figures = feature_importance(Large(), table, FEATURES, TASKS, None, 1)
    assert figures["n_rows"] == 100
    empty = feature_importance(Large(), table[:0], FEATURES, TASKS, None, 1)
    assert empty["mean_abs_contribution"] == dict.fromkeys(TASKS)
