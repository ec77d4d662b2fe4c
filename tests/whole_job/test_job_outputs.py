"""What a finished job leaves: every file, key, column and name that is promised."""

import inspect
import json
import pickle
import pickletools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import (
    ROOT,
    booster,
    job_environment,
    members,
    metrics,
    model_file,
    model_json,
    predictions,
    run_job,
    run_script,
)
from trees import CATEGORICAL, NUMERICAL, TASKS, hyperparameters, make_splits, write_tree

import lightgbmmt_training
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.sources import load_hyperparameters

MODEL_FILES = {
    "lightgbmmt_model.txt",
    "risk_table_map.pkl",
    "impute_dict.pkl",
    "selected_features.json",
    "training_state.json",
    "feature_columns.txt",
    "hyperparameters.json",
    "weight_evolution.json",
    "feature_importance.json",
}
SCORES = ["auc_roc", "average_precision", "f1_score"]
SIGNATURES = {
    "identify_task_columns": ["df", "hyperparams"],
    "create_task_indices": ["train_df", "val_df", "task_columns"],
    "predict_multitask": ["model", "df", "feature_columns"],
    "compute_multitask_metrics": ["y_true_tasks", "y_pred_tasks", "task_columns"],
    "plot_multitask_curves": ["y_true_tasks", "y_pred_tasks", "task_columns", "out_dir", "prefix"],
    "save_artifacts": [
        "model",
        "risk_tables",
        "impute_dict",
        "model_path",
        "feature_columns",
        "hyperparams",
        "training_state",
    ],
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_directories_hold_the_promised_files_and_no_others(finished_job: Path) -> None:
    assert names(finished_job / "model") == MODEL_FILES
    assert names(finished_job / "output") == {"data"}
    assert names(finished_job / "output" / "data") == {"report.html", "val.tar.gz", "test.tar.gz"}
    assert names(finished_job) == {"code", "input", "model", "output"}


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_archive_holds_predictions_metrics_and_two_curves_per_task(
    finished_job: Path, split: str
) -> None:
    found = members(finished_job, split)
    curves = {
        f"{split}_metrics/{split}_task_{i}_{task}_{kind}.jpg"
        for i, task in enumerate(TASKS)
        for kind in ("roc", "pr")
    }
    assert set(found) == {f"{split}/predictions.csv", f"{split}/metrics.json"} | curves
    assert all(found[curve].startswith(b"\xff\xd8\xff") for curve in curves), "no JPEG"


@pytest.mark.parametrize("split", ["val", "test"])
def test_predictions_have_the_rows_of_the_split_in_their_order(
    finished_job: Path, split: str
) -> None:
    table, found = make_splits()[split], predictions(finished_job, split)
    columns = [f"{task}_{what}" for task in TASKS for what in ("true", "prob")]
    assert list(found.columns) == ["id", *columns]
    assert list(found["id"]) == list(table["id"])
    for task in TASKS:
        assert list(found[f"{task}_true"]) == list(table[task])
        assert found[f"{task}_prob"].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize("split", ["val", "test"])
def test_metrics_have_the_promised_keys_and_agree_with_the_predictions(
    finished_job: Path, split: str
) -> None:
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    scores, table = metrics(finished_job, split), predictions(finished_job, split)
    of_all_tasks = ["aggregate", "drift", "hierarchy"]
    of_the_model = ["feature_importance", "risk_tables", "training"] if split == "val" else []
    keys = [f"task_{i}_{task}" for i, task in enumerate(TASKS)]
    assert list(scores) == [*keys, *of_all_tasks, *of_the_model]
    for i, task in enumerate(TASKS):
        true, prob = table[f"{task}_true"], table[f"{task}_prob"]
        expected = [
            roc_auc_score(true, prob),
            average_precision_score(true, prob),
            f1_score(true, prob >= 0.5),
        ]
        assert [scores[f"task_{i}_{task}"][key] for key in SCORES] == pytest.approx(expected)
    for key in SCORES:
        values = [scores[f"task_{i}_{task}"][key] for i, task in enumerate(TASKS)]
        assert scores["aggregate"][f"mean_{key}"] == pytest.approx(np.mean(values))
        assert scores["aggregate"][f"median_{key}"] == pytest.approx(np.median(values))


def test_feature_columns_are_an_index_and_a_name_per_line(finished_job: Path) -> None:
    text = (finished_job / "model" / "feature_columns.txt").read_text(encoding="utf-8")
    lines = text.splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert lines[: len(lines) - len(rows)] != []
    assert [row.split(",", 1) for row in rows] == [
        [str(index), name] for index, name in enumerate([*NUMERICAL, *CATEGORICAL])
    ]
    assert model_json(finished_job, "selected_features.json") == {
        "selected_features": [*NUMERICAL, *CATEGORICAL]
    }


def test_hyperparameters_are_complete_and_make_the_same_model_again(
    finished_job: Path, tmp_path: Path
) -> None:
    written = model_json(finished_job, "hyperparameters.json")
    of_the_older_script = {"full_field_list", "multiclass_categories"}
    assert set(written) == {*LightGBMMtModelHyperparameters.model_fields, *of_the_older_script}
    assert written.items() >= hyperparameters().items()
    write_tree(tmp_path, make_splits(), written)
    native = tmp_path / "code" / "hyperparams"
    again = load_hyperparameters(native, tmp_path / "none", None)
    assert json.loads(again.to_json()) == written
    run_job(tmp_path)
    assert model_file(tmp_path).read_bytes() == model_file(finished_job).read_bytes()
    assert model_json(tmp_path, "hyperparameters.json") == written


def test_importance_is_what_stock_lightgbm_says_of_the_file(finished_job: Path) -> None:
    importance = model_json(finished_job, "feature_importance.json")
    gain = booster(finished_job).feature_importance("gain")
    assert list(importance) == [*NUMERICAL, *CATEGORICAL]
    assert list(importance.values()) == gain.tolist()
    assert max(gain) > 0


def plain(value: Any) -> bool:
    """Whether a value is made of plain dicts, texts and floats, not of subclasses of them."""
    if type(value) is dict:
        return all(type(key) is str and plain(inner) for key, inner in value.items())
    return type(value) in (str, float)


def test_pickles_hold_plain_data_of_the_promised_form(finished_job: Path) -> None:
    loaded = {}
    for name in ("impute_dict.pkl", "risk_table_map.pkl"):
        content = (finished_job / "model" / name).read_bytes()
        loaded[name] = pickle.loads(content)
        assert plain(loaded[name])
        opcodes = {opcode.name for opcode, _, _ in pickletools.genops(content)}
        assert not opcodes & {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"}
    train = make_splits()["train"]
    means = {name: pytest.approx(train[name].mean(), rel=1e-6) for name in NUMERICAL}
    assert loaded["impute_dict.pkl"] == means
    risks = loaded["risk_table_map.pkl"]
    assert list(risks) == CATEGORICAL
    for column, table in risks.items():
        assert set(table) == {"bins", "default_bin"}
        assert set(table["bins"]) == set(train[column].dropna())
        assert table["default_bin"] == pytest.approx(train[TASKS[0]].mean())


def test_the_training_state_tells_how_it_went(finished_job: Path) -> None:
    state = model_json(finished_job, "training_state.json")
    assert state["current_iteration"] == 10
    assert state["evaluated_iterations"] == [5, 10]
    assert list(state["task_performances"]) == ["0", "1", "2"]
    assert all(len(aucs) == 2 for aucs in state["task_performances"].values())
    assert state["best_score"] == max(state["task_performances"]["0"])
    assert state["best_iteration"] in (5, 10)
    assert list(state["patience_counters"]) == ["0", "1", "2"]
    assert np.array(state["task_similarity"]).shape == (3, 3)
    assert state["weight_evolution"] == model_json(finished_job, "weight_evolution.json")
    assert state["weight_evolution"] == [[0.5, 0.5, 0.5]]


def test_a_task_with_one_class_has_default_scores_and_no_curves(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    splits = make_splits(200)
    del splits["test"]
    splits["val"] = splits["val"].assign(isDebit=0)
    write_tree(tmp_path, splits, hyperparameters(num_iterations=2))
    run_job(tmp_path)
    scores = metrics(tmp_path, "val")
    undefined = scores["task_2_isDebit"]
    assert [undefined[key] for key in SCORES] == [0.5, 0.5, 0.0]
    assert undefined["defined"] is False
    assert "Only one class present in task 2 (isDebit)" in job_log.messages
    aucs = [scores[key]["auc_roc"] for key in ("task_0_isFraud", "task_1_isCard")]
    assert scores["aggregate"]["mean_auc_roc"] == pytest.approx(np.mean(aucs))
    assert not [name for name in members(tmp_path, "val") if "task_2" in name]


def test_without_test_data_there_is_no_test_archive(tmp_path: Path) -> None:
    splits = make_splits(200)
    del splits["test"]
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=2)))
    assert names(tmp_path / "output" / "data") == {"report.html", "val.tar.gz"}


