"""Every knob does what it says, or the log says that it does nothing: a table of all knobs."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import metrics, model_file, model_json, predictions, run_job, run_script, start_script
from trees import NUMERICAL, TASKS, hyperparameters, make_splits, write_hyperparameters, write_tree

from exceptions import UserError
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES

ADAPTIVE = {"loss_type": "adaptive", "loss_weight_update_frequency": 3}
# So strong that tasks get worse, and so often evaluated that they are found struggling.
STRUGGLING = {
    "loss_type": "adaptive_kd",
    "eval_frequency": 1,
    "loss_patience": 1,
    "learning_rate": 1.0,
    "loss_kd_weight": 1.0,
}
SAMPLED = {"bagging_fraction": 0.5}


def model_without_parameters(base: Path) -> str:
    """The model file but for its note of the parameters, which every change would change."""
    return model_file(base).read_text().split("\nparameters:\n")[0]


def prediction_columns(base: Path) -> list[str]:
    return list(predictions(base, "val").columns)


def validation_metrics(base: Path) -> object:
    return metrics(base, "val")


def evaluated_iterations(base: Path) -> object:
    return model_json(base, "training_state.json")["evaluated_iterations"]


def best(base: Path) -> object:
    return model_json(base, "training_state.json")["best_score"]


def checkpoints(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "checkpoints").iterdir())


@dataclass(frozen=True)
class Effect:
    """A change of a knob that shows.

    Attributes:
        change: The value, other than the one it is compared with.
        context: Settings of both jobs, where the knob has no effect in every job.
        seen_in: What differs between the two jobs.
    """

    change: object
    context: Mapping[str, object] = field(default_factory=dict)
    seen_in: Callable[[Path], object] = model_without_parameters


@dataclass(frozen=True)
class Refused:
    """A knob that is there to be checked: a value that does not agree ends the job."""

    change: object
    message: str


@dataclass(frozen=True)
class NoEffect:
    """A knob that does nothing in any job, which the log says."""

    change: object
    reason: str


KNOBS: dict[str, Effect | Refused | NoEffect] = {
    "tab_field_list": Effect(NUMERICAL[:2]),
    "cat_field_list": Effect(["country"]),
    "label_name": Effect("isCard"),
    "task_label_names": Effect(["isFraud", "isDebit"]),
    "main_task_index": Refused(1, "main_task_index is 1, but label_name"),
    "num_tasks": Refused(3, "num_tasks is 3, but task_label_names has 2 names"),
    "id_name": Effect("other_id", seen_in=prediction_columns),
    "sample_weight_name": Effect("weight"),
    "task_weight_columns": Effect({"isCard": "weight"}),
    # Nothing is missing from the labels of these tests; test_job_labels_and_weights.py has more.
    "amount_name": Effect("amount", seen_in=validation_metrics),
    "previous_score_columns": Effect({"isFraud": "weight"}, seen_in=validation_metrics),
    "missing_labels": Refused("drop", "missing_labels must be one of error, mask"),
    "loss_type": Effect("adaptive", {"loss_weight_update_frequency": 3}),
    "loss_beta": Effect(0.1),
    "loss_main_task_weight": Effect(1.0),
    "loss_weight_lr": Effect(0.9, ADAPTIVE),
    "loss_weight_method": Effect("sqrt", ADAPTIVE),
    "loss_weight_update_frequency": Effect(2, {"loss_type": "adaptive"}),
    "loss_patience": Effect(3, STRUGGLING),
    "loss_kd_weight": Effect(5.0, STRUGGLING),
    "loss_kd_teacher": Effect("best_self", STRUGGLING),
    "loss_split_gradient": Effect("weighted_sum"),
    "loss_cache_predictions": NoEffect(False, "task probabilities are always computed once"),
    "loss_precompute_indices": NoEffect(False, "task indices are always built once"),
    "num_iterations": Effect(5),
    "learning_rate": Effect(0.2),
    "num_leaves": Effect(3),
    "max_depth": Effect(2),
    "min_data_in_leaf": Effect(60),
    "min_sum_hessian_in_leaf": Effect(30.0),
    "lambda_l1": Effect(1.0),
    "lambda_l2": Effect(0.0),
    "min_gain_to_split": Effect(5.0),
    "max_bin": Effect(5),
    "feature_fraction": Effect(0.5),
    "bagging_fraction": Effect(0.5),
    "bagging_freq": Effect(3, SAMPLED),
    "boosting_type": Refused("dart", "boosting_type must be gbdt"),
    "use_quantized_grad": Effect(False),
    "num_grad_quant_bins": Effect(4),
    "seed": Effect(1),
    # More threads give the same model by contract: see the test of its own below.
    "num_threads": Refused(-1, "num_threads must be an integer >= 0"),
    "eval_frequency": Effect(4, seen_in=evaluated_iterations),
    "early_stopping_rounds": Effect(1, {"eval_frequency": 1, "learning_rate": 1.0}),
    "early_stopping_metric": Effect("mean_logloss", {"early_stopping_rounds": 50}, seen_in=best),
    "calibrate_intercept": Effect(True),
    "checkpoint_frequency": Effect(7, seen_in=checkpoints),
    "risk_table_smoothing": Effect(50.0),
    "risk_table_folds": Effect(2),
    "risk_tables": Effect("per_task"),
    "monotone_constraints": Effect({"age": 1}),
    "interaction_constraints": Effect([["amount", "country"], ["age", "balance", "channel"]]),
    "task_base_rates": Effect({"isCard": 0.01}),
    # What it does to the trees is in test_job_initial_model.py.
    "init_model": Refused("nowhere", "wanted a model directory or a model.tar.gz, found none"),
}


def splits() -> dict[str, pd.DataFrame]:
    tables = make_splits(300)
    del tables["test"]
    for name, table in tables.items():
        weight = np.random.default_rng(len(name)).integers(0, 4, len(table))
        tables[name] = table.assign(weight=weight, other_id=table["id"])
    return tables


def settings(changes: dict[str, Any]) -> dict[str, Any]:
    return hyperparameters(task_label_names=TASKS[:2], num_iterations=12) | changes


class Jobs:
    """Runs jobs on the same data, each different one once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._done: dict[str, Path] = {}

    def run(self, **changes: object) -> Path:
        """Runs a job with changed settings and gives its tree."""
        values = settings(changes)
        key = repr(sorted(values.items()))
        if key not in self._done:
            base = Path(tempfile.mkdtemp(dir=self._root))
            (base / "checkpoints").mkdir()
            run_job(write_tree(base, splits(), values))
            self._done[key] = base
        return self._done[key]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    return Jobs(tmp_path_factory.mktemp("jobs"))


