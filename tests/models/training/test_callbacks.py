"""Callbacks: what each does at which iteration."""

import logging
from typing import Any

import numpy as np
import pytest
from engine_cases import (
    Problem,
    hyperparameters,
    make_booster,
    make_problem,
    row_part,
    run_training,
    train_scores,
)
from lightgbm.callback import CallbackEnv, EarlyStopException

from models.engine.training_state import TrainingState
from models.loss.adaptive import AdaptiveLoss
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.training.callbacks import (
    CheckpointWriter,
    EarlyStopping,
    StopOnRequest,
    TrainingStateCallback,
)
from models.training.training_loop import Callback


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


def environment(
    iteration: int, model: Any = None, scores: list[float] | None = None
) -> CallbackEnv:
    """What a callback gets; `scores` are an AUC per task, and the mean log-loss."""
    results = [("val", f"score {number}", score, True) for number, score in enumerate(scores or [])]
    return CallbackEnv(
        model=model,
        params={},
        iteration=iteration,
        begin_iteration=0,
        end_iteration=100,
        evaluation_result_list=results,
    )


# TrainingStateCallback.


def test_the_state_is_written_after_the_iteration_before_any_other_callback() -> None:
    state = TrainingState(["a", "b"], 0)
    others: list[Callback] = [
        EarlyStopping(state, 1),
        StopOnRequest(bool),
        CheckpointWriter(lambda: None, 1),
    ]
    callback = TrainingStateCallback(state)
    assert not callback.before_iteration
    after = [other.order for other in others if not other.before_iteration]
    assert all(callback.order < order for order in after)


def test_iterations_and_scores_are_kept(problem: Problem) -> None:
    booster = make_booster(problem)
    state = booster.state
    callback = TrainingStateCallback(state)
    callback(environment(0, booster))
    assert (state.current_iteration, state.evaluated_iterations) == (1, [])
    # Between the tasks' AUC and the log-loss stand the main and the mean AUC.
    callback(environment(1, booster, [0.7, 0.8, 0.6, 0.7, 0.7, 0.45]))
    assert state.evaluated_iterations == [2]
    assert state.task_performances == {0: [0.7], 1: [0.8], 2: [0.6]}
    assert state.mean_loglosses == [0.45]
    assert (state.best_score, state.best_iteration) == (0.7, 2)
    assert len(state.weight_evolution) == 1


@pytest.mark.parametrize(
    ("method", "updates"), [("standard", [3, 6, 9]), ("delta", [3, 6, 9]), ("tenIters", [10])]
)
def test_adaptive_weights_move_when_they_are_due(
    problem: Problem, method: str, updates: list[int]
) -> None:
    loss = AdaptiveLoss(3, 0, weight_method=method, update_frequency=3)
    booster = make_booster(problem, loss=loss)
    callback = TrainingStateCallback(booster.state)
    expected = [loss.initial_weights()]
    last = None
    for iteration in range(11):
        booster.update()
        callback(environment(iteration, booster))
        if iteration + 1 in updates:
            similarity = booster.similarity_to_main()
            expected.append(loss.updated_weights(expected[-1], similarity, last))
            last = similarity
    np.testing.assert_array_equal(booster.state.weight_evolution, expected)
    assert len(np.unique(booster.state.weight_evolution, axis=0)) > (
        2 if method == "standard" else 1
    )


def test_fixed_weights_never_move(problem: Problem) -> None:
    run = run_training(problem, hyperparameters(num_iterations=12))
    assert run.booster.state.weight_evolution == [[0.5, 0.5, 0.5]]


def test_the_best_scores_of_the_tasks_that_improved_are_kept(problem: Problem) -> None:
    loss = AdaptiveDistillationLoss(3, 0, teacher="best_self")
    booster = make_booster(problem, loss=loss, keep_best_self=True)
    callback = TrainingStateCallback(booster.state)
    scores = []
    for iteration, aucs in enumerate([[0.6, 0.6, 0.6], [0.7, 0.5, 0.7], [0.6, 0.7, np.nan]]):
        booster.update()
        scores.append(train_scores(booster).copy())
        callback(environment(iteration, booster, [*aucs, 0, 0, 0.5]))
    best_score = row_part(booster).best_score
    assert best_score is not None
    for task, iteration in enumerate([1, 2, 1]):
        np.testing.assert_array_equal(best_score[:, task], scores[iteration][:, task])


def test_the_log_says_who_struggles_and_who_recovers(
    problem: Problem, caplog: pytest.LogCaptureFixture
) -> None:
    booster = make_booster(problem, loss=AdaptiveDistillationLoss(3, 0))
    booster.state.patience = 1
    callback = TrainingStateCallback(booster.state)
    with caplog.at_level(logging.INFO):
        for iteration, auc in enumerate([0.6, 0.5, 0.5, 0.7]):
            callback(environment(iteration, booster, [auc, auc, 0.9 + iteration, 0, 0, 0.5]))
    assert [record.getMessage() for record in caplog.records] == [
        "Task 1 (task 1) is struggling at iteration 2",
        "Task 1 (task 1) improves again at iteration 4",
    ]


# EarlyStopping.


