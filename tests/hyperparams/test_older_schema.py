"""`hyperparameters.json` of the model directory is also what the older script's schema takes."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.sources import load_hyperparameters

TASKS = ["isFraud", "isCard"]
MINIMAL: dict[str, Any] = {
    "tab_field_list": ["amount", "age"],
    "cat_field_list": ["country"],
    "label_name": "isFraud",
    "loss_type": "adaptive",
    "task_label_names": TASKS,
}
Share = Annotated[float, Gt(0), Le(1)]
Count = Annotated[int, Ge(1)]


class OlderSchema(BaseModel):
    """What the older script demands: its required names, and the types and ranges of all."""

    full_field_list: list[str]
    cat_field_list: list[str]
    tab_field_list: list[str]
    id_name: str
    label_name: str
    multiclass_categories: list[int | str]
    task_label_names: list[str]
    main_task_index: Annotated[int, Ge(0)]
    num_leaves: int
    learning_rate: float
    boosting_type: Literal["gbdt", "rf", "dart", "goss"]
    num_iterations: Count
    max_depth: int
    min_data_in_leaf: Count
    feature_fraction: Share
    bagging_fraction: Share
    bagging_freq: Annotated[int, Ge(0)]
    lambda_l1: Annotated[float, Ge(0)]
    lambda_l2: Annotated[float, Ge(0)]
    early_stopping_rounds: Count | None
    seed: int | None
    loss_type: Literal["fixed", "adaptive", "adaptive_kd"]
    loss_beta: Annotated[float, Ge(0)]
    loss_main_task_weight: Annotated[float, Gt(0)]
    loss_weight_lr: Share
    loss_patience: Count
    loss_weight_method: Literal["tenIters", "sqrt", "delta", "ema"] | None
    loss_weight_update_frequency: Count


@pytest.mark.parametrize(
    ("given", "rounds", "method"),
    [
        ({}, None, None),
        ({"early_stopping_rounds": 0, "loss_weight_method": "standard"}, None, None),
        ({"early_stopping_rounds": None, "loss_weight_method": None}, None, None),
        ({"early_stopping_rounds": 7, "loss_weight_method": "sqrt"}, 7, "sqrt"),
    ],
)
def test_what_is_off_is_null_and_read_as_off(
    given: dict[str, Any], rounds: int | None, method: str | None, tmp_path: Path
) -> None:
    hp = LightGBMMtModelHyperparameters.parse(MINIMAL | given)
    assert (hp.early_stopping_rounds, hp.loss_weight_method) == (rounds or 0, method or "standard")
    older = OlderSchema.model_validate_json(hp.to_json())
    assert (older.early_stopping_rounds, older.loss_weight_method) == (rounds, method)
    (tmp_path / "hyperparameters.json").write_text(hp.to_json(), encoding="utf-8")
    again = load_hyperparameters(tmp_path, tmp_path / "none", None)
    assert again == hp
    assert again.to_json() == hp.to_json()
    fields = type(hp).model_fields
    assert [getattr(again, name) for name in fields] == [getattr(hp, name) for name in fields]


def test_the_columns_are_filled_in_unless_they_were_given() -> None:
    weights = {"sample_weight_name": "w", "task_weight_columns": {"isCard": "v"}}
    filled = json.loads(LightGBMMtModelHyperparameters.parse(MINIMAL | weights).to_json())
    features = ["amount", "age", "country"]
    assert filled["full_field_list"] == ["id", *features, *TASKS, "w", "v"]
    assert filled["multiclass_categories"] == [0, 1]
    given = {"full_field_list": ["all"], "multiclass_categories": ["no", "yes"]}
    kept = json.loads(LightGBMMtModelHyperparameters.parse(MINIMAL | given).to_json())
    assert kept.items() >= given.items()


def test_jobs_that_differ_are_not_equal() -> None:
    hp = LightGBMMtModelHyperparameters.parse(MINIMAL)
    assert hp == LightGBMMtModelHyperparameters.parse(MINIMAL | {"seed": 42})
    assert hp != LightGBMMtModelHyperparameters.parse(MINIMAL | {"seed": 1})
    assert hp != LightGBMMtModelHyperparameters.parse(MINIMAL | {"batch_size": 2})
    assert hp != MINIMAL
