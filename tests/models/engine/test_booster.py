"""The booster: against stock LightGBM, by hand, and to the last bit."""

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from engine_cases import (
    Problem,
    as_table,
    make_booster,
    make_problem,
    row_part,
    text_of,
    train_scores,
    with_labels,
)
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

from models.engine.booster import SharedTreeBooster
from models.engine.leaf_values import LeafValueSettings
from models.engine.structure import StructureSettings
from models.engine.task_rows import LabelledRows
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.fixed import FixedLoss
from models.trees.shared_tree import TreeStructure

Array = NDArray[Any]


def trained(problem: Problem, n_trees: int, **arguments: Any) -> SharedTreeBooster:
    booster = make_booster(problem, **arguments)
    for _ in range(n_trees):
        booster.update()
    return booster


def model_of(booster: SharedTreeBooster) -> lgb.Booster:
    return lgb.Booster(model_str=text_of(booster))


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


# The same as K separate tasks, where there is only one: stock LightGBM is the reference.


def one_task(name: str) -> tuple[Array, Array]:
    """Features and labels of a binary task."""
    if name == "breast cancer":
        x, y = load_breast_cancer(return_X_y=True)
        return x.astype(np.float32), y
    if name == "wine":
        x, y = load_wine(return_X_y=True)
        return x.astype(np.float32), y == 1
    problem = make_problem(1500, seed=int(name[-1]))
    if name.startswith("rounded"):
        return np.round(problem.train_x, 1), problem.train.label[:, 1]
    return problem.train_x, problem.train.label[:, 2]


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "small leaves": {"min_data_in_leaf": 1, "num_leaves": 63},
    "large leaves": {"min_data_in_leaf": 40},
    "heavy leaves": {"min_sum_hessian_in_leaf": 5.0},
    "shallow": {"max_depth": 3},
    "selective": {"min_gain_to_split": 1.0},
    "few bins": {"max_bin": 15},
}


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
@pytest.mark.parametrize("data", ["breast cancer", "wine", "generated 1", "rounded 2"])
@pytest.mark.parametrize("variant", list(VARIANTS))
def test_identical_tasks_give_the_predictions_of_stock_lightgbm(
    data: str, variant: str, n_tasks: int
) -> None:
    """The predictions, not the text: splits of equal gain (of pure leaves, say) fall either way."""
    x, y = one_task(data)
    labels = LabelledRows(np.repeat(np.asarray(y, dtype=np.uint8)[:, None], n_tasks, axis=1))
    structure = StructureSettings(**({"num_leaves": 15, "seed": 7} | VARIANTS[variant]))
    leaf_value = LeafValueSettings(0.1, structure.lambda_l1, 0.0, structure.min_sum_hessian_in_leaf)
    booster = trained(
        Problem(x, labels, x, labels),
        25,
        loss=FixedLoss(n_tasks, 0, 0.7, 0.2),
        structure=structure,
        leaf_value=leaf_value,
        split_gradient="weighted_sum",
    )
    params = structure.lightgbm_params() | {"objective": "binary", "boost_from_average": True}
    stock = lgb.train(
        params | {"learning_rate": 0.1}, lgb.Dataset(as_table(x), y.astype(float)), 25
    )
    prob = model_of(booster).predict(x)
    np.testing.assert_allclose(prob, np.repeat(stock.predict(x)[:, None], n_tasks, 1), atol=1e-6)


@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
def test_identical_tasks_stay_identical(problem: Problem, split_gradient: str) -> None:
    same = with_labels(
        problem,
        np.repeat(problem.train.label[:, :1], 3, axis=1),
        np.repeat(problem.valid.label[:, :1], 3, axis=1),
    )
    booster = trained(same, 10, split_gradient=split_gradient)
    prob = model_of(booster).predict(problem.valid_x)
    np.testing.assert_array_equal(prob[:, 0], prob[:, 1])
    np.testing.assert_array_equal(prob[:, 0], prob[:, 2])
    assert booster.similarity_to_main().tolist() == [1.0, 1.0, 1.0]


