"""The figures of the report in `metrics.json` of a whole job: amounts, an earlier model, drift."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import metrics, model_file, predictions, run_job
from sklearn.metrics import roc_auc_score
from trees import TASKS, hyperparameters, make_splits, write_tree

from exceptions import DataError

SETTINGS = hyperparameters(
    amount_name="amount", previous_score_columns={"isFraud": "old", "isDebit": "age"}
)


def splits_with_previous() -> dict[str, pd.DataFrame]:
    """An earlier model's scores for val and test alone, some of them missing."""
    splits = {name: table.copy() for name, table in make_splits().items()}
    for name in ("val", "test"):
        rng = np.random.default_rng(1)
        table = splits[name]
        table["old"] = np.round(table["isFraud"] + rng.normal(0, 1.0, len(table)), 2)
        table.loc[table.index[:20], "old"] = np.nan
    return splits


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = write_tree(tmp_path_factory.mktemp("report"), splits_with_previous(), SETTINGS)
    run_job(base)
    return base


@pytest.mark.parametrize("split", ["val", "test"])
def test_money_is_that_of_the_rows_as_they_were_read(job: Path, split: str) -> None:
    table, found = splits_with_previous()[split], predictions(job, split)
    at_stake = table["amount"].to_numpy() * table["isFraud"].to_numpy()
    figures = metrics(job, split)["task_0_isFraud"]
    assert figures["money_caught"]["total"] == pytest.approx(at_stake.sum(), rel=1e-6)
    top = np.argsort(-found["isFraud_prob"].to_numpy(), kind="stable")
    budget = figures["alert_budgets"][3]
    assert budget["alerts"] == pytest.approx(0.05 * len(table))
    assert budget["money_caught"] == pytest.approx(at_stake[top[:15]].sum(), rel=1e-6)


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_earlier_model_is_compared_on_its_rows(job: Path, split: str) -> None:
    table, found = splits_with_previous()[split], predictions(job, split)
    scores = metrics(job, split)
    has_score = table["old"].notna().to_numpy()
    previous = scores["task_0_isFraud"]["previous"]
    assert previous["n_rows"] == has_score.sum() == len(table) - 20
    label = table["isFraud"][has_score]
    assert previous["auc_roc"]["previous"] == pytest.approx(
        roc_auc_score(label, table["old"][has_score]), abs=1e-6
    )
    assert previous["auc_roc"]["model"] == pytest.approx(
        roc_auc_score(label, found["isFraud_prob"][has_score])
    )
    # A feature, as it was read; there is none for the second task.
    assert "previous" not in scores["task_1_isCard"]
    assert scores["task_2_isDebit"]["previous"]["auc_roc"]["previous"] == pytest.approx(
        roc_auc_score(table["isDebit"], table["age"])
    )


def test_the_model_does_not_depend_on_what_it_is_judged_by(job: Path, finished_job: Path) -> None:
    assert model_file(job).read_bytes() == model_file(finished_job).read_bytes()


@pytest.mark.parametrize("split", ["val", "test"])
def test_drift_has_every_feature_and_score(job: Path, split: str) -> None:
    drift = metrics(job, split)["drift"]
    assert list(drift["scores"]) == TASKS
    features = SETTINGS["tab_field_list"] + SETTINGS["cat_field_list"]
    assert list(drift["features"]) == features
    country = drift["features"]["country"]
    train, table = (make_splits()[name] for name in ("train", split))
    for key, rows in (("training", train), ("here", table)):
        counts = [(rows["country"] == text).sum() for text in country["bins"][:-3]]
        counts += [0, 0, rows["country"].isna().sum()]
        expected = (np.array(counts) + 0.5) / (len(rows) + 0.5 * len(counts))
        assert country[key] == pytest.approx(expected, abs=1e-6)
    assert all(figures["psi"] >= 0 for figures in drift["features"].values())


def test_drift_is_seen(tmp_path: Path) -> None:
    splits = splits_with_previous()
    splits["val"].loc[:, "balance"] += 150
    base = write_tree(tmp_path, splits, hyperparameters(num_iterations=2))
    run_job(base)
    features = metrics(base, "val")["drift"]["features"]
    assert features["balance"]["psi"] > 0.5 > features["age"]["psi"]


def test_the_hierarchy_of_the_labels_is_looked_for(job: Path, tmp_path: Path) -> None:
    outside = metrics(job, "val")["hierarchy"]["positives_outside"]
    train = make_splits()["train"]
    assert outside == {
        task: ((train[task] == 1) & (train["isFraud"] == 0)).sum() for task in TASKS[1:]
    }
    splits = make_splits()
    for table in splits.values():
        table.loc[:, "isFraud"] = table[TASKS].max(axis=1)
    run_job(write_tree(tmp_path, splits, hyperparameters()))
    found: dict[str, Any] = metrics(tmp_path, "test")["hierarchy"]
    prob = predictions(tmp_path, "test")
    above = [prob[f"{task}_prob"] > prob["isFraud_prob"] for task in TASKS[1:]]
    assert found["holds_in_training"]
    assert found["n_rows_above"] == (above[0] | above[1]).sum()
    assert [found["by_task"][task]["n_rows_above"] for task in TASKS[1:]] == [
        part.sum() for part in above
    ]


@pytest.mark.parametrize(("column", "values"), [("old", "gone"), ("amount", "empty")])
def test_columns_that_are_not_there_or_empty_are_named(
    tmp_path: Path, column: str, values: str
) -> None:
    splits = splits_with_previous()
    if values == "gone":
        splits["val"] = splits["val"].drop(columns=column)
        message = r"val/part-0.csv: columns missing: 'old'"
    else:
        splits["val"][column] = np.nan
        message = r"^val: wanted numbers in the columns .* none at all in 'amount'$"
    with pytest.raises(DataError, match=message):
        run_job(write_tree(tmp_path, splits, SETTINGS))
