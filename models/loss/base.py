"""What every multi-task loss offers to the training.

Array layout, for all losses: a `raw_score`, `prob`, `label`, `grad` or `hess` array has the shape
(n rows, K tasks). Raw scores are log-odds. Derivatives are those of the task's own loss, *not*
multiplied by the task's weight: a leaf value is the optimum of its own task whatever the weight.
The weights decide which tasks steer the splits (see `models.engine.split_gradient`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.loss.logloss import logloss, logloss_grad_hess


@dataclass(frozen=True)
class Distillation:
    """Who learns from whom in this iteration.

    Attributes:
        students: Indices of the struggling tasks.
        teacher_score: Raw scores of the teachers, shape (n, K), of which the students' columns
            count; None when the main task's present probabilities are the teacher.
    """

    students: tuple[int, ...] = ()
    teacher_score: NDArray[np.floating] | None = None

    def of_rows(self, rows: slice) -> "Distillation":
        """The same, for some of the rows."""
        if self.teacher_score is None or not self.students:
            return self
        return Distillation(self.students, self.teacher_score[rows])


NO_DISTILLATION = Distillation()


@dataclass(frozen=True)
class MultiTaskLoss(ABC):
    """Loss of K binary tasks: ``sum_k w_k * logloss(y_k, p_k)``, plus what a subclass adds.

    Attributes:
        n_tasks: K, at least 2.
        main_task: Index of the main task.
        main_task_weight: The main task's weight, in (0, 1].
        beta: The weight of each other task, in [0, 1].
    """

    n_tasks: int
    main_task: int
    main_task_weight: float = 0.5
    beta: float = 0.5

    @abstractmethod
    def initial_weights(self) -> NDArray[np.float64]:
        """Task weights before the first iteration, shape (K,)."""

    def configured_weights(self) -> NDArray[np.float64]:
        """Task weights as configured, unscaled, shape (K,)."""
        weights = np.full(self.n_tasks, self.beta, dtype=np.float64)
        weights[self.main_task] = self.main_task_weight
        return weights

    def grad_hess(
        self,
        prob: NDArray[np.floating],
        label: NDArray[np.generic],
        grad: NDArray[np.floating],
        hess: NDArray[np.floating],
        distillation: Distillation = NO_DISTILLATION,
    ) -> None:
        """Writes each task's derivatives with respect to its raw scores, shape (n, K)."""
        del distillation
        logloss_grad_hess(prob, label, grad, hess)

    def value(
        self,
        raw_score: NDArray[np.floating],
        label: NDArray[np.generic],
        distillation: Distillation = NO_DISTILLATION,
    ) -> NDArray[np.floating]:
        """Loss of every row and task, shape (n, K), unweighted."""
        del distillation
        return logloss(raw_score, label)