def test_a_task_with_all_the_weight_decides_the_structure(problem: Problem) -> None:
    """The other tasks get leaf values only; the structure is that of a single-task model."""
    y = problem.train.label[:, 0]
    booster = trained(
        problem,
        15,
        loss=FixedLoss(3, 0, 1.0, 0.0),
        structure=StructureSettings(num_leaves=7),
        leaf_value=LeafValueSettings(0.1, 0.0, 0.0, 1e-3),
        split_gradient="weighted_sum",
    )
    params = StructureSettings(num_leaves=7).lightgbm_params()
    stock = lgb.train(
        params | {"objective": "binary", "boost_from_average": True, "learning_rate": 0.1},
        lgb.Dataset(as_table(problem.train_x), y.astype(float)),
        15,
    )
    prob = model_of(booster).predict(problem.valid_x)
    np.testing.assert_allclose(prob[:, 0], stock.predict(problem.valid_x), atol=1e-6)
    assert np.ptp(prob, axis=0).min() > 0.01


# Leaf values.


def paths_of_leaves(structure: TreeStructure, node: int = 0) -> dict[int, list[list[int]]]:
    """For every leaf the leaves below each node on the way from the root to it, itself last."""
    if node < 0:
        return {~node: [[~node]]}
    below = paths_of_leaves(structure, int(structure.left_child[node]))
    below |= paths_of_leaves(structure, int(structure.right_child[node]))
    return {leaf: [sorted(below), *path] for leaf, path in below.items()}


def expected_first_values(
    problem: Problem,
    structure: TreeStructure,
    leaf: Array,
    counts: Array,
    settings: LeafValueSettings,
    base: Array,
) -> Array:
    """Newton steps from the base rate, each drawn to that of the node above, task by task."""
    prob = 1 / (1 + np.exp(-base))
    values = np.zeros((structure.n_leaves, problem.n_tasks))
    for number, path in paths_of_leaves(structure).items():
        for node in path:
            rows = np.isin(leaf, node)
            for task in range(problem.n_tasks):
                weight = counts[rows, task]
                grad = (weight * (prob[task] - problem.train.label[rows, task])).sum()
                hess = (weight * prob[task] * (1 - prob[task])).sum()
                pull = settings.lambda_l2 * values[number, task]
                values[number, task] = (-settings.learning_rate * grad + pull) / (
                    max(hess, settings.min_sum_hessian) + settings.lambda_l2
                )
    return values


WEIGHTS = np.random.default_rng(11).integers(0, 3, (800, 3)).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("bagged", [False, True])
@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
@pytest.mark.parametrize("lambda_l2", [0.0, 1.0, 3.0])
def test_values_of_the_first_tree_by_hand(
    problem: Problem, weighted: bool, bagged: bool, split_gradient: str, lambda_l2: float
) -> None:
    if weighted:
        problem = replace(problem, train=LabelledRows(problem.train.label, WEIGHTS))
    leaf_value = LeafValueSettings(0.3, 0.0, lambda_l2, 1e-3)
    booster = make_booster(
        problem,
        leaf_value=leaf_value,
        split_gradient=split_gradient,
        bagging_fraction=0.6 if bagged else 1.0,
        bagging_freq=1,
    )
    tree = booster.update()
    leaf = model_of(booster).predict(problem.train_x, pred_leaf=True)[:, 0].astype(int)
    counts = (WEIGHTS if weighted else np.ones((800, 3))).astype(np.float64)
    bag = booster._bag(0)
    assert (bag is not None) == bagged
    if bag is not None:
        counts = counts * bag.rows(slice(0, 800))[:, None]
    expected = expected_first_values(
        problem, tree.structure, leaf, counts, leaf_value, booster.base_score
    )
    np.testing.assert_allclose(tree.leaf_value, expected, rtol=1e-9)


def test_inner_values_are_those_of_their_rows(problem: Problem) -> None:
    booster = make_booster(problem)
    tree = booster.update()
    prob = 1 / (1 + np.exp(-booster.base_score))
    grad = (prob - problem.train.label).sum(axis=0)
    hess = len(problem.train_x) * prob * (1 - prob)
    # The root is a leaf of all rows; the base score is optimal there.
    np.testing.assert_allclose(tree.internal_weight[0], hess, rtol=1e-9)
    np.testing.assert_allclose(tree.internal_value[0], -0.1 * grad / (hess + 1), atol=1e-9)
    np.testing.assert_allclose(tree.leaf_weight.sum(axis=0), hess, rtol=1e-9)


