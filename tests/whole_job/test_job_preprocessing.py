"""Preprocessing through the whole job: what the model gets must not leak labels or break."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import metrics, model_json, predictions, run_job
from trees import NUMERICAL, hyperparameters, make_splits, write_tree


def main_auc(base: Path) -> float:
    auc: float = metrics(base, "val")["task_0_isFraud"]["auc_roc"]
    return auc


@pytest.mark.parametrize("smoothing", ["auto", 0.0, 20.0])
def test_a_random_column_of_many_categories_does_not_help(
    tmp_path: Path, smoothing: float | str
) -> None:
    knobs = hyperparameters(cat_field_list=[], num_iterations=40, num_leaves=15, min_data_in_leaf=5)
    splits = make_splits(1200)
    del splits["test"]
    run_job(write_tree(tmp_path / "without", splits, knobs))

    rng = np.random.default_rng(5)
    for name, table in splits.items():
        # Three training rows per category: enough to learn the labels of all by heart.
        splits[name] = table.assign(merchant=rng.integers(0, 400, len(table)).astype("str"))
    knobs |= {"cat_field_list": ["merchant"], "risk_table_smoothing": smoothing}
    run_job(write_tree(tmp_path / "with", splits, knobs))

    # A column that gives the labels away takes much of the gain and ruins the validation.
    gain = model_json(tmp_path / "with", "feature_importance.json")
    assert gain["merchant"] < 0.1 * sum(gain.values())
    assert abs(main_auc(tmp_path / "with") - main_auc(tmp_path / "without")) < 0.02


def test_a_column_of_categories_that_matter_does_help(tmp_path: Path) -> None:
    splits = make_splits(1200)
    del splits["test"]
    aucs = {}
    for columns in ([], ["country"]):
        base = tmp_path / str(len(columns))
        knobs = hyperparameters(cat_field_list=columns, num_iterations=30)
        run_job(write_tree(base, splits, knobs))
        aucs[len(columns)] = main_auc(base)
    assert aucs[1] > aucs[0] + 0.005


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_numerical_column_without_values_becomes_0(
    tmp_path: Path, ending: str, job_log: pytest.LogCaptureFixture
) -> None:
    # The other splits may well have values: only the training rows count.
    splits = make_splits(300)
    splits["train"] = splits["train"].assign(balance=np.nan)
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=3), ending))
    impute = pd.read_pickle(tmp_path / "model" / "impute_dict.pkl")
    assert impute["balance"] == 0.0
    assert list(impute) == NUMERICAL
    warnings = [record for record in job_log.records if record.levelname == "WARNING"]
    assert any("'balance'" in record.getMessage() for record in warnings)
    assert model_json(tmp_path, "feature_importance.json")["balance"] == 0.0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_categorical_column_without_values_tells_nothing(
    tmp_path: Path, ending: str, job_log: pytest.LogCaptureFixture
) -> None:
    splits = {
        name: table.assign(country=pd.Series([None] * len(table), index=table.index, dtype="str"))
        for name, table in make_splits(300).items()
    }
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=3), ending))
    table = pd.read_pickle(tmp_path / "model" / "risk_table_map.pkl")["country"]
    rate = splits["train"]["isFraud"].mean()
    assert table == {"bins": {}, "default_bin": pytest.approx(rate)}
    assert "Column 'country' has no category in the training data" in job_log.messages
    assert model_json(tmp_path, "feature_importance.json")["country"] == 0.0


def test_missing_and_unseen_categories_count_as_the_mean_risk(tmp_path: Path) -> None:
    splits = make_splits(600)
    row = splits["val"].iloc[[0]].drop(columns="country")
    countries = pd.Series([None, "never seen", "", "nan", " DE"], dtype="str")
    several = pd.concat([row] * len(countries), ignore_index=True)
    splits["test"] = several.assign(country=countries, isFraud=several.index % 2)
    run_job(write_tree(tmp_path, splits, hyperparameters(cat_field_list=["country"])))
    assert model_json(tmp_path, "feature_importance.json")["country"] > 0
    assert len(set(predictions(tmp_path, "test")["isFraud_prob"])) == 1


def test_a_missing_number_counts_as_the_mean(tmp_path: Path) -> None:
    splits = make_splits(600)
    mean = splits["train"]["balance"].mean()
    row = splits["val"].iloc[[0, 0]]
    splits["test"] = row.assign(balance=[math.nan, mean], isFraud=[0, 1])
    run_job(write_tree(tmp_path, splits, hyperparameters()))
    first, second = predictions(tmp_path, "test")["isFraud_prob"]
    assert first == second


def test_the_model_uses_risks_of_the_main_task_wherever_it_stands(tmp_path: Path) -> None:
    splits = make_splits(300)
    knobs = hyperparameters(label_name="isDebit", num_iterations=2, risk_table_smoothing=0)
    run_job(write_tree(tmp_path, splits, knobs))
    train = splits["train"]
    rates = train.groupby("channel")["isDebit"].mean()
    table = pd.read_pickle(tmp_path / "model" / "risk_table_map.pkl")["channel"]
    assert table["bins"] == {name: pytest.approx(rate) for name, rate in rates.items()}
    assert table["default_bin"] == pytest.approx(train["isDebit"].mean())
