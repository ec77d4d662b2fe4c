"""Monotone constraints: never broken, by whatever way a leaf got its value."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from engine_cases import Problem, hyperparameters, make_problem, run_training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.engine.monotone import monotone_leaf_values, violations
from models.engine.task_rows import LabelledRows
from models.trees.shared_tree import TreeStructure

Array = NDArray[Any]
UP = np.array([[1, 0]], dtype=np.int8)


def structure_of(nodes: list[tuple[int, float, int, int]]) -> TreeStructure:
    """A tree of nodes (feature, threshold, left child, right child)."""
    feature, threshold, left, right = (np.array(column) for column in zip(*nodes, strict=True))
    n = len(nodes)
    return TreeStructure(
        split_feature=feature.astype(np.int32),
        split_gain=np.ones(n),
        threshold=threshold.astype(np.float64),
        decision_type=np.full(n, 2, dtype=np.int32),
        left_child=left.astype(np.int32),
        right_child=right.astype(np.int32),
        leaf_count=np.ones(n + 1, dtype=np.int64),
        internal_count=np.ones(n, dtype=np.int64),
    )


# Feature 0 splits the root at 0, feature 1 each side at 0: leaves 0, 2 on the left, 1, 3 right.
SQUARE = structure_of([(0, 0.0, 1, 2), (1, 0.0, ~0, ~2), (1, 0.0, ~1, ~3)])
ALONE = np.arange(4, dtype=np.int32)


def constrained(
    structure: TreeStructure,
    values: list[float],
    weights: list[float] | None = None,
    directions: Array = UP,
    merged: Array | None = None,
) -> list[float]:
    value = np.array(values)[:, None]
    weight = np.ones_like(value) if weights is None else np.array(weights)[:, None]
    merged = np.arange(len(values), dtype=np.int32) if merged is None else merged
    found: list[float] = monotone_leaf_values(structure, value, weight, directions, merged)[
        :, 0
    ].tolist()
    return found


def test_values_in_order_stay() -> None:
    assert constrained(SQUARE, [0.1, 0.2, -5.0, 0.3]) == [0.1, 0.2, -5.0, 0.3]


def test_only_leaves_that_a_move_connects_are_compared() -> None:
    """Leaf 2 may be above leaf 1: who gets from the one to the other moves both features."""
    assert constrained(SQUARE, [0.1, 0.2, 0.8, 0.9]) == [0.1, 0.2, 0.8, 0.9]


def test_a_pair_out_of_order_gets_its_weighted_mean() -> None:
    assert constrained(SQUARE, [1.0, 0.0, 5.0, 6.0], [3.0, 1.0, 1.0, 1.0]) == [
        0.75,
        0.75,
        5.0,
        6.0,
    ]


def test_the_other_direction() -> None:
    down = -UP
    assert constrained(SQUARE, [1.0, 0.0, 5.0, 6.0], directions=down) == [1.0, 0.0, 5.5, 5.5]


def test_merged_leaves_stay_equal_and_so_does_what_is_between_them() -> None:
    # Three intervals of one feature in a row; the outer two cannot be told apart.
    row = structure_of([(0, 0.0, ~0, 1), (0, 1.0, ~1, ~2)])
    merged = np.array([0, 1, 0], dtype=np.int32)
    assert constrained(row, [2.0, 5.0, 2.0], merged=merged) == [3.0, 3.0, 3.0]


def test_a_leaf_without_weight_takes_its_neighbours_value() -> None:
    assert constrained(SQUARE, [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0])[:2] == [1.0, 1.0]
    assert constrained(SQUARE, [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])[:2] == [0.5, 0.5]


def test_tasks_with_other_constraints_or_none_keep_their_values() -> None:
    value = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [5.0, 5.0, 5.0], [6.0, 6.0, 6.0]])
    directions = np.array([[1, 0], [0, 0], [0, -1]], dtype=np.int8)
    found = monotone_leaf_values(SQUARE, value, np.ones_like(value), directions, ALONE)
    assert found[:, 0].tolist() == [0.5, 0.5, 5.0, 6.0]
    assert found[:, 1].tolist() == value[:, 1].tolist()
    assert found[:, 2].tolist() == [3.0, 3.0, 3.0, 3.0]


def test_violations_name_task_and_feature() -> None:
    value = np.array([[1.0, 0.0], [0.0, 0.0], [5.0, 0.0], [6.0, 0.0]])
    directions = np.array([[1, -1], [1, 1]], dtype=np.int8)
    assert list(violations(SQUARE, value, directions)) == [(0, 0), (0, 1)]


@st.composite
def trees(draw: st.DrawFn) -> tuple[TreeStructure, Array, Array, Array]:
    """A random tree on three features with values, weights and one task's constraints."""
    n_leaves = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    nodes: list[list[Any]] = []
    slots: list[tuple[int, int]] = []
    for node in range(n_leaves - 1):
        if node:
            parent, side = slots.pop(rng.integers(len(slots)))
            nodes[parent][side] = node
        nodes.append([int(rng.integers(3)), float(rng.integers(-3, 4)), None, None])
        slots += [(node, 2), (node, 3)]
    for leaf, (parent, side) in enumerate(slots):
        nodes[parent][side] = ~leaf
    values = np.round(rng.normal(size=(n_leaves, 1)), draw(st.integers(0, 9)))
    weights = rng.choice([0.0, 0.1, 1.0, 7.3], size=(n_leaves, 1))
    directions = rng.integers(-1, 2, (1, 3)).astype(np.int8)
    return structure_of([tuple(node) for node in nodes]), values, weights, directions