def test_merged_leaves_share_one_value_and_their_weights_add_up() -> None:
    # A feature of four values, of which every other one has the same labels.
    value = np.repeat([0, 1, 2, 3], 100)
    label = np.stack([value % 2 == 0, value % 2 == 1], axis=1) ^ (np.arange(400) % 10 == 0)[:, None]
    x = value[:, None].astype(np.float32)
    labels = LabelledRows(label.astype(np.uint8))
    booster = make_booster(
        Problem(x, labels, x, labels), structure=StructureSettings(num_leaves=4, min_data_in_leaf=1)
    )
    tree = booster.update()
    assert tree.structure.n_leaves == 4
    assert len(np.unique(tree.leaf_value[:, 0])) == 2
    np.testing.assert_allclose(tree.leaf_weight, np.full((4, 2), 100 * 0.25))
    prob = model_of(booster).predict(x)
    np.testing.assert_allclose(train_scores(booster), np.log(prob / (1 - prob)), atol=1e-12)


@pytest.mark.parametrize(
    "structure",
    [
        StructureSettings(num_leaves=31),
        StructureSettings(num_leaves=31, use_quantized_grad=True, num_grad_quant_bins=4),
        StructureSettings(num_leaves=31, use_quantized_grad=True),
        StructureSettings(num_leaves=31, feature_fraction=0.5),
    ],
    ids=["exact", "coarse", "quantized", "features"],
)
def test_scores_follow_the_leaves_of_the_model_in_every_tree(
    problem: Problem, structure: StructureSettings
) -> None:
    booster = trained(problem, 30, structure=structure, bagging_fraction=0.8)
    model, part = model_of(booster), row_part(booster)
    for rows, x in ((part.train_split, problem.train_x), (part.valid_split, problem.valid_x)):
        leaves = model.predict(x, pred_leaf=True)[:, ::3]
        score = np.tile(booster.base_score, (len(x), 1))
        for tree, leaf in zip(booster.trees, leaves.T, strict=True):
            score += tree.leaf_value[leaf]
        np.testing.assert_array_equal(rows.current_scores(), score)
        np.testing.assert_allclose(model.predict(x, raw_score=True), score, atol=1e-12)


@pytest.mark.parametrize("min_sum_hessian", [0.0, 1e-3])
@pytest.mark.parametrize("learning_rate", [0.1, 1.0])
def test_values_stay_finite_where_tasks_are_learned_by_heart(
    min_sum_hessian: float, learning_rate: float
) -> None:
    x = np.arange(400, dtype=np.float32)[:, None]
    label = np.stack([x[:, 0] < 100, x[:, 0] < 101, x[:, 0] < 399], axis=1).astype(np.uint8)
    labels = LabelledRows(label)
    booster = trained(
        Problem(x, labels, x, labels),
        150,
        structure=StructureSettings(
            num_leaves=15,
            min_data_in_leaf=1,
            min_sum_hessian_in_leaf=min_sum_hessian,
        ),
        leaf_value=LeafValueSettings(learning_rate, 0.0, 0.0, min_sum_hessian),
    )
    prob = model_of(booster).predict(x)
    assert np.isfinite(train_scores(booster)).all()
    assert np.isfinite(prob).all()
    if min_sum_hessian > 0:
        assert np.mean((prob > 0.5) == (label == 1)) > 0.95


@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
@pytest.mark.parametrize("label", [0, 1])
def test_a_task_of_one_class_does_not_stop_the_others(
    problem: Problem, split_gradient: str, label: int
) -> None:
    one_class = problem.train.label.copy()
    one_class[:, 2] = label
    booster = trained(
        with_labels(problem, one_class, problem.valid.label), 30, split_gradient=split_gradient
    )
    assert min(tree.structure.n_leaves for tree in booster.trees) > 1
    task_auc, mean_logloss = booster.evaluate()
    assert min(task_auc[:2]) > 0.8
    assert np.isfinite(mean_logloss)
    assert np.isfinite(model_of(booster).predict(problem.valid_x)).all()


