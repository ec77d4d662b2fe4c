"""From the hyperparameters to a loss."""

from typing import Any

import pytest
from engine_cases import hyperparameters

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.loss.adaptive import AdaptiveLoss
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.base import MultiTaskLoss
from models.loss.factory import LOSSES, LossFactory
from models.loss.fixed import FixedLoss


@pytest.mark.parametrize(
    ("loss_type", "loss_class"),
    [
        ("fixed", FixedLoss),
        ("adaptive", AdaptiveLoss),
        ("adaptive_kd", AdaptiveDistillationLoss),
    ],
)
def test_the_type_picks_the_class(loss_type: str, loss_class: type[MultiTaskLoss]) -> None:
    assert type(LossFactory.create(hyperparameters(loss_type=loss_type))) is loss_class


def test_every_type_of_the_schema_has_a_class() -> None:
    allowed = LightGBMMtModelHyperparameters.model_json_schema()["properties"]["loss_type"]["enum"]
    assert sorted(LOSSES) == sorted(allowed)


@pytest.mark.parametrize(
    ("knobs", "attribute", "value"),
    [
        ({}, "n_tasks", 3),
        ({"label_name": "task 2"}, "main_task", 2),
        ({"loss_main_task_weight": 0.9}, "main_task_weight", 0.9),
        ({"loss_beta": 0.1}, "beta", 0.1),
        ({"loss_weight_method": "sqrt"}, "weight_method", "sqrt"),
        ({"loss_weight_lr": 0.7}, "weight_lr", 0.7),
        ({"loss_weight_update_frequency": 3}, "update_frequency", 3),
        ({"loss_kd_weight": 4.0}, "kd_weight", 4.0),
        ({"loss_patience": 9}, "patience", 9),
        ({"loss_kd_teacher": "best_self"}, "teacher", "best_self"),
    ],
)
def test_every_knob_arrives(knobs: dict[str, Any], attribute: str, value: object) -> None:
    loss = LossFactory.create(hyperparameters(loss_type="adaptive_kd", **knobs))
    assert getattr(loss, attribute) == value


def test_tasks_that_are_not_known_yet_are_an_error() -> None:
    values = hyperparameters().model_dump(
        exclude={"task_label_names", "num_tasks", "main_task_index"}
    )
    undecided = LightGBMMtModelHyperparameters.parse(values)
    with pytest.raises(ValueError, match="do not know their tasks yet: call with_tasks"):
        LossFactory.create(undecided)
    assert LossFactory.create(undecided.with_tasks(["task 0", "b"])).n_tasks == 2
