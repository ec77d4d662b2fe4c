"""The schema: ranges, defaults, contradictions, messages and knobs without effect."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from exceptions import HyperparameterError
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES, OTHER_SPELLINGS

TASKS = ["isFraud", "isCard", "isDebit"]
MINIMAL: dict[str, Any] = {
    "tab_field_list": ["amount", "age"],
    "cat_field_list": ["country"],
    "label_name": "isFraud",
    "loss_type": "adaptive",
}
FULL = MINIMAL | {"task_label_names": TASKS}

# Per knob: values that are taken, as they are stored, and refused values with what is wanted.
RANGES: dict[str, tuple[list[Any], list[Any], str]] = {
    "tab_field_list": ([["a"], []], ["a,b", 3, [1], [""], {"a": 1}], "a list of column names"),
    "cat_field_list": ([["a"], []], ["a,b", [None], ["a\nb"]], "a list of column names"),
    "label_name": (["isFraud"], ["", "  ", "a\nb", "\ud800", 3, True], "a column name"),
    "task_label_names": ([TASKS], [["isFraud"], "isFraud", 2], "a list of at least 2 column names"),
    "main_task_index": ([0], [-1, 0.5, True, "x"], "an integer >= 0"),
    "num_tasks": ([3], [1, True], "an integer >= 2"),
    "id_name": (["key", "id"], ["", 7], "a column name"),
    "sample_weight_name": (["w"], ["", 7], "a column name"),
    "task_weight_columns": ([{"isCard": "w"}, {}], [["w"], "w", {"isCard": 1}], "an object"),
    "amount_name": (["amount", "eur"], ["", 7, "a\nb"], "a column name"),
    "previous_score_columns": ([{"isCard": "old"}, {}], [["old"], {"isCard": 1}], "an object"),
    "missing_labels": (["error", "mask"], ["drop", True], "one of error, mask"),
    "loss_type": (
        ["fixed", "adaptive", "adaptive_kd"],
        ["Fixed", "kd", 1, ["fixed"], {}],
        "one of fixed, adaptive, adaptive_kd",
    ),
    "loss_beta": ([0.0, 1.0], [-0.1, 1.1, "x", True, float("nan")], "a number >= 0 and <= 1"),
    "loss_main_task_weight": ([1.0], [0.0, 1.1], "a number > 0 and <= 1"),
    "loss_weight_lr": ([0.0, 1.0], [-0.1, 1.1], "a number >= 0 and <= 1"),
    "loss_weight_method": (
        ["standard", "tenIters", "sqrt", "delta"],
        ["teniters"],
        "one of standard, tenIters, sqrt, delta",
    ),
    "loss_weight_update_frequency": ([1], [0, 1.5], "an integer >= 1"),
    "loss_patience": ([1], [0], "an integer >= 1"),
    "loss_kd_weight": ([0.0, 7.5], [-1.0, float("inf")], "a number >= 0"),
    "loss_kd_teacher": (["main", "best_self"], ["self"], "one of main, best_self"),
    "loss_split_gradient": (
        ["projection", "weighted_sum"],
        ["sum"],
        "one of projection, weighted_sum",
    ),
    "loss_cache_predictions": ([True, False], [1, "yes"], "true or false"),
    "loss_precompute_indices": ([True, False], [0, ""], "true or false"),
    "num_iterations": ([1], [0, "1_0"], "an integer >= 1"),
    "learning_rate": ([1.0, 1e-6], [0.0, 1.1], "a number > 0 and <= 1"),
    "num_leaves": ([2, 131_072], [1, True, 2.5, "many", [31]], "an integer >= 2"),
    "max_depth": ([-1, 1, 400], [0, -2, True], "-1 or an integer >= 1"),
    "min_data_in_leaf": ([0], [-1], "an integer >= 0"),
    "min_sum_hessian_in_leaf": ([0.0], [-1.0], "a number >= 0"),
    "lambda_l1": ([0.0, 5.0], [-1.0], "a number >= 0"),
    "lambda_l2": ([0.0, 5.0], [-1.0], "a number >= 0"),
    "min_gain_to_split": ([0.0, 5.0], [-1.0], "a number >= 0"),
    "max_bin": ([2, 255], [1, 256], "an integer >= 2 and <= 255"),
    "feature_fraction": ([0.1, 1.0], [0.0, 1.1], "a number > 0 and <= 1"),
    "bagging_fraction": ([0.1, 1.0], [0.0, 1.1], "a number > 0 and <= 1"),
    "bagging_freq": ([0, 3], [-1], "an integer >= 0"),
    "boosting_type": (["gbdt"], ["dart"], "gbdt"),
    "use_quantized_grad": (["auto", True, False], ["maybe", 1], "auto or true or false"),
    "num_grad_quant_bins": ([2, 127], [1, 128], "an integer >= 2 and <= 127"),
    "seed": ([0], [-1], "an integer >= 0"),
    "num_threads": ([0, 8], [-1], "an integer >= 0"),
    "eval_frequency": ([1], [0], "an integer >= 1"),
    "early_stopping_rounds": ([0, 50], [-1], "an integer >= 0"),
    "early_stopping_metric": (
        ["main_auc", "mean_auc", "mean_logloss"],
        ["auc"],
        "one of main_auc, mean_auc, mean_logloss",
    ),
    "calibrate_intercept": ([True, False], [1, "yes"], "true or false"),
    "checkpoint_frequency": ([1], [0], "an integer >= 1"),
    "risk_table_smoothing": (["auto", 0.0, 20.0], [-1.0, "some", "1e999"], "auto or a number >= 0"),
    "risk_table_folds": ([2], [1], "an integer >= 2"),
    "risk_tables": (["auto", "main", "per_task"], ["each", True], "one of auto, main, per_task"),
    "init_model": (["earlier", "/opt/ml/earlier"], ["", 3, "a\nb"], "a path, as text in one line"),
    "monotone_constraints": (
        [{"amount": 1}, {"isCard": {"age": -1}, "isFraud": {}}, {}],
        [{"amount": 2}, {"amount": True}, [1], "amount", {"isCard": {"age": 0}}],
        "an object",
    ),
    "interaction_constraints": (
        [[["amount"], ["age", "country"]], []],
        [["amount"], "amount", [[1]]],
        "a list of lists of features",
    ),
    "task_base_rates": (
        [{"isCard": 0.01}, {}],
        [0.01, {"isCard": 1.0}, {"isCard": 0.0}, [0.1]],
        "an object",
    ),
}

# Defaults of the knobs that are not required, without tasks.
DEFAULTS = {
    "task_label_names": None,
    "main_task_index": None,
    "num_tasks": None,
    "id_name": "id",
    "sample_weight_name": None,
    "task_weight_columns": None,
    "amount_name": None,
    "previous_score_columns": None,
    "missing_labels": "error",
    "loss_beta": 0.5,
    "loss_main_task_weight": 0.5,
    "loss_weight_lr": 0.1,
    "loss_weight_method": "standard",
    "loss_weight_update_frequency": 10,
    "loss_patience": 5,
    "loss_kd_weight": 0.1,
    "loss_kd_teacher": "main",
    "loss_split_gradient": "projection",
    "loss_cache_predictions": True,
    "loss_precompute_indices": True,
    "num_iterations": 100,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "max_depth": -1,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 1e-3,
    "lambda_l1": 0.0,
    "lambda_l2": 6.0,
    "min_gain_to_split": 0.0,
    "max_bin": 255,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    "boosting_type": "gbdt",
    "use_quantized_grad": "auto",
    "num_grad_quant_bins": 64,
    "seed": 42,
    "num_threads": 0,
    "eval_frequency": 5,
    "early_stopping_rounds": 0,
    "early_stopping_metric": "main_auc",
    "calibrate_intercept": False,
    "checkpoint_frequency": None,
    "risk_table_smoothing": "auto",
    "risk_table_folds": 5,
    "risk_tables": "auto",
    "monotone_constraints": None,
    "interaction_constraints": None,
    "task_base_rates": None,
    "init_model": None,
}

HAS_EFFECT = None
# Per knob: settings under which it does nothing and the reason, or HAS_EFFECT if there are none.
EFFECTS: dict[str, list[tuple[dict[str, Any], str]] | None] = {
    "tab_field_list": HAS_EFFECT,
    "cat_field_list": HAS_EFFECT,
    "label_name": HAS_EFFECT,
    "task_label_names": HAS_EFFECT,
    "main_task_index": HAS_EFFECT,  # checked for agreement
    "num_tasks": HAS_EFFECT,  # checked for agreement
    "id_name": HAS_EFFECT,
    "sample_weight_name": HAS_EFFECT,
    "task_weight_columns": HAS_EFFECT,
    "amount_name": HAS_EFFECT,
    "previous_score_columns": HAS_EFFECT,
    "missing_labels": HAS_EFFECT,
    "monotone_constraints": HAS_EFFECT,
    "interaction_constraints": HAS_EFFECT,
    "task_base_rates": HAS_EFFECT,
    "init_model": HAS_EFFECT,
    "loss_type": HAS_EFFECT,
    "loss_beta": HAS_EFFECT,
    "loss_main_task_weight": HAS_EFFECT,
    "loss_weight_lr": [
        ({"loss_weight_lr": 0.2, "loss_type": "fixed"}, "loss_type is fixed"),
        ({"loss_weight_lr": 0.2, "num_iterations": 10}, "no tree is left"),
        (
            {"loss_weight_lr": 0.2, "num_iterations": 9, "loss_weight_method": "tenIters"},
            "no tree is left",
        ),
    ],
    "loss_weight_method": [
        ({"loss_weight_method": "sqrt", "loss_type": "fixed"}, "loss_type is fixed"),
        ({"loss_weight_method": "sqrt", "num_iterations": 10}, "no tree is left"),
        ({"loss_weight_method": "sqrt", "loss_weight_lr": 0}, "loss_weight_lr is 0"),
    ],
    "loss_weight_update_frequency": [
        ({"loss_weight_update_frequency": 5, "loss_type": "fixed"}, "loss_type is fixed"),
        (
            {"loss_weight_update_frequency": 5, "loss_weight_method": "tenIters"},
            "loss_weight_method is tenIters",
        ),
        ({"loss_weight_update_frequency": 5, "loss_weight_lr": 0}, "loss_weight_lr is 0"),
    ],
    "loss_patience": [
        ({"loss_patience": 5}, "loss_type is adaptive"),
        ({"loss_patience": 5, "loss_type": "fixed"}, "loss_type is fixed"),
    ],
    "loss_kd_weight": [
        ({"loss_kd_weight": 2.0}, "loss_type is adaptive"),
        (
            {"loss_kd_weight": 2.0, "loss_type": "adaptive_kd", "num_iterations": 24},
            "fewer evaluations",
        ),
    ],
    "loss_kd_teacher": [
        ({"loss_kd_teacher": "best_self"}, "loss_type is adaptive"),
        (
            {"loss_kd_teacher": "best_self", "loss_type": "adaptive_kd", "loss_kd_weight": 0},
            "loss_kd_weight is 0",
        ),
        (
            {"loss_kd_teacher": "best_self", "loss_type": "adaptive_kd", "num_iterations": 24},
            "fewer evaluations",
        ),
    ],
    "loss_split_gradient": HAS_EFFECT,
    "loss_cache_predictions": [({"loss_cache_predictions": False}, "computed once per iteration")],
    "loss_precompute_indices": [({"loss_precompute_indices": True}, "always built once")],
    "num_iterations": HAS_EFFECT,
    "learning_rate": HAS_EFFECT,
    "num_leaves": [({"num_leaves": 9, "max_depth": 3}, "max_depth 3 allows 8 leaves")],
    "max_depth": HAS_EFFECT,
    "min_data_in_leaf": HAS_EFFECT,
    "min_sum_hessian_in_leaf": HAS_EFFECT,
    "lambda_l1": HAS_EFFECT,
    "lambda_l2": HAS_EFFECT,
    "min_gain_to_split": HAS_EFFECT,
    "max_bin": HAS_EFFECT,
    "feature_fraction": HAS_EFFECT,
    "bagging_fraction": [({"bagging_fraction": 0.5, "bagging_freq": 0}, "bagging_freq is 0")],
    "bagging_freq": [({"bagging_freq": 2}, "bagging_fraction is 1")],
    "boosting_type": HAS_EFFECT,  # any other than the one there is ends the job
    "use_quantized_grad": HAS_EFFECT,
    "num_grad_quant_bins": [
        ({"num_grad_quant_bins": 16, "use_quantized_grad": False}, "use_quantized_grad is false"),
        ({"num_grad_quant_bins": 16, "feature_fraction": 0.5}, "sampled"),
        ({"num_grad_quant_bins": 16, "bagging_fraction": 0.5}, "sampled"),
    ],
    "seed": HAS_EFFECT,
    "num_threads": HAS_EFFECT,
    "eval_frequency": HAS_EFFECT,
    "early_stopping_rounds": [
        ({"early_stopping_rounds": 5, "num_iterations": 5}, "the only evaluation")
    ],
    "early_stopping_metric": [
        ({"early_stopping_metric": "mean_auc"}, "early_stopping_rounds is 0"),
        (
            {"early_stopping_metric": "mean_auc", "early_stopping_rounds": 5, "num_iterations": 5},
            "the only evaluation",
        ),
    ],
    "calibrate_intercept": HAS_EFFECT,
    "checkpoint_frequency": HAS_EFFECT,
    "risk_table_smoothing": [
        ({"risk_table_smoothing": 5, "cat_field_list": []}, "cat_field_list is empty")
    ],
    "risk_table_folds": [
        ({"risk_table_folds": 5, "cat_field_list": []}, "cat_field_list is empty")
    ],
    "risk_tables": [({"risk_tables": "per_task", "cat_field_list": []}, "cat_field_list is empty")],
}

CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"tab_field_list": [], "cat_field_list": []},
        "tab_field_list and cat_field_list are both empty: at least one feature is needed",
    ),
    ({"tab_field_list": ["a", "b", "a"]}, 'tab_field_list names more than once: "a"'),
    ({"cat_field_list": ["a", "a"]}, 'cat_field_list names more than once: "a"'),
    (
        {"task_label_names": ["isFraud", "b", "b"]},
        'task_label_names names more than once: "b"',
    ),
    (
        {"tab_field_list": ["country", "amount"]},
        'in both tab_field_list and cat_field_list: "country"',
    ),
    (
        {"tab_field_list": ["isFraud"]},
        'label_name "isFraud" is also in tab_field_list, but a label is no feature',
    ),
    (
        {"cat_field_list": ["isCard", "isDebit"]},
        "in both cat_field_list and task_label_names, but a label is no feature: "
        '"isCard", "isDebit"',
    ),
    (
        {"label_name": "is_card"},
        'label_name "is_card" is not among task_label_names ("isFraud", "isCard", "isDebit"); '
        'the nearest is "isCard"',
    ),
    (
        {"main_task_index": 2},
        'main_task_index is 2, but label_name "isFraud" has index 0 in task_label_names',
    ),
    ({"num_tasks": 4}, "num_tasks is 4, but task_label_names has 3 names"),
    ({"id_name": "amount"}, 'id_name "amount" is also in tab_field_list'),
    ({"id_name": "isDebit"}, 'id_name "isDebit" is also in task_label_names'),
    ({"id_name": "isFraud"}, 'id_name "isFraud" is also in label_name'),
    ({"cat_field_list": ["id"]}, 'id_name "id" (the default) is also in cat_field_list'),
    (
        {"sample_weight_name": "age"},
        'sample_weight_name uses columns that are also in tab_field_list: "age"',
    ),
    (
        {"sample_weight_name": "id"},
        'sample_weight_name uses columns that are also in id_name: "id"',
    ),
    (
        {"task_weight_columns": {"isCard": "isDebit"}},
        'task_weight_columns uses columns that are also in task_label_names: "isDebit"',
    ),
    (
        {"amount_name": "country"},
        'amount_name needs columns of numbers, but these are also in cat_field_list: "country"',
    ),
    (
        {"previous_score_columns": {"isCard": "isFraud"}},
        "previous_score_columns needs columns of numbers, but these are also in label_name: "
        '"isFraud"',
    ),
    (
        {"previous_score_columns": {"isKard": "old"}},
        'previous_score_columns has tasks that are not among task_label_names ("isFraud", '
        '"isCard", "isDebit"): "isKard"',
    ),
    (
        {"task_weight_columns": {"isKard": "w"}},
        'task_weight_columns has tasks that are not among task_label_names ("isFraud", "isCard", '
        '"isDebit"): "isKard"',
    ),
    (
        {"use_quantized_grad": True, "bagging_fraction": 0.5},
        "use_quantized_grad is true, but LightGBM 4.7 crashes with it when bagging_fraction is "
        'below 1 (0.5): set it to "auto" or false, or sample no rows',
    ),
    (
        {"use_quantized_grad": True, "feature_fraction": 0.5},
        "use_quantized_grad is true, but models degrade with it when feature_fraction is below 1 "
        '(0.5): set it to "auto" or false, or sample no features',
    ),
    (
        {"num_leave": 3},
        'Unknown hyperparameter "num_leave"; the nearest known name is "num_leaves"',
    ),
    (
        {"eta": 3},
        'Unknown hyperparameter "eta"; the nearest known name is "learning_rate"',
    ),
]


def parse(changes: dict[str, Any], base: dict[str, Any] = FULL) -> LightGBMMtModelHyperparameters:
    values = base | changes
    return LightGBMMtModelHyperparameters.parse(values, dict.fromkeys(values, "in h.json"))


def test_the_tables_of_this_file_name_every_knob() -> None:
    knobs = LightGBMMtModelHyperparameters.model_fields
    assert set(RANGES) == set(EFFECTS) == set(knobs)
    assert set(DEFAULTS) == {name for name, field in knobs.items() if not field.is_required()}
    assert all(field.description for field in knobs.values())
    assert not set(IGNORED_NAMES) & set(knobs)
    assert set(OTHER_SPELLINGS.values()) <= set(knobs)
    assert not set(OTHER_SPELLINGS) & {*knobs, *IGNORED_NAMES}


@pytest.mark.parametrize(
    ("knob", "value"), [(knob, value) for knob, row in RANGES.items() for value in row[0]]
)
def test_values_in_range_are_taken_as_they_are(knob: str, value: Any) -> None:
    stored = getattr(parse({knob: value}), knob)
    assert stored == value
    assert type(stored) is type(value)


@pytest.mark.parametrize(
    ("knob", "value", "wanted"),
    [(knob, value, row[2]) for knob, row in RANGES.items() for value in row[1]],
)
def test_values_out_of_range_are_refused(knob: str, value: Any, wanted: str) -> None:
    with pytest.raises(HyperparameterError, match=f"^{knob} must be {re.escape(wanted)}") as caught:
        parse({knob: value})
    assert re.fullmatch(r".*, found .+ \(in h\.json\)", str(caught.value))
    with pytest.raises(ValidationError, match=knob):
        LightGBMMtModelHyperparameters.model_validate(FULL | {knob: value})


def test_message_names_the_range_the_value_and_the_file() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"num_leaves": 1})
    assert str(caught.value) == "num_leaves must be an integer >= 2, found 1 (in h.json)"


def test_a_remote_limit_is_named_to_those_who_pass_it() -> None:
    with pytest.raises(HyperparameterError, match=r"an integer >= 2 and <= 131072, found 131073"):
        parse({"num_leaves": 131_073})
    with pytest.raises(HyperparameterError, match=r"-1 or an integer >= 1 and <= 2147483647"):
        parse({"max_depth": 2**31})


@pytest.mark.parametrize("null", [False, True])
def test_defaults(null: bool) -> None:
    given = MINIMAL | (dict.fromkeys(DEFAULTS) if null else {})
    model = parse({}, given)
    assert model.model_dump() == MINIMAL | DEFAULTS
    assert model.model_fields_set == set(MINIMAL)


def test_derived_values() -> None:
    model = parse({"label_name": "isDebit", "bagging_fraction": 0.5})
    assert (model.num_tasks, model.main_task_index, model.bagging_freq) == (3, 2, 1)
    assert model.feature_list == ["amount", "age", "country"]
    assert model.main_task_name == "isDebit"
    assert model.samples_rows
    assert not parse({"bagging_fraction": 0.5, "bagging_freq": 0}).samples_rows
    assert not parse({"bagging_freq": 2}).samples_rows


@pytest.mark.parametrize(
    ("changes", "quantizes"),
    [
        ({}, True),
        ({"use_quantized_grad": True}, True),
        ({"use_quantized_grad": False}, False),
        ({"bagging_fraction": 0.5}, False),
        ({"bagging_fraction": 0.5, "bagging_freq": 0}, True),
        ({"bagging_fraction": 0.5, "bagging_freq": 0, "use_quantized_grad": True}, True),
        ({"feature_fraction": 0.5}, False),
    ],
)
def test_gradients_are_quantized_only_without_sampling(
    changes: dict[str, Any], quantizes: bool
) -> None:
    assert parse(changes).quantizes_gradients is quantizes


@pytest.mark.parametrize("null", [False, True])
def test_missing_required_keys_are_reported_together(null: bool) -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({}, dict.fromkeys(MINIMAL) if null else {})
    first, *lines = str(caught.value).split("\n")
    assert first.startswith("4 problems in the hyperparameters: Missing required key")
    assert lines == [f"Missing required key in hyperparameters: {name}" for name in MINIMAL]


@pytest.mark.parametrize(("changes", "message"), CONTRADICTIONS)
def test_contradictions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse(changes)
    assert str(caught.value) == message + " (in h.json)"
    with pytest.raises(ValidationError, match=re.escape(message)):
        LightGBMMtModelHyperparameters.model_validate(FULL | changes)


def test_all_kinds_of_problems_are_reported_at_once() -> None:
    values = FULL | {
        "num_leaves": 1,
        "loss_beta": "much",
        "numleaves": 3,
        "num_tasks": 2,
        "id_name": "age",
        "cat_field_list": ["isCard", "isCard"],
    }
    del values["loss_type"]
    with pytest.raises(HyperparameterError) as caught:
        LightGBMMtModelHyperparameters.parse(values)
    first, *lines = str(caught.value).split("\n")
    assert first == "8 problems in the hyperparameters: " + "; ".join(lines)
    assert lines == [
        "Missing required key in hyperparameters: loss_type",
        'loss_beta must be a number >= 0 and <= 1, found "much"',
        "num_leaves must be an integer >= 2, found 1",
        'Unknown hyperparameter "numleaves"; the nearest known name is "num_leaves"',
        'cat_field_list names more than once: "isCard"',
        'in both cat_field_list and task_label_names, but a label is no feature: "isCard"',
        "num_tasks is 2, but task_label_names has 3 names",
        'id_name "age" is also in tab_field_list',
    ]


def test_a_refused_value_brings_no_false_contradiction() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({"label_name": "", "bagging_fraction": 2, "use_quantized_grad": True})
    assert [line.split(" must be")[0] for line in str(caught.value).split("\n")[1:]] == [
        "label_name",
        "bagging_fraction",
    ]


def test_a_contradiction_is_not_hidden_by_a_refused_value_elsewhere() -> None:
    with pytest.raises(HyperparameterError, match=r"\nuse_quantized_grad is true, but LightGBM"):
        parse({"loss_beta": 2, "bagging_fraction": 0.5, "use_quantized_grad": True})


def test_messages_stay_short_and_in_one_line() -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse({f"unknown\n\u2028{i}": i for i in range(60)} | {"tab_field_list": [""] * 3000})
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + 61
    assert all(len(line) < 1024 for line in lines)
    assert '"" as item 10 and 2990 more' in lines[1]


def test_names_of_the_older_script_are_kept_and_have_no_effect() -> None:
    given = {name: [name, None, 1.5] for name in IGNORED_NAMES}
    model = parse(given)
    assert model.ignored == list(IGNORED_NAMES)
    assert json.loads(model.to_json()) | given == json.loads(model.to_json())
    assert parse({}).ignored == []
    assert parse({"batch_size": None}).ignored == ["batch_size"]


@pytest.mark.parametrize(
    ("knob", "settings", "reason"),
    [(knob, *row) for knob, rows in EFFECTS.items() for row in rows or []],
)
def test_knobs_that_do_nothing_are_reported_if_set(
    knob: str, settings: dict[str, Any], reason: str
) -> None:
    assert reason in parse(settings).without_effect()[knob]
    unset = {name: value for name, value in settings.items() if name != knob}
    if knob != "bagging_fraction":
        assert knob not in parse(unset).without_effect()


def test_knobs_with_effect_are_not_reported() -> None:
    values = {knob: row[0][0] for knob, row in RANGES.items()} | {
        "tab_field_list": ["a"],
        "cat_field_list": ["b"],
        "loss_type": "adaptive_kd",
        "loss_kd_weight": 1,
        "loss_weight_lr": 0.1,
        "num_iterations": 30,
        "bagging_fraction": 0.5,
        "bagging_freq": 2,
        "use_quantized_grad": "auto",
        "early_stopping_rounds": 10,
        "calibrate_intercept": False,
        "monotone_constraints": {"a": 1},
        "interaction_constraints": [["a"], ["b"]],
    }
    reported = parse(values, {}).without_effect()
    assert list(reported) == [
        "loss_cache_predictions",
        "loss_precompute_indices",
        "num_grad_quant_bins",
    ]
    unsampled = values | {"bagging_fraction": 1.0, "feature_fraction": 1.0}
    assert "num_grad_quant_bins" not in parse(unsampled, {}).without_effect()


def test_the_depth_caps_the_leaves_only_if_it_is_the_smaller() -> None:
    assert "num_leaves" not in parse({"num_leaves": 8, "max_depth": 3}).without_effect()
    assert (
        "num_leaves" not in parse({"num_leaves": 131_072, "max_depth": 2**31 - 1}).without_effect()
    )


def test_checkpoints_need_a_folder() -> None:
    model = parse({"checkpoint_frequency": 3})
    assert model.without_effect() == {}
    reason = {"checkpoint_frequency": "there is no folder for checkpoints"}
    assert model.without_effect(has_checkpoints=False) == reason


@pytest.mark.parametrize(
    "settings",
    [
        {"loss_weight_lr": 0.2, "num_iterations": 11},
        {"loss_kd_weight": 2.0, "loss_type": "adaptive_kd", "num_iterations": 25},
        {"early_stopping_rounds": 5, "num_iterations": 6},
    ],
)
def test_one_more_iteration_gives_a_knob_its_effect(settings: dict[str, Any]) -> None:
    assert parse(settings).without_effect() == {}


def test_risk_table_knobs_do_nothing_with_precomputed_tables() -> None:
    model = parse({"risk_table_folds": 3})
    assert model.without_effect() == {}
    reason = {"risk_table_folds": "the risk tables are precomputed"}
    assert model.without_effect(risk_tables_given=True) == reason


def test_with_tasks_fills_in_what_the_data_have() -> None:
    found = parse({"label_name": "isCard", "batch_size": 7}, MINIMAL).with_tasks(TASKS)
    assert found == parse({"label_name": "isCard", "batch_size": 7})
    assert (found.task_label_names, found.num_tasks, found.main_task_index) == (TASKS, 3, 1)
    assert "num_leaves" not in found.model_fields_set
    assert found.with_tasks(TASKS) == found


@pytest.mark.parametrize(
    ("given", "tasks", "message"),
    [
        ({}, ["isFraud"], "task_label_names must be a list of at least 2 column names .*, found"),
        ({}, ["a", "b"], r'label_name "isFraud" is not among .* \(found in the data\)$'),
        ({"num_tasks": 3}, TASKS[:2], "num_tasks is 3, but task_label_names has 2 names"),
        ({"main_task_index": 1}, TASKS, "main_task_index is 1, but label_name"),
        ({"tab_field_list": ["isCard"]}, TASKS, "in both tab_field_list and task_label_names"),
        (
            {"task_label_names": TASKS},
            TASKS[:2],
            'task_label_names is "isFraud", "isCard", "isDebit", but the tasks of the data are '
            '"isFraud", "isCard"',
        ),
    ],
)
def test_with_tasks_refuses_tasks_that_do_not_agree(
    given: dict[str, Any], tasks: list[str], message: str
) -> None:
    with pytest.raises(HyperparameterError, match=message):
        parse(given, MINIMAL).with_tasks(tasks)


def test_the_object_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse({}).num_leaves = 5
