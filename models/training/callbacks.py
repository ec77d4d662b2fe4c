"""Callbacks in LightGBM's manner: called with a `CallbackEnv`, in the order of their `order`.

Those with `before_iteration` are called before an iteration, the others after it. A callback ends
the training by raising `lightgbm.callback.EarlyStopException`.
"""

import logging
import time
from collections.abc import Callable

import numpy as np
from lightgbm.callback import CallbackEnv, EarlyStopException

from models.engine.booster import SharedTreeBooster
from models.engine.training_state import TrainingState
from models.loss.adaptive import AdaptiveLoss

logger = logging.getLogger(__name__)

_CHECKPOINT_SHARE = 0.01
_FIRST_CHECKPOINT_SECONDS = 5.0


class TrainingStateCallback:
    """Keeps a `TrainingState`: iterations, validation scores, and the task weights.

    This is where a task's weight is updated.
    """

    order = 0
    before_iteration = False

    def __init__(self, state: TrainingState) -> None:
        self._state = state

    def __call__(self, env: CallbackEnv) -> None:
        """Takes what the iteration has brought."""
        self._state.current_iteration = env.iteration + 1
        if env.evaluation_result_list:
            self._record_evaluation(env)
        self._update_weights(env.model)

    def _record_evaluation(self, env: CallbackEnv) -> None:
        state = self._state
        values = [value for _, _, value, _ in env.evaluation_result_list]
        n_tasks = len(state.task_names)
        struggling = set(state.struggling_tasks)
        state.record_evaluation(values[:n_tasks], values[-1])
        env.model.keep_best_scores(
            [
                task
                for task, best in state.best_task_iterations.items()
                if best == state.current_iteration
            ]
        )
        for task in sorted(struggling ^ set(state.struggling_tasks)):
            what = "improves again" if task in struggling else "is struggling"
            logger.info(
                "Task %d (%s) %s at iteration %d",
                task,
                state.task_names[task],
                what,
                state.current_iteration,
            )

    def _update_weights(self, booster: SharedTreeBooster) -> None:
        state, loss = self._state, booster.loss
        if not isinstance(loss, AdaptiveLoss) or not loss.update_due(state.current_iteration):
            return
        similarity = booster.similarity_to_main()
        last = None if state.last_similarity is None else np.array(state.last_similarity)
        state.record_weights(loss.updated_weights(state.weights, similarity, last), similarity)


class EarlyStopping:
    """Ends the training when the best score is `rounds` iterations old.

    It looks before an iteration: a job that goes on from the checkpoint of a stopped run stops
    at once.
    """

    order = 0
    before_iteration = True

    def __init__(self, state: TrainingState, rounds: int) -> None:
        self._state = state
        self._rounds = rounds

    def __call__(self, env: CallbackEnv) -> None:
        """Raises `EarlyStopException` if it is time."""
        state = self._state
        if state.best_score is None or not state.evaluated_iterations:
            return
        # Scores are known at evaluations only, so that is when patience is counted.
        if state.evaluated_iterations[-1] - state.best_iteration >= self._rounds:
            logger.info(
                "Early stopping after iteration %d: %s was best (%.6f) after iteration %d",
                env.iteration,
                state.early_stopping_metric,
                state.best_score,
                state.best_iteration,
            )
            raise EarlyStopException(state.best_iteration - 1, [])


class StopOnRequest:
    """Ends the training when the job has been asked to stop, but not without a single tree."""

    order = 1
    before_iteration = True

    def __init__(self, is_requested: Callable[[], bool]) -> None:
        self._is_requested = is_requested

    def __call__(self, env: CallbackEnv) -> None:
        """Raises `EarlyStopException` if the job shall stop."""
        if env.iteration > 0 and self._is_requested():
            logger.warning("Stopped on request after iteration %d", env.iteration)
            raise EarlyStopException(env.iteration - 1, [])


class CheckpointWriter:
    """Saves a checkpoint every `frequency` iterations, or as often as costs 1 % of the time."""

    order = 20
    before_iteration = False

    def __init__(self, save: Callable[[], None], frequency: int | None) -> None:
        """Takes what saves the present state; `frequency` None: by time."""
        self._save = save
        self._frequency = frequency
        self._next_time = time.monotonic() + _FIRST_CHECKPOINT_SECONDS

    def __call__(self, env: CallbackEnv) -> None:
        """Saves if it is time."""
        if self._frequency is not None:
            if (env.iteration + 1) % self._frequency == 0:
                self._save()
            return
        started = time.monotonic()
        if started >= self._next_time:
            self._save()
            ended = time.monotonic()
            self._next_time = ended + (ended - started) / _CHECKPOINT_SHARE
