"""The loop: who is called when, evaluations, stopping, going on."""

import json
from typing import Any

import numpy as np
import pytest
from engine_cases import (
    Problem,
    Run,
    create_booster,
    hyperparameters,
    make_booster,
    make_problem,
    row_part,
    run_training,
    train_scores,
)
from lightgbm.callback import CallbackEnv, EarlyStopException
from threadpoolctl import threadpool_limits

from models.training.checkpoint import SavedCheckpoint
from models.training.factory import ModelFactory
from models.training.training_loop import evaluation_results, finish, train


class Recorder:
    """Notes every call; ends the training at an iteration."""

    def __init__(self, name: str, order: int, *, before: bool, stop_at: int | None = None) -> None:
        self.name, self.order, self.before_iteration = name, order, before
        self.stop_at = stop_at
        self.calls: list[tuple[str, int, int, bool]] = []

    def __call__(self, env: CallbackEnv) -> None:
        """Notes name, iteration, number of trees, and whether there are scores."""
        scored = bool(env.evaluation_result_list)
        self.calls.append((self.name, env.iteration, len(env.model.trees), scored))
        if env.iteration == self.stop_at:
            raise EarlyStopException(env.iteration, [])


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


def test_callbacks_are_called_in_their_order_before_and_after(problem: Problem) -> None:
    calls: list[tuple[str, int, int, bool]] = []
    recorders = [
        Recorder("after, late", 5, before=False),
        Recorder("before", 9, before=True),
        Recorder("after, early", -5, before=False),
    ]
    for recorder in recorders:
        recorder.calls = calls
    train(make_booster(problem), 3, 2, recorders)
    assert calls == [
        ("before", 0, 0, False),
        ("after, early", 0, 1, False),
        ("after, late", 0, 1, False),
        ("before", 1, 1, False),
        ("after, early", 1, 2, True),
        ("after, late", 1, 2, True),
        ("before", 2, 2, False),
        ("after, early", 2, 3, False),
        ("after, late", 2, 3, False),
    ]


@pytest.mark.parametrize(
    ("eval_frequency", "evaluated"),
    [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [3, 6]), (7, [7]), (8, [])],
)
def test_when_there_are_evaluations(
    problem: Problem, eval_frequency: int, evaluated: list[int]
) -> None:
    recorder = Recorder("after", 0, before=False)
    train(make_booster(problem), 7, eval_frequency, [recorder])
    assert [n_trees for _, _, n_trees, scored in recorder.calls if scored] == evaluated


@pytest.mark.parametrize(("before", "n_trees"), [(True, 4), (False, 5)])
def test_a_callback_can_end_the_training(problem: Problem, before: bool, n_trees: int) -> None:
    booster = make_booster(problem)
    train(booster, 10, 1, [Recorder("stop", 0, before=before, stop_at=4)])
    assert len(booster.trees) == n_trees


def test_other_exceptions_pass_through(problem: Problem) -> None:
    class Failing(Recorder):
        def __call__(self, env: CallbackEnv) -> None:
            raise ArithmeticError("no good")

    with pytest.raises(ArithmeticError, match=r"^no good$"):
        train(make_booster(problem), 3, 1, [Failing("fails", 0, before=False)])


def test_it_goes_on_from_the_trees_that_there_are(problem: Problem) -> None:
    booster, recorder = make_booster(problem), Recorder("after", 0, before=False)
    train(booster, 3, 1, [])
    train(booster, 5, 1, [recorder])
    assert [call[1:3] for call in recorder.calls] == [(3, 4), (4, 5)]
    train(booster, 5, 1, [recorder])
    assert len(booster.trees) == 5


def test_the_environment_says_where_training_begins_and_ends(problem: Problem) -> None:
    environments: list[CallbackEnv] = []

    class Keeping(Recorder):
        def __call__(self, env: CallbackEnv) -> None:
            environments.append(env)

    booster = make_booster(problem)
    train(booster, 2, 1, [])
    train(booster, 4, 1, [Keeping("keeps", 0, before=False)])
    assert [(e.iteration, e.begin_iteration, e.end_iteration) for e in environments] == [
        (2, 2, 4),
        (3, 2, 4),
    ]
    assert environments[0].model is booster


def test_evaluation_results_name_every_score(problem: Problem) -> None:
    label = problem.valid.label.copy()
    label[:, 1] = 0
    booster = make_booster(
        Problem(problem.train_x, problem.train, problem.valid_x, type(problem.valid)(label))
    )
    booster.state.main_task = 2
    train(booster, 4, 1, [])
    task_auc, mean_logloss = booster.evaluate()
    results = evaluation_results(booster)
    assert [(data, name, higher) for data, name, _, higher in results] == [
        ("val", "task 0_auc", True),
        ("val", "task 1_auc", True),
        ("val", "task 2_auc", True),
        ("val", "main_auc", True),
        ("val", "mean_auc", True),
        ("val", "mean_logloss", False),
    ]
    values = [value for _, _, value, _ in results]
    expected = [*task_auc, task_auc[2], (task_auc[0] + task_auc[2]) / 2, mean_logloss]
    assert values == pytest.approx(expected, nan_ok=True)
    assert np.isnan(values[1])


@pytest.mark.parametrize(("n_trees", "evaluated"), [(4, [2, 4]), (5, [2, 4, 5]), (1, [1])])
def test_finishing_adds_the_last_evaluation_and_the_similarity(
    problem: Problem, n_trees: int, evaluated: list[int]
) -> None:
    run = run_training(problem, hyperparameters(num_iterations=n_trees))
    state = run.booster.state
    assert state.task_similarity is None
    finish(run.booster)
    assert state.evaluated_iterations == evaluated
    assert state.task_similarity == run.booster.similarity_matrix().tolist()


