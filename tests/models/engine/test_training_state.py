"""What the state makes of a sequence of scores."""

import json
import math
from typing import Any

import numpy as np
import pytest

from models.engine.training_state import TrainingState

NAN = math.nan


def make_state(**changes: Any) -> TrainingState:
    """Three tasks, of which the second is the main one; two evaluations of patience."""
    settings: dict[str, Any] = {"task_names": ["a", "b", "c"], "main_task": 1, "patience": 2}
    return TrainingState(**(settings | changes))


def record(state: TrainingState, aucs: list[Any], loglosses: list[float] | None = None) -> None:
    """Evaluations every five iterations; one AUC stands for all tasks."""
    for number, auc in enumerate(aucs, start=len(state.evaluated_iterations) + 1):
        state.current_iteration = 5 * number
        task_auc = auc if isinstance(auc, list) else [auc] * 3
        state.record_evaluation(task_auc, 0.5 if loglosses is None else loglosses[number - 1])


def test_before_the_first_evaluation() -> None:
    state = make_state()
    assert (state.current_iteration, state.best_iteration, state.best_score) == (0, 0, None)
    assert state.patience_counters == {0: 0, 1: 0, 2: 0}
    assert state.task_performances == {0: [], 1: [], 2: []}
    assert state.struggling_tasks == ()


@pytest.mark.parametrize(
    ("aucs", "best_score", "best_iteration"),
    [
        ([0.6, 0.7, 0.8, 0.75, 0.7], 0.8, 15),
        ([0.8, 0.7, 0.6], 0.8, 5),
        ([0.6, 0.7, 0.8], 0.8, 15),
        ([0.7, 0.8, 0.8, 0.8], 0.8, 10),  # an equal score is no improvement
        ([0.3, 0.2, 0.4], 0.4, 15),  # below 0.5 as well
        ([0.0, 0.0], 0.0, 5),
        ([NAN, 0.6, NAN, 0.5], 0.6, 10),
        ([NAN, NAN], None, 0),
    ],
)
def test_best_score_of_a_rising_and_falling_sequence(
    aucs: list[float], best_score: float | None, best_iteration: int
) -> None:
    state = make_state()
    record(state, aucs)
    assert (state.best_score, state.best_iteration) == (best_score, best_iteration)
    assert state.evaluated_iterations == [5 * n for n in range(1, len(aucs) + 1)]
    assert state.task_performances[2] == pytest.approx(aucs, nan_ok=True)


@pytest.mark.parametrize(
    ("metric", "best_score", "best_iteration"),
    [("main_auc", 0.9, 5), ("mean_auc", 0.7, 10), ("mean_logloss", 0.2, 15)],
)
def test_what_is_best_depends_on_the_metric(
    metric: str, best_score: float, best_iteration: int
) -> None:
    state = make_state(early_stopping_metric=metric)
    record(state, [[0.1, 0.9, 0.5], [0.9, 0.5, 0.7], [0.2, 0.6, NAN]], [0.4, 0.3, 0.2])
    assert state.best_score == pytest.approx(best_score)
    assert state.best_iteration == best_iteration


def test_the_mean_is_over_the_defined_scores() -> None:
    state = make_state(early_stopping_metric="mean_auc")
    record(state, [[NAN, 0.6, 0.9], [NAN, 0.7, 0.7], [NAN, NAN, NAN]])
    assert state.best_score == pytest.approx(0.75)
    assert state.best_iteration == 5


def test_an_undefined_logloss_is_not_the_best() -> None:
    state = make_state(early_stopping_metric="mean_logloss")
    record(state, [0.5, 0.5, 0.5], [NAN, 0.7, 0.8])
    assert (state.best_score, state.best_iteration) == (0.7, 10)


def test_patience_counts_once_per_evaluation() -> None:
    state = make_state(patience=100)
    expected = []
    for auc in [0.6, 0.5, 0.6, 0.7, 0.7, NAN, 0.69, 0.71]:
        record(state, [auc])
        expected.append(state.patience_counters[0])
        assert len(set(state.patience_counters.values())) == 1
    assert expected == [0, 1, 2, 0, 1, 2, 3, 0]
    assert state.best_task_scores == {0: 0.71, 1: 0.71, 2: 0.71}
    assert state.best_task_iterations == {0: 40, 1: 40, 2: 40}