def test_the_validation_channel_may_be_called_validation(
    tmp_path: Path, finished_job: Path
) -> None:
    splits = make_splits()
    splits["validation"] = splits.pop("val")
    run_job(write_tree(tmp_path, splits, hyperparameters()))
    assert members(tmp_path, "val") == members(finished_job, "val")


def test_variables_of_the_platform_move_channels_and_results(
    tmp_path: Path, finished_job: Path
) -> None:
    write_tree(tmp_path, {}, hyperparameters())
    channels = {
        f"SM_CHANNEL_{name.upper()}": str(finished_job / "input" / "data" / name)
        for name in ("train", "val", "test")
    }
    moved = {name: str(tmp_path / "elsewhere" / name) for name in ("model", "data")}
    run_job(tmp_path, **channels, SM_MODEL_DIR=moved["model"], SM_OUTPUT_DATA_DIR=moved["data"])
    assert names(tmp_path / "elsewhere" / "model") == MODEL_FILES
    assert names(tmp_path / "elsewhere" / "data") == {"report.html", "val.tar.gz", "test.tar.gz"}
    assert names(tmp_path) == {"code", "elsewhere"}
    content = (tmp_path / "elsewhere" / "model" / "lightgbmmt_model.txt").read_bytes()
    assert content == model_file(finished_job).read_bytes()