# Going on from a checkpoint, which must not be seen in the result.

SAMPLING: dict[str, Any] = {"bagging_fraction": 0.7, "feature_fraction": 0.6}
KD: dict[str, Any] = {
    "loss_type": "adaptive_kd",
    "loss_patience": 1,
    "loss_kd_weight": 3.0,
    "loss_weight_update_frequency": 3,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "fixed": {},
    "weighted sum": {"loss_split_gradient": "weighted_sum"},
    "not quantized": {"use_quantized_grad": False},
    "sampling": SAMPLING,
    "a bag for some iterations": {"bagging_fraction": 0.5, "bagging_freq": 5},
    "features only": {"feature_fraction": 0.4},
    "adaptive": {"loss_type": "adaptive", "loss_weight_update_frequency": 2},
    "delta": {
        "loss_type": "adaptive",
        "loss_weight_method": "delta",
        "loss_weight_update_frequency": 3,
    },
    "distillation": KD | SAMPLING,
    "distillation from the best self": KD | SAMPLING | {"loss_kd_teacher": "best_self"},
    "distillation, quantized": KD | {"loss_kd_teacher": "best_self"},
    "early stopping": SAMPLING
    | {"early_stopping_rounds": 4, "num_iterations": 40, "learning_rate": 0.9},
    "many leaves": {"num_leaves": 63, "min_data_in_leaf": 2, "lambda_l1": 0.3},
}


def assert_same_result(found: Run, expected: Run) -> None:
    assert found.text == expected.text
    for run in (found, expected):
        finish(run.booster)
    state, other = found.booster.state, expected.booster.state
    assert json.dumps(state.to_checkpoint_dict()) == json.dumps(other.to_checkpoint_dict())


@pytest.mark.parametrize("name", list(SETTINGS))
@pytest.mark.parametrize("exact_values", [0, 2**20], ids=["float32", "float64"])
def test_going_on_from_any_checkpoint_ends_with_the_same_bytes(
    problem: Problem, name: str, exact_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.engine.task_rows._EXACT_VALUES", exact_values)
    hyperparams = hyperparameters(**({"checkpoint_frequency": 1} | SETTINGS[name]))
    whole = run_training(problem, hyperparams)
    iterations = sorted(whole.checkpoints)
    assert iterations == list(range(1, len(whole.booster.trees) + 1))
    if name.startswith("distillation"):
        assert any(whole.booster.state.struggling_periods.values())
    if name == "early stopping":
        assert len(whole.booster.trees) < 40
    for iteration in {1, 2, 5, 7, iterations[-1]}:
        resumed = run_training(problem, hyperparams, whole.checkpoints[iteration])
        assert sorted(resumed.checkpoints) == [i for i in iterations if i > iteration]
        if iteration < iterations[-1]:
            # The last checkpoint has all trees and the whole state.
            assert resumed.checkpoints[iterations[-1]] == whole.checkpoints[iterations[-1]]
        assert_same_result(resumed, whole)


def test_going_on_more_than_once(problem: Problem) -> None:
    hyperparams = hyperparameters(checkpoint_frequency=1, **KD, **SAMPLING)
    whole = run_training(problem, hyperparams)
    content = whole.checkpoints[2]
    for iteration in (3, 4, 6, 9):
        content = run_training(problem, hyperparams, content).checkpoints[iteration]
        assert content == whole.checkpoints[iteration]
    assert_same_result(run_training(problem, hyperparams, content), whole)


@pytest.mark.parametrize("changes", [{}, KD | SAMPLING], ids=["fixed", "distillation"])
def test_more_iterations_later_equal_one_long_run(problem: Problem, changes: Any) -> None:
    short = run_training(
        problem, hyperparameters(num_iterations=7, checkpoint_frequency=7, **changes)
    )
    finish(short.booster)
    long = hyperparameters(num_iterations=14, **changes)
    assert_same_result(
        run_training(problem, long, short.checkpoints[7]), run_training(problem, long)
    )


@pytest.mark.parametrize("changes", [{}, KD, KD | SAMPLING], ids=["fixed", "quantized", "sampling"])
@pytest.mark.parametrize("exact_values", [0, 2**20], ids=["float32", "float64"])
def test_threads_and_a_second_run_make_no_difference(
    changes: Any, exact_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.engine.task_rows._EXACT_VALUES", exact_values)
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)
    problem = make_problem(4000)
    with threadpool_limits(1, "blas"):
        runs = [
            run_training(problem, hyperparameters(num_threads=threads, num_iterations=6, **changes))
            for threads in (1, 1, 2)
        ]
    for run in runs[1:]:
        assert_same_result(run, runs[0])


def test_a_restored_booster_has_the_scores_of_the_one_that_was_saved(problem: Problem) -> None:
    hyperparams = hyperparameters(
        checkpoint_frequency=1, **(KD | SAMPLING | {"loss_kd_teacher": "best_self"})
    )
    whole = run_training(problem, hyperparams)
    checkpoint = SavedCheckpoint.from_bytes(whole.checkpoints[12]).opened()
    factory = ModelFactory(hyperparams)
    booster = create_booster(factory, problem, checkpoint.state)
    booster.restore(checkpoint.trees)
    assert len(booster.trees) == 12
    pairs = [
        (train_scores(booster), train_scores(whole.booster)),
        (row_part(booster).valid_scores(), row_part(whole.booster).valid_scores()),
        (row_part(booster).best_score, row_part(whole.booster).best_score),
    ]
    for found, expected in pairs:
        assert found is not None
        assert expected is not None
        assert found.tobytes() == expected.tobytes()
