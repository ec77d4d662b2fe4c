"""From the hyperparameters to everything that trains."""

import os
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from engine_cases import Problem, Run, hyperparameters, make_problem, run_training

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.structure import StructureSettings
from models.training.callbacks import (
    CheckpointWriter,
    EarlyStopping,
    StopOnRequest,
    TrainingStateCallback,
)
from models.training.factory import ModelFactory
from models.training.progress import Progress

CHANGED: dict[str, Any] = {
    "num_leaves": 9,
    "max_depth": 4,
    "min_data_in_leaf": 3,
    "min_sum_hessian_in_leaf": 0.5,
    "lambda_l1": 0.25,
    "min_gain_to_split": 0.1,
    "max_bin": 17,
    "feature_fraction": 0.6,
    "num_grad_quant_bins": 8,
    "seed": 7,
    "num_threads": 2,
}


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


@pytest.mark.parametrize("name", list(CHANGED))
def test_every_structure_knob_arrives(name: str) -> None:
    settings = ModelFactory(hyperparameters(**{name: CHANGED[name]})).booster_settings()
    assert getattr(settings.structure, name) == CHANGED[name]
    plain = ModelFactory(hyperparameters()).booster_settings().structure
    quantized = settings.structure.use_quantized_grad
    assert settings.structure == replace(
        plain, use_quantized_grad=quantized, **{name: CHANGED[name]}
    )


def test_no_structure_setting_is_left_out() -> None:
    others = {"use_quantized_grad", "interaction_constraints", "num_machines"}
    assert set(CHANGED) | others == set(vars(StructureSettings()))


@pytest.mark.parametrize(
    ("knobs", "quantized"),
    [
        ({}, True),
        ({"use_quantized_grad": "auto"}, True),
        ({"use_quantized_grad": False}, False),
        ({"use_quantized_grad": True}, True),
        ({"bagging_fraction": 0.7}, False),
        ({"feature_fraction": 0.7}, False),
        ({"bagging_fraction": 0.7, "bagging_freq": 0}, True),
    ],
)
def test_when_the_structure_is_quantized(knobs: dict[str, Any], quantized: bool) -> None:
    settings = ModelFactory(hyperparameters(**knobs)).booster_settings()
    assert settings.structure.use_quantized_grad == quantized


def test_threads_are_capped_and_heed_what_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processors = os.cpu_count() or 1
    assert ModelFactory(hyperparameters(num_threads=100_000)).n_threads == processors
    assert ModelFactory(hyperparameters(num_threads=1)).n_threads == 1
    # Joblib's own limit takes part in the smallest of all, as that of a container does.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    factory = ModelFactory(hyperparameters(num_threads=0))
    assert factory.n_threads == 1
    assert factory.booster_settings().structure.num_threads == 1


def test_on_several_hosts_the_structure_is_not_quantized() -> None:
    """LightGBM 4.7 crashes with it, or stops after a tree."""
    settings = ModelFactory(hyperparameters()).booster_settings(n_hosts=2)
    assert not settings.structure.use_quantized_grad
    assert settings.structure.num_machines == 2


def test_constraints_go_by_the_columns_that_features_come_from() -> None:
    knobs = hyperparameters(
        monotone_constraints={"task 0": {"f0": 1}, "task 2": {"f0": -1, "f2": 1}},
        interaction_constraints=[["f0", "f1"], ["f1", "f2"]],
    )
    settings = ModelFactory(knobs, ["f1", "f2", "f1", "f0"]).booster_settings()
    assert settings.structure.interaction_constraints == ((0, 2, 3), (0, 1, 2))
    assert settings.leaf_value.monotone is not None
    assert settings.leaf_value.monotone.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, -1]]


def test_one_direction_for_all_tasks() -> None:
    settings = ModelFactory(hyperparameters(monotone_constraints={"f1": -1})).booster_settings()
    assert settings.leaf_value.monotone is not None
    assert settings.leaf_value.monotone.tolist() == [[0, -1, 0, 0, 0]] * 3


