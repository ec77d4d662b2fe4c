"""Splits in which nothing, or not everything, is known: they are scored all the same."""

import logging
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import members, metrics, model_file, model_json, predictions, run_job
from trees import MAIN_TASK, TASKS, hyperparameters, make_splits, write_table, write_tree

PROB = [f"{task}_prob" for task in TASKS]
SCORES = ("auc_roc", "average_precision", "f1_score")


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "parquet"])
def test_test_rows_without_labels_are_scored(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    splits = {name: df.assign(weight=1.5) for name, df in make_splits(300).items()}
    values = hyperparameters(num_iterations=3, sample_weight_name="weight", loss_type="adaptive")
    labelled, unlabelled = tmp_path / "labelled", tmp_path / "unlabelled"
    run_job(write_tree(labelled, splits, values, ending))
    features = splits["test"].drop(columns=[*TASKS, "weight"])
    write_tree(unlabelled, {**splits, "test": features}, values, ending)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        run_job(unlabelled)
    line = "test: there are no label columns, so its rows are scored, without metrics"
    assert caplog.messages.count(line) == 1
    assert not [text for text in caplog.messages if text.startswith("test:") and text != line]
    assert model_file(unlabelled).read_bytes() == model_file(labelled).read_bytes()
    assert members(unlabelled, "val") == members(labelled, "val")
    found, expected = predictions(unlabelled, "test"), predictions(labelled, "test")
    assert list(found.columns) == ["id", *PROB]
    pd.testing.assert_frame_equal(found, expected[["id", *PROB]])
    assert list(members(unlabelled, "test")) == [f"test/predictions.{ending.removesuffix('.gz')}"]


@pytest.mark.parametrize("is_there", [True, False], ids=["columns there", "columns absent"])
def test_amounts_and_earlier_scores_of_rows_without_labels_do_not_matter(
    tmp_path: Path, is_there: bool
) -> None:
    splits = {name: df.assign(money=2.0, old=df["age"]) for name, df in make_splits(100).items()}
    splits["test"] = splits["test"].drop(columns=[*TASKS, *([] if is_there else ["money", "old"])])
    judged = {"amount_name": "money", "previous_score_columns": {MAIN_TASK: "old"}}
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=2, **judged)))
    assert metrics(tmp_path, "val")["task_0_isFraud"]["previous"]
    assert list(predictions(tmp_path, "test").columns) == ["id", *PROB]


def test_labels_in_one_test_file_must_be_in_all(tmp_path: Path) -> None:
    splits = make_splits(100)
    write_tree(tmp_path, splits, hyperparameters())
    more = splits["test"].drop(columns=TASKS)
    write_table(more, tmp_path / "input" / "data" / "test" / "part-1.csv")
    with pytest.raises(ValueError, match=r"test/part-1\.csv: columns missing: 'isFraud', 'isCard'"):
        run_job(tmp_path)


@pytest.mark.parametrize("task", range(3))
def test_a_task_without_a_known_label_has_no_scores(
    tmp_path: Path, task: int, caplog: pytest.LogCaptureFixture
) -> None:
    splits = make_splits(300)
    splits["val"] = splits["val"].assign(**{TASKS[task]: np.nan})
    splits["test"] = splits["test"].assign(**{TASKS[task]: np.nan})
    values = hyperparameters(
        missing_labels="mask",
        loss_type="adaptive_kd",
        early_stopping_rounds=3,
        early_stopping_metric="mean_auc",
        eval_frequency=1,
    )
    with caplog.at_level(logging.INFO):
        run_job(write_tree(tmp_path, splits, values))
    for split in ("val", "test"):
        found = metrics(tmp_path, split)
        of_task = found[f"task_{task}_{TASKS[task]}"]
        reasons = of_task["undefined"]
        for score in (*SCORES, "log_loss", "precision_top_1pct"):
            assert of_task[score] is None
            assert reasons[score] == "no row with a known label in this split"
        assert (of_task["defined"], of_task["n_rows"]) == (False, 0)
        known = [found[f"task_{i}_{name}"] for i, name in enumerate(TASKS) if i != task]
        for score in SCORES:
            mean = np.mean([figures[score] for figures in known])
            assert found["aggregate"][f"mean_{score}"] == pytest.approx(mean)
        assert found["aggregate"]["n_defined_tasks"] == 2
        assert not [name for name in members(tmp_path, split) if f"task_{task}" in name]
        table = predictions(tmp_path, split)
        assert table[f"{TASKS[task]}_true"].isna().all()
        assert table[f"{TASKS[task]}_prob"].between(0, 1).all()
        tuner = [text for text in caplog.messages if re.match(rf"{split}:\w+=", text)]
        assert any("main_auc" in text for text in tuner) == (TASKS[task] != MAIN_TASK)
        assert any("mean_auc" in text for text in tuner)
        assert "nan" not in " ".join(tuner)
    state = model_json(tmp_path, "training_state.json")
    assert state["task_performances"][str(task)] == [None] * state["current_iteration"]
    assert all(math.isfinite(weight) for row in state["weight_evolution"] for weight in row)