def stopped_at(aucs: list[float], rounds: int, frequency: int = 1) -> int | None:
    """The iteration that early stopping prevents, with one AUC every `frequency` iterations."""
    state = TrainingState(["a", "b"], 0)
    callback = EarlyStopping(state, rounds)
    for iteration in range(len(aucs) * frequency + 1):
        try:
            callback(environment(iteration))
        except EarlyStopException:
            return iteration
        state.current_iteration = iteration + 1
        if (iteration + 1) % frequency == 0:
            auc = (
                aucs[(iteration + 1) // frequency - 1]
                if iteration + 1 <= len(aucs) * frequency
                else 0
            )
            state.record_evaluation([auc, 0.5], 0.5)
    return None


RISE_AND_FALL = [0.6, 0.7, 0.8, 0.79, 0.78, 0.77, 0.76, 0.75]


@pytest.mark.parametrize(
    ("aucs", "rounds", "frequency", "iteration"),
    [
        (RISE_AND_FALL, 1, 1, 4),
        (RISE_AND_FALL, 3, 1, 6),
        (RISE_AND_FALL, 5, 1, 8),
        (RISE_AND_FALL, 6, 1, None),
        # Rounds are iterations: 3 of them are over at the first evaluation 5 iterations later.
        (RISE_AND_FALL, 3, 5, 20),
        (RISE_AND_FALL, 5, 5, 20),
        (RISE_AND_FALL, 6, 5, 25),
        ([0.5, 0.6, 0.7, 0.8], 1, 1, None),
        ([0.8, 0.8, 0.8], 2, 1, 3),
        ([float("nan")] * 6, 1, 1, None),
        ([0.6, float("nan"), float("nan")], 2, 1, 3),
    ],
)
def test_when_early_stopping_stops(
    aucs: list[float], rounds: int, frequency: int, iteration: int | None
) -> None:
    assert stopped_at(aucs, rounds, frequency) == iteration


def test_early_stopping_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        stopped_at(RISE_AND_FALL, 3)
    assert caplog.messages == [
        "Early stopping after iteration 6: main_auc was best (0.800000) after iteration 3"
    ]


def test_early_stopping_by_logloss_wants_it_low() -> None:
    state = TrainingState(["a", "b"], 0, early_stopping_metric="mean_logloss")
    callback = EarlyStopping(state, 2)
    for iteration, loss in enumerate([0.5, 0.4, 0.6, 0.7]):
        callback(environment(iteration))
        state.current_iteration = iteration + 1
        state.record_evaluation([0.5 + iteration / 10, 0.5], loss)
    with pytest.raises(EarlyStopException) as stop:
        callback(environment(4))
    assert stop.value.best_iteration == 1  # counted from 0


def test_early_stopping_looks_before_the_iteration() -> None:
    assert EarlyStopping(TrainingState(["a", "b"], 0), 1).before_iteration


def test_a_real_run_keeps_the_trees_of_its_best_iteration(problem: Problem) -> None:
    hyperparams = hyperparameters(
        num_iterations=60, learning_rate=0.8, early_stopping_rounds=6, min_data_in_leaf=2
    )
    run = run_training(problem, hyperparams)
    state = run.booster.state
    n_trees = len(run.booster.trees)
    assert n_trees < 60
    performances = state.task_performances[0]
    assert state.best_score == max(performances)
    assert state.best_iteration == 2 * (1 + int(np.argmax(performances)))
    assert n_trees - state.best_iteration == 6
    assert run.model._booster.current_iteration() == state.best_iteration


# StopOnRequest.


def test_a_request_is_followed_before_the_next_iteration(caplog: pytest.LogCaptureFixture) -> None:
    requested = [False, False, True]
    callback = StopOnRequest(lambda: requested[0])
    assert callback.before_iteration
    callback(environment(5))
    requested[0] = True
    with pytest.raises(EarlyStopException) as stop:
        callback(environment(6))
    assert stop.value.best_iteration == 5  # counted from 0
    assert caplog.messages == ["Stopped on request after iteration 6"]


def test_a_request_does_not_prevent_the_first_tree() -> None:
    callback = StopOnRequest(lambda: True)
    callback(environment(0))
    with pytest.raises(EarlyStopException):
        callback(environment(1))


# CheckpointWriter.


class Clock:
    """A clock that only moves when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.mark.parametrize(
    ("frequency", "saved"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [3, 6]), (7, [7]), (8, [])]
)
def test_checkpoints_by_iterations(frequency: int, saved: list[int]) -> None:
    done: list[int] = []
    now = [0]
    callback = CheckpointWriter(lambda: done.append(now[0]), frequency)
    for iteration in range(7):
        now[0] = iteration + 1
        callback(environment(iteration))
    assert done == saved


def test_checkpoints_by_time_cost_one_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("models.training.callbacks.time", clock)
    saved: list[float] = []

    def save() -> None:
        saved.append(clock.now)
        clock.now += 0.5

    callback = CheckpointWriter(save, None)
    for iteration in range(2000):
        clock.now += 0.1
        callback(environment(iteration))
    waits = np.diff([1000.0, *saved])
    assert waits[0] == pytest.approx(5, abs=0.11)
    assert (waits[1:] >= 50).all()
    assert (waits[1:] < 51).all()
    assert len(saved) == 4


def test_checkpoints_are_written_last() -> None:
    writer = CheckpointWriter(lambda: None, 1)
    assert not writer.before_iteration
    assert writer.order > TrainingStateCallback(TrainingState(["a", "b"], 0)).order


def test_a_failing_checkpoint_fails_the_job() -> None:
    def save() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        CheckpointWriter(save, 1)(environment(0))