def test_without_constraints_nothing_is_bound() -> None:
    empty = hyperparameters(monotone_constraints={}, interaction_constraints=[])
    for knobs in (hyperparameters(), empty):
        settings = ModelFactory(knobs).booster_settings()
        assert settings.leaf_value.monotone is None
        assert "interaction_constraints" not in settings.structure.lightgbm_params()


def test_all_cores_that_may_be_used_by_default() -> None:
    settings = ModelFactory(hyperparameters(num_threads=0)).booster_settings()
    assert settings.structure.num_threads == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("knobs", "attribute", "value"),
    [
        ({"learning_rate": 0.3}, "learning_rate", 0.3),
        ({"lambda_l1": 0.5}, "lambda_l1", 0.5),
        ({"lambda_l2": 2.5}, "lambda_l2", 2.5),
        ({"min_sum_hessian_in_leaf": 0.2}, "min_sum_hessian", 0.2),
    ],
)
def test_every_leaf_value_knob_arrives(knobs: dict[str, Any], attribute: str, value: float) -> None:
    settings = ModelFactory(hyperparameters(**knobs)).booster_settings()
    assert getattr(settings.leaf_value, attribute) == value


@pytest.mark.parametrize(
    ("knobs", "attribute", "value"),
    [
        ({}, "split_gradient", "projection"),
        ({"loss_split_gradient": "weighted_sum"}, "split_gradient", "weighted_sum"),
        ({"bagging_fraction": 0.7}, "bagging_fraction", 0.7),
        ({"bagging_fraction": 0.7}, "bagging_freq", 1),
        ({"bagging_fraction": 0.7, "bagging_freq": 5}, "bagging_freq", 5),
        ({}, "bagging_freq", 0),
        ({}, "keep_best_self", False),
        ({}, "base_rates", (None, None, None)),
        ({"task_base_rates": {"task 1": 0.01}}, "base_rates", (None, 0.01, None)),
        ({"loss_type": "adaptive_kd"}, "keep_best_self", False),
        ({"loss_type": "adaptive_kd", "loss_kd_teacher": "best_self"}, "keep_best_self", True),
        ({"loss_type": "adaptive", "loss_kd_teacher": "best_self"}, "keep_best_self", False),
    ],
)
def test_every_other_setting_arrives(knobs: dict[str, Any], attribute: str, value: object) -> None:
    settings = ModelFactory(hyperparameters(**knobs)).booster_settings()
    assert getattr(settings, attribute) == value


@pytest.mark.parametrize(
    ("knobs", "attribute", "value"),
    [
        ({}, "task_names", ["task 0", "task 1", "task 2"]),
        ({"label_name": "task 1"}, "main_task", 1),
        ({"loss_type": "adaptive_kd", "loss_patience": 3}, "patience", 3),
        ({"loss_type": "adaptive", "loss_patience": 3}, "patience", None),
        ({"early_stopping_metric": "mean_auc"}, "early_stopping_metric", "mean_auc"),
        ({}, "early_stopping_metric", "main_auc"),
    ],
)
def test_the_state_knows_what_it_must(knobs: Any, attribute: str, value: object) -> None:
    assert getattr(ModelFactory(hyperparameters(**knobs)).create_state(), attribute) == value


def kinds(*, save: bool = False, **knobs: Any) -> set[type]:
    factory = ModelFactory(hyperparameters(**knobs))
    state = factory.create_state()
    return {
        type(c) for c in factory.create_callbacks(state, bool, (lambda: None) if save else None)
    }


def test_callbacks_are_those_that_were_asked_for() -> None:
    always = {TrainingStateCallback, Progress, StopOnRequest}
    assert kinds() == always
    assert kinds(early_stopping_rounds=5) == always | {EarlyStopping}
    assert kinds(save=True) == always | {CheckpointWriter}


def n_iterations(run: Run) -> int:
    return int(lgb.Booster(model_str=run.text).current_iteration())


