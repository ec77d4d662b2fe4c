"""What evolves during training, in one place: it is what a checkpoint saves beside the trees."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class TrainingState:
    """Progress, weights and scores of a training run of K tasks.

    Attributes:
        task_names: Names of the tasks, in order.
        main_task: Index of the main task.
        patience: Evaluations without a better AUC before a task is struggling; None: no task ever
            is (the loss has no use for it).
        early_stopping_metric: What `best_score` is: `main_auc`, `mean_auc` or `mean_logloss`.
        initial_trees: Trees of the initial model, which no count of iterations includes.
        current_iteration: Number of iterations done.
        best_iteration: Number of iterations after which `best_score` was reached; 0 before the
            first evaluation.
        best_score: Best value of `early_stopping_metric` so far (the main task's validation AUC
            by default); None before the first evaluation, or where it is undefined.
        weight_evolution: Task weights: the initial ones, then one vector per update.
        last_similarity: Similarity to the main task at the last update; None before the first.
        evaluated_iterations: Number of iterations done at each evaluation.
        task_performances: Per task, one validation AUC per evaluation; nan where undefined.
        mean_loglosses: Mean validation log-loss over tasks, one per evaluation.
        patience_counters: Per task, evaluations since its best AUC.
        best_task_scores: Per task, the best AUC so far; None before one was defined.
        best_task_iterations: Per task, the number of iterations after which it was reached.
        struggling_periods: Per task, ``[first, end]`` pairs: the task was struggling from
            iteration `first` up to and without `end`; None as `end`: it still is.
        task_similarity: Similarity of every task to every other, known after the training.
        task_score_correlation: Correlation of the tasks' log-odds over the validation rows, known
            after the training.
        intercept_shift: What each task's log-odds in the model file are raised by, see
            `models.training.intercept`; None: they are as they were trained.
    """

    task_names: list[str]
    main_task: int
    patience: int | None = None
    early_stopping_metric: str = "main_auc"
    initial_trees: int = 0
    current_iteration: int = 0
    best_iteration: int = 0
    best_score: float | None = None
    weight_evolution: list[list[float]] = field(default_factory=list)
    last_similarity: list[float] | None = None
    evaluated_iterations: list[int] = field(default_factory=list)
    task_performances: dict[int, list[float]] = field(default_factory=dict)
    mean_loglosses: list[float] = field(default_factory=list)
    patience_counters: dict[int, int] = field(default_factory=dict)
    best_task_scores: dict[int, float | None] = field(default_factory=dict)
    best_task_iterations: dict[int, int] = field(default_factory=dict)
    struggling_periods: dict[int, list[list[int | None]]] = field(default_factory=dict)
    task_similarity: list[list[float]] | None = None
    task_score_correlation: list[list[float]] | None = None
    intercept_shift: list[float] | None = None

    def __post_init__(self) -> None:
        for task in range(len(self.task_names)):
            self.task_performances.setdefault(task, [])
            self.patience_counters.setdefault(task, 0)
            self.best_task_scores.setdefault(task, None)
            self.best_task_iterations.setdefault(task, 0)
            self.struggling_periods.setdefault(task, [])

    @property
    def weights(self) -> NDArray[np.float64]:
        """Present task weights, shape (K,)."""
        return np.array(self.weight_evolution[-1])

    @property
    def struggling_tasks(self) -> tuple[int, ...]:
        """Indices of the tasks that are struggling now; never the main task."""
        return tuple(
            task
            for task, periods in self.struggling_periods.items()
            if periods and periods[-1][1] is None
        )

    def record_weights(
        self, weights: NDArray[np.float64], similarity: NDArray[np.float64] | None = None
    ) -> None:
        """Appends task weights, and the similarity that they come from."""
        self.weight_evolution.append(weights.tolist())
        self.last_similarity = None if similarity is None else similarity.tolist()

    def record_evaluation(self, task_auc: Sequence[float], mean_logloss: float) -> None:
        """Takes one evaluation after `current_iteration` iterations.

        Args:
            task_auc: Validation AUC per task, length K; nan where undefined.
            mean_logloss: Mean validation log-loss over tasks.
        """
        self.evaluated_iterations.append(self.current_iteration)
        self.mean_loglosses.append(float(mean_logloss))
        for task, auc in enumerate(task_auc):
            self.task_performances[task].append(float(auc))
            self._record_task(task, float(auc))
        self._record_best(task_auc, mean_logloss)

    def _record_task(self, task: int, auc: float) -> None:
        best = self.best_task_scores[task]
        # A comparison with nan is false: an undefined score is no improvement.
        if auc > (-math.inf if best is None else best):
            self.best_task_scores[task] = auc
            self.best_task_iterations[task] = self.current_iteration
            self.patience_counters[task] = 0
        else:
            self.patience_counters[task] += 1
        if self.patience is None or task == self.main_task:
            return
        struggles = self.patience_counters[task] >= self.patience
        if struggles and task not in self.struggling_tasks:
            self.struggling_periods[task].append([self.current_iteration, None])
        elif not struggles and task in self.struggling_tasks:
            self.struggling_periods[task][-1][1] = self.current_iteration

    def _record_best(self, task_auc: Sequence[float], mean_logloss: float) -> None:
        defined = [auc for auc in task_auc if not math.isnan(auc)]
        score = {
            "main_auc": task_auc[self.main_task],
            "mean_auc": float(np.mean(defined)) if defined else math.nan,
            "mean_logloss": mean_logloss,
        }[self.early_stopping_metric]
        if math.isnan(score):
            return
        lower_is_better = self.early_stopping_metric == "mean_logloss"
        if self.best_score is None or (
            score < self.best_score if lower_is_better else score > self.best_score
        ):
            self.best_score = float(score)
            self.best_iteration = self.current_iteration

    def to_checkpoint_dict(self) -> dict[str, Any]:
        """The state now, as plain JSON data; an undefined (nan) score becomes None."""
        data = copy.deepcopy(vars(self))
        data["mean_loglosses"] = _none_for_nan(self.mean_loglosses)
        data["task_performances"] = {
            str(task): _none_for_nan(aucs) for task, aucs in self.task_performances.items()
        }
        for name in _PER_TASK:
            data[name] = {str(task): value for task, value in data[name].items()}
        return data

    @classmethod
    def from_checkpoint_dict(cls, data: Mapping[str, Any]) -> "TrainingState":
        """The state that `to_checkpoint_dict` was called on."""
        fields = copy.deepcopy(dict(data))
        for name in _PER_TASK:
            fields[name] = {int(task): value for task, value in fields[name].items()}
        fields["mean_loglosses"] = _nan_for_none(data["mean_loglosses"])
        fields["task_performances"] = {
            int(task): _nan_for_none(aucs) for task, aucs in data["task_performances"].items()
        }
        return cls(**fields)


def _none_for_nan(scores: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(score) else score for score in scores]


def _nan_for_none(scores: Sequence[float | None]) -> list[float]:
    return [math.nan if score is None else score for score in scores]


_PER_TASK = (
    "patience_counters",
    "best_task_scores",
    "best_task_iterations",
    "struggling_periods",
)