def test_an_iteration_without_a_split_adds_a_tree_of_zeros(problem: Problem) -> None:
    flat = replace(problem, train_x=np.ones_like(problem.train_x))
    booster = trained(flat, 3)
    assert [tree.structure.n_leaves for tree in booster.trees] == [1, 1, 1]
    assert not any(tree.leaf_value.any() for tree in booster.trees)
    assert booster.trees[0].structure.leaf_count.tolist() == [800]
    assert booster.trees[0].leaf_weight.shape == (1, 3)
    assert booster.trees[0].internal_value.shape == (0, 3)
    assert booster.trees[0].internal_weight.shape == (0, 3)
    prob = model_of(booster).predict(problem.valid_x)
    np.testing.assert_allclose(prob, np.tile(problem.train.label.mean(axis=0), (400, 1)))


def test_an_iteration_without_a_split_among_others(problem: Problem) -> None:
    # With so large a gain only some of the projections find a split.
    structure = StructureSettings(num_leaves=7, min_gain_to_split=9.0)
    booster = trained(problem, 40, structure=structure)
    n_leaves = [tree.structure.n_leaves for tree in booster.trees]
    assert 1 in n_leaves
    assert n_leaves.index(1) < max(i for i, n in enumerate(n_leaves) if n > 1)
    np.testing.assert_allclose(
        model_of(booster).predict(problem.train_x, raw_score=True),
        train_scores(booster),
        atol=1e-12,
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_projection_is_scaled_by_the_hessians_of_the_last_tree(
    problem: Problem, weighted: bool
) -> None:
    label = problem.train.label.copy()
    label[:, 1] = 1  # a task of one class has no say
    label[:, 2] = 0 if weighted else label[:, 2]
    weight = WEIGHTS if weighted else np.ones_like(WEIGHTS)
    labels = LabelledRows(label, weight if weighted else None)
    booster = make_booster(replace(problem, train=labels))

    def mean_hess() -> Array:
        prob = 1 / (1 + np.exp(-train_scores(booster)))
        mean: Array = np.average(prob * (1 - prob), axis=0, weights=weight)
        return np.where([True, False, not weighted], mean, 0.0)

    expected = mean_hess()
    np.testing.assert_allclose(booster._mean_hess(), expected, rtol=1e-6)
    for _ in range(3):
        expected = mean_hess()
        booster.update()
        np.testing.assert_allclose(booster._mean_hess(), expected, rtol=1e-6)
    booster.trees.append(booster._unsplit_tree())
    np.testing.assert_allclose(booster._mean_hess(), expected, rtol=1e-6)


# Rows that count more, less, or not at all.


def few_values(problem: Problem) -> Problem:
    """Features of so few values that rows can come and go without moving a bin."""
    return replace(
        problem,
        train_x=np.clip(np.round(problem.train_x), -3, 3),
        valid_x=np.clip(np.round(problem.valid_x), -3, 3),
    )


# LightGBM's row counts are estimates that depend on the number of rows; leave them out of it.
NO_ROW_COUNT = StructureSettings(num_leaves=7, min_data_in_leaf=0)


@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
def test_integer_weights_equal_repeated_rows(problem: Problem, split_gradient: str) -> None:
    problem = few_values(problem)
    repeats = np.random.default_rng(3).integers(0, 4, 800)
    weight = np.repeat(repeats[:, None], 3, axis=1).astype(np.float32)
    weighted = replace(problem, train=LabelledRows(problem.train.label, weight))
    repeated = replace(
        problem,
        train_x=np.repeat(problem.train_x, repeats, axis=0),
        train=LabelledRows(np.repeat(problem.train.label, repeats, axis=0)),
    )
    one, other = (
        trained(p, 20, structure=NO_ROW_COUNT, split_gradient=split_gradient)
        for p in (weighted, repeated)
    )
    np.testing.assert_allclose(
        model_of(one).predict(problem.valid_x), model_of(other).predict(problem.valid_x), atol=1e-6
    )


@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
def test_rows_unknown_to_all_tasks_are_the_same_as_dropped_rows(
    problem: Problem, split_gradient: str
) -> None:
    problem = few_values(problem)
    known = np.random.default_rng(3).random(800) < 0.6
    weight = np.repeat(known[:, None], 3, axis=1).astype(np.float32)
    masked = replace(problem, train=LabelledRows(problem.train.label, weight))
    dropped = replace(
        problem,
        train_x=problem.train_x[known],
        train=LabelledRows(np.ascontiguousarray(problem.train.label[known])),
    )
    one, other = (
        trained(p, 20, structure=NO_ROW_COUNT, split_gradient=split_gradient)
        for p in (masked, dropped)
    )
    np.testing.assert_allclose(
        model_of(one).predict(problem.valid_x), model_of(other).predict(problem.valid_x), atol=1e-6
    )
    np.testing.assert_allclose(one.similarity_matrix(), other.similarity_matrix(), atol=1e-6)


def test_rows_outside_the_bag_do_not_count(problem: Problem) -> None:
    """A tree is the same whatever the labels outside its bag are."""
    settings: dict[str, Any] = {"bagging_fraction": 0.5, "bagging_freq": 1}
    booster = make_booster(problem, **settings)
    booster.base_score[:] = train_scores(booster)[:] = -1.0
    bag = booster._bag(0)
    assert bag is not None
    outside = ~bag.rows(slice(0, 800))
    flipped = problem.train.label.copy()
    flipped[outside] = 1 - flipped[outside]
    other = make_booster(with_labels(problem, flipped, problem.valid.label), **settings)
    other.base_score[:] = train_scores(other)[:] = -1.0
    one_tree, other_tree = booster.update(), other.update()
    assert one_tree.structure.threshold.tobytes() == other_tree.structure.threshold.tobytes()
    assert one_tree.leaf_value.tobytes() == other_tree.leaf_value.tobytes()


@pytest.mark.parametrize(
    ("freq", "numbers"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 0, 1, 1, 2, 2]), (4, [0, 0, 0, 0, 1, 1])]
)
def test_how_long_a_bag_lasts(problem: Problem, freq: int, numbers: list[int]) -> None:
    booster = make_booster(problem, bagging_fraction=0.5, bagging_freq=freq)
    bags = [booster._bag(iteration) for iteration in range(6)]
    assert [bag.number if bag else None for bag in bags] == numbers


