"""`adaptive_kd`: adaptive weights, and distillation for struggling tasks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.loss.adaptive import AdaptiveLoss
from models.loss.base import NO_DISTILLATION, Distillation
from models.loss.distillation import add_distillation_grad_hess, squared_gap
from models.loss.logloss import logloss, logloss_grad_hess, sigmoid


@dataclass(frozen=True)
class AdaptiveDistillationLoss(AdaptiveLoss):
    """`AdaptiveLoss`, where a struggling task k also pays ``kd_weight * (p_k - q_k)^2`` per row.

    Attributes:
        kd_weight: Weight of the distillation term, at least 0.
        patience: Evaluations without a better validation AUC before a task is struggling.
        teacher: `main`: q is the main task's present probability; `best_self`: q is the task's own
            probability at its best iteration.
    """

    kd_weight: float = 0.1
    patience: int = 5
    teacher: str = "main"

    def grad_hess(
        self,
        prob: NDArray[np.floating],
        label: NDArray[np.generic],
        grad: NDArray[np.floating],
        hess: NDArray[np.floating],
        distillation: Distillation = NO_DISTILLATION,
    ) -> None:
        """Writes each task's derivatives, with the distillation term where a task struggles."""
        logloss_grad_hess(prob, label, grad, hess)
        for task in distillation.students:
            add_distillation_grad_hess(
                prob[:, task],
                self._teacher_prob(prob, distillation, task),
                self.kd_weight,
                grad[:, task],
                hess[:, task],
            )

    def value(
        self,
        raw_score: NDArray[np.floating],
        label: NDArray[np.generic],
        distillation: Distillation = NO_DISTILLATION,
    ) -> NDArray[np.floating]:
        """Loss of every row and task, with the distillation term where a task struggles."""
        loss = logloss(raw_score, label)
        prob = sigmoid(raw_score)
        for task in distillation.students:
            teacher_prob = self._teacher_prob(prob, distillation, task)
            loss[:, task] += squared_gap(prob[:, task], teacher_prob, self.kd_weight)
        return loss

    def _teacher_prob(
        self, prob: NDArray[np.floating], distillation: Distillation, task: int
    ) -> NDArray[np.floating]:
        if distillation.teacher_score is None:
            return prob[:, self.main_task]
        return sigmoid(np.ascontiguousarray(distillation.teacher_score[:, task]))