def walk(structure: TreeStructure, row: Array) -> int:
    node = 0
    while node >= 0:
        left = row[structure.split_feature[node]] <= structure.threshold[node]
        node = int((structure.left_child if left else structure.right_child)[node])
    return ~node


@given(tree=trees())
@settings(deadline=None, max_examples=150)
def test_the_order_is_that_of_all_moves_along_a_constrained_feature(tree: Any) -> None:
    """Against walking every row of a grid that meets every interval of every feature."""
    structure, values, weights, directions = tree
    merged = np.arange(len(values), dtype=np.int32)
    fixed = monotone_leaf_values(structure, values, weights, directions, merged)
    assert not list(violations(structure, fixed, directions))
    points = np.arange(-3.5, 4)
    grid = np.stack(np.meshgrid(points, points, points, indexing="ij"), axis=-1)
    leaf = np.apply_along_axis(lambda row: walk(structure, row), 3, grid)
    unbroken = True
    for feature, direction in enumerate(directions[0]):
        steps = np.diff(fixed[leaf, 0], axis=feature) * direction
        assert (steps >= 0).all()
        unbroken &= bool((np.diff(values[leaf, 0], axis=feature) * direction >= 0).all())
    if unbroken:
        assert fixed.tolist() == values.tolist()


LOSSES: list[dict[str, object]] = [
    {"loss_type": "fixed"},
    {"loss_type": "fixed", "loss_split_gradient": "weighted_sum"},
    {"loss_type": "adaptive", "loss_weight_update_frequency": 3},
    {"loss_type": "adaptive_kd", "loss_patience": 1, "eval_frequency": 1, "loss_kd_weight": 1.0},
]
SHAPES: list[dict[str, object]] = [
    {"num_leaves": 3},
    {"num_leaves": 7},
    {"num_leaves": 31, "min_data_in_leaf": 2, "min_sum_hessian_in_leaf": 0.0},
    {"num_leaves": 15, "max_depth": 3},
    {"num_leaves": 63, "min_data_in_leaf": 1, "lambda_l2": 0.0, "learning_rate": 1.0},
    {"num_leaves": 15, "lambda_l1": 0.5, "lambda_l2": 50.0},
    {"num_leaves": 15, "bagging_fraction": 0.5, "feature_fraction": 0.6},
]


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Problem, dict[str, Any], Array]:
    """Data, hyperparameters, and the direction of every task and feature."""
    n_tasks = draw(st.integers(2, 4))
    rows = draw(st.integers(60, 400))
    problem = make_problem(rows, n_tasks, draw(st.integers(0, 2**16)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    weights = draw(st.sampled_from(["none", "weights", "masks"]))
    if weights != "none":
        drawn = rng.random((rows, n_tasks)) * 3
        weight = np.where(drawn < 1, 0, drawn if weights == "weights" else 1).astype(np.float32)
        problem = Problem(
            problem.train_x,
            LabelledRows(problem.train.label, weight),
            problem.valid_x,
            problem.valid,
        )
    if draw(st.booleans()):
        per_task = rng.integers(-1, 2, (n_tasks, 5))
        constraints: dict[str, Any] = {
            f"task {k}": {f"f{i}": int(d) for i, d in enumerate(row) if d}
            for k, row in enumerate(per_task)
        }
    else:
        per_task = np.repeat(rng.integers(-1, 2, (1, 5)), n_tasks, axis=0)
        constraints = {f"f{i}": int(d) for i, d in enumerate(per_task[0]) if d}
    knobs = draw(st.sampled_from(LOSSES)) | draw(st.sampled_from(SHAPES))
    return problem, knobs | {"monotone_constraints": constraints}, per_task


def worst_step(text: str, problem: Problem, directions: Array, seed: int) -> float:
    """Smallest step in the wanted direction of any task's raw score or probability.

    Along each constrained feature at every threshold of the file and the number after it, the
    other features random; from the file as stock LightGBM reads it, in float64.
    """
    booster = lgb.Booster(model_str=text)
    rng = np.random.default_rng(seed)
    frame = booster.trees_to_dataframe()
    worst = np.inf
    for feature in np.flatnonzero(directions.any(axis=0)):
        cuts = frame.loc[frame["split_feature"] == f"f{feature}", "threshold"].to_numpy(np.float64)
        if not len(cuts):
            continue
        cuts = np.unique(rng.permutation(np.unique(cuts))[:60])
        grid = np.unique(np.concatenate([[-1e30, 1e30], cuts, np.nextafter(cuts, np.inf)]))
        others = [rng.choice(column, 12) for column in problem.train_x.T.astype(np.float64)]
        rows = np.repeat(np.column_stack(others), len(grid), axis=0)
        rows[:, feature] = np.tile(grid, 12)
        for raw in (True, False):
            score = np.asarray(booster.predict(rows, raw_score=raw)).reshape(12, len(grid), -1)
            steps = np.diff(score, axis=1) * directions[:, feature]
            worst = min(worst, steps.min())
    return float(worst)


def check_job(case: tuple[Problem, dict[str, Any], Array]) -> None:
    problem, knobs, directions = case
    run = run_training(problem, hyperparameters(problem.n_tasks, num_iterations=15, **knobs))
    assert worst_step(run.text, problem, directions, 0) >= 0
    for tree in run.booster.trees:
        assert not list(violations(tree.structure, tree.leaf_value, directions))


QUICKLY = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@given(case=jobs())
@QUICKLY
def test_no_task_ever_falls_along_a_constrained_feature(case: Any) -> None:
    check_job(case)


@pytest.mark.long
@given(case=jobs())
@settings(QUICKLY, max_examples=500)
def test_no_task_ever_falls_along_a_constrained_feature_in_500_jobs(case: Any) -> None:
    check_job(case)


def test_without_the_constraint_tasks_do_fall() -> None:
    """The check above can fail."""
    problem = make_problem(400, 3, 0)
    run = run_training(problem, hyperparameters())
    assert worst_step(run.text, problem, np.ones((3, 5), dtype=np.int8), 0) < 0


def test_unconstrained_tasks_keep_their_values_where_no_constrained_feature_splits() -> None:
    problem = make_problem(600, 3, 1)
    constraint = {"task 1": {"f4": 1}}
    free = run_training(problem, hyperparameters(num_iterations=1))
    bound = run_training(
        problem, hyperparameters(num_iterations=1, monotone_constraints=constraint)
    )
    (tree,), (other,) = free.booster.trees, bound.booster.trees
    assert tree.leaf_value[:, [0, 2]].tobytes() == other.leaf_value[:, [0, 2]].tobytes()
    assert tree.structure.split_feature.tolist() == other.structure.split_feature.tolist()


def test_a_job_that_goes_on_ends_with_the_same_bytes() -> None:
    problem = make_problem(400, 3, 2)
    knobs = hyperparameters(
        monotone_constraints={"f0": 1, "f1": -1}, checkpoint_frequency=5, bagging_fraction=0.7
    )
    whole = run_training(problem, knobs)
    assert run_training(problem, knobs, whole.checkpoints[5]).text == whole.text