@pytest.mark.parametrize(("fraction", "freq"), [(1.0, 1), (0.5, 0)])
def test_without_bagging(problem: Problem, fraction: float, freq: int) -> None:
    booster = make_booster(problem, bagging_fraction=fraction, bagging_freq=freq)
    assert booster._bag(0) is None


# Evaluation.


def test_scores_equal_those_of_scikit_learn(problem: Problem) -> None:
    booster = trained(problem, 10)
    task_auc, mean_logloss = booster.evaluate()
    prob, label = model_of(booster).predict(problem.valid_x), problem.valid.label
    expected = [roc_auc_score(label[:, k], prob[:, k]) for k in range(3)]
    assert task_auc == pytest.approx(expected, abs=1e-12)
    losses = [log_loss(label[:, k], prob[:, k]) for k in range(3)]
    assert mean_logloss == pytest.approx(np.mean(losses), rel=1e-9)


def test_weighted_scores_equal_those_of_scikit_learn(problem: Problem) -> None:
    weight = np.random.default_rng(1).integers(0, 3, (400, 3)).astype(np.float32)
    weighted = replace(problem, valid=LabelledRows(problem.valid.label, weight))
    booster = trained(weighted, 10)
    task_auc, mean_logloss = booster.evaluate()
    prob, label = model_of(booster).predict(problem.valid_x), problem.valid.label
    columns = [(label[:, k], prob[:, k], weight[:, k]) for k in range(3)]
    assert task_auc == pytest.approx([roc_auc_score(y, p, sample_weight=w) for y, p, w in columns])
    losses = [log_loss(y, p, sample_weight=w) for y, p, w in columns]
    assert mean_logloss == pytest.approx(np.mean(losses), rel=1e-6)


def test_what_is_unknown_in_validation_is_undefined(problem: Problem) -> None:
    label, weight = problem.valid.label.copy(), np.ones((400, 3), dtype=np.float32)
    label[:, 0] = 0
    weight[:, 1] = 0
    booster = trained(replace(problem, valid=LabelledRows(label, weight)), 5)
    task_auc, mean_logloss = booster.evaluate()
    assert np.isnan(task_auc).tolist() == [True, True, False]
    prob = model_of(booster).predict(problem.valid_x)
    losses = [log_loss(label[:, k], prob[:, k], labels=[0, 1]) for k in (0, 2)]
    assert mean_logloss == pytest.approx(np.mean(losses), rel=1e-6)
    nothing = LabelledRows(label, np.zeros_like(weight))
    task_auc, mean_logloss = trained(replace(problem, valid=nothing), 2).evaluate()
    assert np.isnan([*task_auc, mean_logloss]).all()


