"""From the hyperparameters to a loss."""

from typing import Any

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.loss.adaptive import AdaptiveLoss
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.base import MultiTaskLoss
from models.loss.fixed import FixedLoss

LOSSES: dict[str, type[MultiTaskLoss]] = {
    "fixed": FixedLoss,
    "adaptive": AdaptiveLoss,
    "adaptive_kd": AdaptiveDistillationLoss,
}


class LossFactory:
    """Builds the loss that `loss_type` names."""

    @staticmethod
    def create(hyperparams: LightGBMMtModelHyperparameters) -> MultiTaskLoss:
        """The loss; the hyperparameters know their tasks."""
        if hyperparams.num_tasks is None or hyperparams.main_task_index is None:
            raise ValueError("the hyperparameters do not know their tasks yet: call with_tasks")
        loss_class = LOSSES[hyperparams.loss_type]
        settings: dict[str, Any] = {
            "n_tasks": hyperparams.num_tasks,
            "main_task": hyperparams.main_task_index,
            "main_task_weight": hyperparams.loss_main_task_weight,
            "beta": hyperparams.loss_beta,
        }
        if issubclass(loss_class, AdaptiveLoss):
            settings |= {
                "weight_method": hyperparams.loss_weight_method,
                "weight_lr": hyperparams.loss_weight_lr,
                "update_frequency": hyperparams.loss_weight_update_frequency,
            }
        if issubclass(loss_class, AdaptiveDistillationLoss):
            settings |= {
                "kd_weight": hyperparams.loss_kd_weight,
                "patience": hyperparams.loss_patience,
                "teacher": hyperparams.loss_kd_teacher,
            }
        return loss_class(**settings)