def test_a_task_that_is_never_defined_has_no_best() -> None:
    state = make_state()
    record(state, [[NAN, 0.5, 0.5]] * 3)
    assert state.best_task_scores[0] is None
    assert state.best_task_iterations[0] == 0
    assert state.patience_counters[0] == 3


def test_struggling_and_recovering() -> None:
    state = make_state()
    history = []
    for task_auc in [
        [0.7, 0.9, 0.6],
        [0.6, 0.8, 0.7],  # tasks 0 and 1 are 1 evaluation past their best
        [0.6, 0.8, 0.8],  # 2: task 0 struggles, the main task does not
        [0.7, 0.8, 0.7],  # as good as the best is no improvement
        [0.71, 0.8, 0.7],  # task 0 recovers; task 2 struggles
        [0.6, 0.8, 0.9],
        [0.6, 0.8, 0.9],  # task 0 struggles again
    ]:
        record(state, [task_auc])
        history.append(state.struggling_tasks)
    assert history == [(), (), (0,), (0,), (2,), (), (0,)]
    assert state.struggling_periods == {0: [[15, 25], [35, None]], 1: [], 2: [[25, 30]]}


def test_the_main_task_never_struggles() -> None:
    for main_task in range(3):
        state = make_state(main_task=main_task, patience=1)
        record(state, [0.9] + [0.5] * 10)
        assert state.struggling_tasks == tuple(task for task in range(3) if task != main_task)
        assert state.struggling_periods[main_task] == []


def test_without_patience_nobody_struggles() -> None:
    state = make_state(patience=None)
    record(state, [0.9] + [0.5] * 20)
    assert state.struggling_tasks == ()
    assert state.patience_counters[0] == 20


def test_weights_are_appended_with_the_similarity_that_they_come_from() -> None:
    state = make_state()
    state.record_weights(np.array([0.5, 0.25, 0.25]))
    similarities = [state.last_similarity]
    state.record_weights(np.array([0.4, 0.3, 0.3]), np.array([1.0, 0.9, 0.8]))
    similarities.append(state.last_similarity)
    assert similarities == [None, [1.0, 0.9, 0.8]]
    assert state.weight_evolution == [[0.5, 0.25, 0.25], [0.4, 0.3, 0.3]]
    assert state.weights.tolist() == [0.4, 0.3, 0.3]


def full_state() -> TrainingState:
    """A state in which every attribute has been written."""
    state = make_state(early_stopping_metric="mean_logloss")
    state.record_weights(np.array([0.1, 0.2, 0.7]))
    state.record_weights(np.array([1 / 3, 1 / 3, 1 / 3]), np.array([0.1 + 0.2, 1.0, 0.5]))
    record(state, [[NAN, 0.9, 0.5], [0.5, 0.8, 0.4], [0.5, 0.8, 0.4]], [0.3, NAN, 0.4])
    state.task_similarity = [[1.0, 0.5, 0.2], [0.5, 1.0, 0.1], [0.2, 0.1, 1.0]]
    return state


@pytest.mark.parametrize("state", [make_state(), full_state()], ids=["new", "full"])
def test_a_round_trip_through_strict_json_gives_the_same_state(state: TrainingState) -> None:
    text = json.dumps(state.to_checkpoint_dict(), allow_nan=False)
    again = TrainingState.from_checkpoint_dict(json.loads(text))
    # nan is not equal to itself; the text of all attributes is.
    assert repr(again) == repr(state)
    assert json.loads(text) == state.to_checkpoint_dict()
    assert again.struggling_tasks == state.struggling_tasks
    assert json.dumps(again.to_checkpoint_dict()) == text


def test_a_state_goes_on_where_its_copy_was_taken() -> None:
    state = full_state()
    again = TrainingState.from_checkpoint_dict(json.loads(json.dumps(state.to_checkpoint_dict())))
    for each in (state, again):
        record(each, [[0.9, 0.95, 0.6], [0.1, 0.1, 0.1]], [0, 0, 0, 0.2, 0.1])
    assert repr(again) == repr(state)


def test_a_checkpoint_does_not_change_with_the_state() -> None:
    state = full_state()
    checkpoint = state.to_checkpoint_dict()
    text = json.dumps(checkpoint)
    copy = TrainingState.from_checkpoint_dict(checkpoint)
    for each in (state, copy):
        record(each, [0.99] + [0.1] * 5, [0.1] * 20)
        each.record_weights(np.ones(3), np.ones(3))
        each.task_similarity = None
    assert json.dumps(checkpoint) == text