def test_without_early_stopping_all_trees_are_kept(problem: Problem) -> None:
    run = run_training(problem, hyperparameters(num_iterations=30, learning_rate=0.9))
    assert run.booster.state.best_iteration < 30
    assert n_iterations(run) == 30


def test_with_early_stopping_the_best_ones_are_kept(problem: Problem) -> None:
    knobs: dict[str, Any] = {"num_iterations": 30, "learning_rate": 0.9}
    run = run_training(problem, hyperparameters(early_stopping_rounds=100, **knobs))
    assert len(run.booster.trees) == 30
    assert n_iterations(run) == run.booster.state.best_iteration < 30
    stock = lgb.Booster(model_str=run_training(problem, hyperparameters(**knobs)).text)
    np.testing.assert_array_equal(
        run.model.predict(problem.valid_x),
        stock.predict(problem.valid_x, num_iteration=run.booster.state.best_iteration),
    )


def test_early_stopping_without_a_score_keeps_all_trees(problem: Problem) -> None:
    label = problem.valid.label.copy()
    label[:, 0] = 1
    undefined = replace(problem, valid=replace(problem.valid, label=label))
    run = run_training(undefined, hyperparameters(early_stopping_rounds=2))
    assert run.booster.state.best_score is None
    assert n_iterations(run) == 12


def test_the_file_notes_the_parameters(problem: Problem) -> None:
    run = run_training(problem, hyperparameters(num_iterations=1, min_data_in_leaf=11))
    assert "\n[min_data_in_leaf: 11]\n" in run.text
    assert "\n[learning_rate: 0.1]\n" in run.text
    assert "[num_threads" not in run.text


FINGERPRINT_NEUTRAL = {
    "num_iterations",
    "num_threads",
    "checkpoint_frequency",
    "calibrate_intercept",
    "amount_name",
    "previous_score_columns",
    "init_model",
}


def other_value(name: str, field: Any) -> Any:
    """A value that is not the default of a knob."""
    special: dict[str, Any] = {
        "tab_field_list": ["f0", "f1"],
        "cat_field_list": ["c"],
        "label_name": "task 1",
        "task_label_names": ["task 0", "task 2"],
        "main_task_index": None,
        "num_tasks": None,
        "boosting_type": None,
        "max_depth": 5,
        "max_bin": 63,
        "num_threads": 2,
        "checkpoint_frequency": 5,
        "risk_table_smoothing": 2.0,
        "use_quantized_grad": False,
        "task_weight_columns": {"task 1": "w"},
        "bagging_freq": 3,
        "loss_type": "adaptive",
        "loss_weight_method": "delta",
        "loss_kd_teacher": "best_self",
        "loss_split_gradient": "weighted_sum",
        "early_stopping_metric": "mean_auc",
        "missing_labels": "mask",
        "init_model": "earlier",
        "previous_score_columns": {"task 1": "score"},
        "risk_tables": "per_task",
        "monotone_constraints": {"f1": 1},
        "interaction_constraints": [["f0", "f1"], ["f2"]],
        "task_base_rates": {"task 1": 0.01},
    }
    if name in special:
        return special[name]
    default = field.default
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    if isinstance(default, float):
        return default / 2 or 0.5
    return "other"


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, field in LightGBMMtModelHyperparameters.model_fields.items()
        if other_value(name, field) is not None
    ],
)
def test_what_decides_the_trees_is_in_the_fingerprint(name: str) -> None:
    field = LightGBMMtModelHyperparameters.model_fields[name]
    plain = hyperparameters()
    changed = hyperparameters(**{name: other_value(name, field)})
    assert plain != changed
    same = ModelFactory(plain).fingerprint_text() == ModelFactory(changed).fingerprint_text()
    assert same == (name in FINGERPRINT_NEUTRAL)


def test_another_engine_is_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = ModelFactory(hyperparameters())
    before = factory.fingerprint_text()
    monkeypatch.setattr("models.training.factory.ENGINE_VERSION", -1)
    assert factory.fingerprint_text() != before