def test_the_table_has_every_knob() -> None:
    assert list(KNOBS) == list(LightGBMMtModelHyperparameters.model_fields)


@pytest.mark.parametrize("knob", [name for name, row in KNOBS.items() if isinstance(row, Effect)])
def test_a_change_of_the_knob_shows(
    knob: str, jobs: Jobs, job_log: pytest.LogCaptureFixture
) -> None:
    row = KNOBS[knob]
    assert isinstance(row, Effect)
    changed = jobs.run(**{**row.context, knob: row.change})
    assert f"{knob} has no effect" not in job_log.text
    assert row.seen_in(changed) != row.seen_in(jobs.run(**row.context))


@pytest.mark.parametrize("knob", [name for name, row in KNOBS.items() if isinstance(row, Refused)])
def test_a_value_that_does_not_agree_is_refused(knob: str, jobs: Jobs) -> None:
    row = KNOBS[knob]
    assert isinstance(row, Refused)
    with pytest.raises(UserError, match=re.escape(row.message)):
        jobs.run(**{knob: row.change})


@pytest.mark.parametrize("knob", [name for name, row in KNOBS.items() if isinstance(row, NoEffect)])
def test_the_log_says_that_a_knob_does_nothing(
    knob: str, jobs: Jobs, job_log: pytest.LogCaptureFixture
) -> None:
    row = KNOBS[knob]
    assert isinstance(row, NoEffect)
    changed = jobs.run(**{knob: row.change})
    assert f"{knob} has no effect: {row.reason}" in job_log.text
    assert model_file(changed).read_bytes() == model_file(jobs.run()).read_bytes()


def test_the_log_says_which_knobs_do_nothing_in_this_job(
    jobs: Jobs, job_log: pytest.LogCaptureFixture
) -> None:
    idle = {
        "loss_weight_lr": 0.9,
        "loss_weight_method": "delta",
        "loss_weight_update_frequency": 2,
        "loss_patience": 1,
        "loss_kd_weight": 9.0,
        "loss_kd_teacher": "best_self",
        "bagging_freq": 3,
        "early_stopping_metric": "mean_auc",
        "num_grad_quant_bins": 8,
    }
    changed = jobs.run(**idle, use_quantized_grad=False)
    messages = job_log.messages
    told = [text.split(" has no effect: ")[0] for text in messages if "has no effect" in text]
    assert sorted(told) == sorted(idle)
    same = jobs.run(use_quantized_grad=False)
    assert model_without_parameters(changed) == model_without_parameters(same)