# Determinism.


def settings_for_determinism(name: str) -> dict[str, Any]:
    settings: dict[str, dict[str, Any]] = {
        "plain": {},
        "weighted sum": {"split_gradient": "weighted_sum"},
        "sampling": {
            "structure": StructureSettings(num_leaves=7, feature_fraction=0.6),
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
        },
        "quantized": {"structure": StructureSettings(num_leaves=7, use_quantized_grad=True)},
    }
    return settings[name]


@pytest.mark.parametrize("name", ["plain", "weighted sum", "sampling", "quantized"])
@pytest.mark.parametrize("exact_values", [0, 2**20])
def test_threads_runs_and_fresh_boosters_give_the_same_bytes(
    name: str, exact_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)
    monkeypatch.setattr("models.engine.task_rows._EXACT_VALUES", exact_values)
    problem, settings = make_problem(5000, seed=4), settings_for_determinism(name)
    structure = settings.get("structure", StructureSettings(num_leaves=7))
    with threadpool_limits(1, "blas"):
        text = text_of(trained(problem, 8, **settings))
        for n_threads in (1, 2, 3):
            threaded = settings | {"structure": replace(structure, num_threads=n_threads)}
            assert text_of(trained(problem, 8, **threaded)) == text
        monkeypatch.setattr("models.engine.structure._SCORE_BOUND", 0.5)
        assert text_of(trained(problem, 8, **settings)) == text


@pytest.mark.parametrize("name", ["plain", "sampling"])
def test_another_seed_is_another_model(problem: Problem, name: str) -> None:
    settings = settings_for_determinism(name)
    structure = settings.get("structure", StructureSettings(num_leaves=7))
    text = text_of(trained(problem, 3, **settings))
    other = settings | {"structure": replace(structure, seed=43)}
    assert text_of(trained(problem, 3, **other)) != text


# Distillation.


def test_a_struggling_task_follows_its_teacher(problem: Problem) -> None:
    def gap(kd_weight: float, struggling: bool) -> float:
        booster = make_booster(problem, loss=AdaptiveDistillationLoss(3, 0, kd_weight=kd_weight))
        if struggling:
            booster.state.struggling_periods[2].append([0, None])
        for _ in range(20):
            booster.update()
        prob = model_of(booster).predict(problem.train_x)
        return float(np.mean((prob[:, 2] - prob[:, 0]) ** 2))

    assert gap(20.0, struggling=True) < 0.8 * gap(20.0, struggling=False)
    assert gap(0.0, struggling=True) == gap(20.0, struggling=False)


def test_the_best_self_is_what_was_kept(problem: Problem) -> None:
    loss = AdaptiveDistillationLoss(3, 0, kd_weight=5.0, teacher="best_self")
    booster = make_booster(problem, loss=loss, keep_best_self=True)
    best_score = row_part(booster).best_score
    assert best_score is not None
    np.testing.assert_array_equal(best_score, train_scores(booster))
    booster.update()
    kept = train_scores(booster).copy()
    booster.keep_best_scores([0, 2])
    booster.update()
    np.testing.assert_array_equal(best_score[:, [0, 2]], kept[:, [0, 2]])
    np.testing.assert_array_equal(best_score[:, 1], np.full(800, booster.base_score[1]))


def test_without_a_best_self_nothing_is_kept(problem: Problem) -> None:
    booster = make_booster(problem)
    booster.keep_best_scores([0, 1, 2])
    assert row_part(booster).best_score is None


def test_the_similarity_is_that_of_the_training_probabilities(problem: Problem) -> None:
    booster = trained(problem, 5)
    prob = model_of(booster).predict(problem.train_x) + 1e-10
    p, q = prob[:, 0] / prob[:, 0].sum(), prob[:, 2] / prob[:, 2].sum()
    m = (p + q) / 2
    js = 0.5 * (p @ np.log2(p / m) + q @ np.log2(q / m))
    assert booster.similarity_to_main()[2] == pytest.approx(1 - js, abs=1e-12)
    assert booster.similarity_matrix()[0, 2] == pytest.approx(1 - js, abs=1e-12)