def test_tasks_are_detected_where_they_are_not_named(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    columns = {"isCard": "task_card", "isDebit": "task_debit"}
    splits = {name: table.rename(columns=columns) for name, table in make_splits(200).items()}
    values = hyperparameters(num_iterations=2, label_name="task_debit")
    del values["task_label_names"]
    run_job(write_tree(tmp_path, splits, values))
    written = model_json(tmp_path, "hyperparameters.json")
    assert written["task_label_names"] == ["task_card", "task_debit"]
    assert (written["num_tasks"], written["main_task_index"]) == (2, 1)
    assert "task_label_names is not given" in job_log.text
    assert "task_0_task_card" in metrics(tmp_path, "val")


def test_arguments_of_the_platform_are_tolerated(tmp_path: Path, finished_job: Path) -> None:
    shutil.copytree(finished_job / "input", tmp_path / "input")
    shutil.copytree(finished_job / "code", tmp_path / "code")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("of an earlier job\n")
    done = run_script(tmp_path, "train", "--learning_rate", "0.3", "--unknown", "-x")
    assert (done.returncode, done.stderr) == (0, "")
    assert model_file(tmp_path).read_bytes() == model_file(finished_job).read_bytes()
    assert not (tmp_path / "output" / "failure").exists()


IMPORT = """
import json, logging, os, signal, sys, threading, warnings

def state():
    return {
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "handlers": [repr(handler) for handler in logging.getLogger().handlers],
        "level": logging.getLogger().level,
        "warnings": repr(warnings.showwarning),
        # scikit-learn sets two variables of this prefix (1.9).
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("KMP_")},
        "folder": os.getcwd(),
        "threads": [thread.name for thread in threading.enumerate()],
    }

before = state()
sys.path.insert(0, sys.argv[1])
import lightgbmmt_training
after = state()
assert after == before, (before, after)
for name in json.loads(sys.argv[2]):
    assert callable(getattr(lightgbmmt_training, name)), name
"""


def test_importing_the_script_has_no_side_effects(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(ROOT), json.dumps(list(SIGNATURES))],
        cwd=tmp_path,
        env=job_environment(tmp_path / "ml", MPLCONFIGDIR=str(tmp_path), REGION="none"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_take_what_is_promised(name: str) -> None:
    parameters = inspect.signature(getattr(lightgbmmt_training, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == SIGNATURES[name]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters if p.name not in positional)
    assert all(p.default is not p.empty for p in parameters if p.name not in positional)


def test_public_functions_work_on_the_file_that_was_written(finished_job: Path) -> None:
    table = pd.DataFrame({name: np.arange(5.0) for name in [*NUMERICAL, *CATEGORICAL]})
    prob = lightgbmmt_training.predict_multitask(
        booster(finished_job), table, [*NUMERICAL, *CATEGORICAL]
    )
    assert prob.shape == (5, 3)
    assert prob.dtype == np.float64