OLDER_SCRIPT = {
    "full_field_list": ["id", "amount"],
    "multiclass_categories": [0, 1],
    "categorical_features_to_encode": ["country"],
    "categorical_feature": [3],
    "model_class": "lightgbmmt",
    "header": 0,
    "device": "cpu",
    "batch_size": 32,
    "max_epochs": 10,
    "lr": 0.05,
    "optimizer": "SGD",
    "metric_choices": ["auroc", "f1_score"],
    "class_weights": [1.0, 10.0],
    "objective": None,
    "metric": ["binary_logloss", "auc"],
    "enable_kd": True,
    "input_tab_dim": 11,
    "is_binary": True,
    "num_classes": 2,
    "loss_epsilon": 1e-15,
    "loss_epsilon_norm": 1e-10,
    "loss_similarity_min_distance": 1e-10,
    "loss_clip_similarity_inverse": 1e10,
    "loss_delta_lr": 0.01,
    "loss_sqrt_normalize": True,
    "loss_normalize_gradients": True,
    "loss_log_level": "INFO",
}


def test_a_job_file_of_the_older_script_runs_as_it_is(
    jobs: Jobs, job_log: pytest.LogCaptureFixture
) -> None:
    assert set(OLDER_SCRIPT) == set(IGNORED_NAMES)
    base = jobs.run(**OLDER_SCRIPT)
    (line,) = [text for text in job_log.messages if text.startswith("Ignored")]
    assert set(line.split(": ")[1].split(", ")) == set(OLDER_SCRIPT)
    assert model_file(base).read_bytes() == model_file(jobs.run()).read_bytes()
    assert model_json(base, "hyperparameters.json").items() >= OLDER_SCRIPT.items()


def test_null_means_the_default(jobs: Jobs) -> None:
    given = settings({})
    nulls = {knob: None for knob in KNOBS if knob not in given}
    assert model_file(jobs.run(**nulls)).read_bytes() == model_file(jobs.run()).read_bytes()


def test_all_violations_are_reported_at_once(tmp_path: Path) -> None:
    values = settings(
        {
            "num_leaves": 1,
            "learning_rate": "fast",
            "numleaves": 31,
            "num_tasks": 5,
            "cat_field_list": ["country", "isFraud"],
            "bagging_fraction": 0,
        }
    )
    del values["loss_type"]
    write_tree(tmp_path, splits(), values)
    done = run_script(tmp_path)
    file = tmp_path / "code" / "hyperparams" / "hyperparameters.json"
    lines = [
        "Missing required key in hyperparameters: loss_type",
        f'learning_rate must be a number > 0 and <= 1, found "fast" (in {file})',
        f"num_leaves must be an integer >= 2, found 1 (in {file})",
        f"bagging_fraction must be a number > 0 and <= 1, found 0 (in {file})",
        f'Unknown hyperparameter "numleaves"; the nearest known name is "num_leaves" (in {file})',
        f'label_name "isFraud" is also in cat_field_list, but a label is no feature (in {file})',
        f"num_tasks is 5, but task_label_names has 2 names (in {file})",
    ]
    cause, *reported = (tmp_path / "output" / "failure").read_text().splitlines()
    assert reported == lines
    assert cause.startswith(f"7 problems in the hyperparameters: {lines[0]}; ")
    assert len(cause) <= 1024
    assert (done.returncode, done.stderr) == (1, f"{cause}\n")
    assert "Traceback" not in done.stdout


def threads_in_training(base: Path) -> int:
    """Number of threads of the process that trains, in the middle of it; it is killed then."""
    with start_script(base) as process:
        assert process.stdout is not None
        assert any(line.startswith("iteration") for line in process.stdout)
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        n_threads = len(list(Path(f"/proc/{child}/task").iterdir()))
        assert process.poll() is None
        process.kill()
    return n_threads


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="more threads than processors are not used")
def test_num_threads_is_how_many_threads_train(tmp_path: Path) -> None:
    write_tree(tmp_path, splits(), {})
    counts = []
    for n_threads in (1, 2):
        values = settings({"num_threads": n_threads, "num_iterations": 2000})
        write_hyperparameters(tmp_path, values)
        counts.append(threads_in_training(tmp_path))
    assert counts[1] > counts[0]
