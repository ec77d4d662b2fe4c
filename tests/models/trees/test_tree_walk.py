"""Rebuilding scores from saved trees."""

from typing import Any

import numpy as np
import pytest
from engine_cases import Problem, as_table, make_booster, make_problem, row_part, train_scores
from numpy.typing import NDArray

from models.engine.booster import SharedTreeBooster
from models.engine.structure import StructureSettings
from models.trees.tree_walk import replay_trees

Array = NDArray[Any]


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


def grow(problem: Problem, n_trees: int, structure: StructureSettings | None = None) -> Any:
    """A booster, and its training and validation scores after every tree."""
    booster = make_booster(problem, structure=structure)
    history = [(train_scores(booster).copy(), row_part(booster).valid_scores().copy())]
    for _ in range(n_trees):
        booster.update()
        history.append((train_scores(booster).copy(), row_part(booster).valid_scores().copy()))
    return booster, history


STRUCTURES = {
    "plain": StructureSettings(num_leaves=7),
    "quantized": StructureSettings(num_leaves=31, use_quantized_grad=True, num_grad_quant_bins=4),
    "no split": StructureSettings(min_gain_to_split=1e9),
}


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> np.dtype[Any]:
    """Either precision of the scores."""
    name: str = request.param
    if name == "float32":
        monkeypatch.setattr("models.engine.task_rows._EXACT_VALUES", 0)
    return np.dtype(name)


@pytest.mark.parametrize("name", list(STRUCTURES))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_scores_are_the_same_bits_as_in_training(
    problem: Problem, dtype: np.dtype[Any], name: str, n_threads: int
) -> None:
    booster, history = grow(problem, 10, STRUCTURES[name])
    for split, x in enumerate((problem.train_x, problem.valid_x)):
        for n_trees in (0, 1, 10):
            raw_score = history[0][split].copy()
            assert raw_score.dtype == dtype
            replay_trees(booster.trees[:n_trees], as_table(x), raw_score, n_threads)
            assert raw_score.tobytes() == history[n_trees][split].tobytes()


def test_chunks_of_rows_do_not_matter(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    booster, history = grow(problem, 5)
    monkeypatch.setattr("models.trees.tree_walk._LEAVES_PER_CHUNK", 5 * 37)
    raw_score, best = history[0][0].copy(), np.zeros((800, 3))
    replay_trees(booster.trees, as_table(problem.train_x), raw_score, 1, {0: 2, 2: 4}, best)
    assert raw_score.tobytes() == history[5][0].tobytes()
    np.testing.assert_array_equal(best[:, 0], history[2][0][:, 0])
    np.testing.assert_array_equal(best[:, 2], history[4][0][:, 2])


def test_scores_at_the_best_iterations_are_kept(problem: Problem) -> None:
    booster, history = grow(problem, 6)
    base = history[0][0]
    best = base.copy()
    best_iterations = {0: 0, 1: 3, 2: 6}
    replay_trees(booster.trees, as_table(problem.train_x), base.copy(), 1, best_iterations, best)
    for task, iteration in best_iterations.items():
        np.testing.assert_array_equal(best[:, task], history[iteration][0][:, task])


def test_no_trees_change_nothing(problem: Problem) -> None:
    booster: SharedTreeBooster = make_booster(problem)
    before = train_scores(booster).copy()
    replay_trees([], as_table(problem.train_x), train_scores(booster), 1)
    np.testing.assert_array_equal(train_scores(booster), before)
