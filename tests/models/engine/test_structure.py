"""Growing structures, and telling each row's leaf by the change of LightGBM's score."""

import logging
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from engine_cases import Problem, as_table, make_problem
from numpy.typing import NDArray

from models.engine.structure import GrownTree, StructureGrower, StructureSettings, make_datasets
from models.trees.model_text import structures_text
from models.trees.shared_tree import STRUCTURE_FIELDS, SharedTree

Array = NDArray[Any]
SETTINGS = StructureSettings(num_leaves=15)


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Features and labels."""
    return make_problem(1500)


def make_grower(problem: Problem, settings: StructureSettings) -> StructureGrower:
    datasets = make_datasets(as_table(problem.train_x), as_table(problem.valid_x), settings)
    return StructureGrower(*datasets, settings)


def split_gradient(problem: Problem, iteration: int, scale: float = 1.0) -> tuple[Array, Array]:
    """A random mixture of the tasks' gradients at the start, and their hessian."""
    rng = np.random.default_rng(iteration)
    label = problem.train.label.astype(np.float64)
    grad = (label.mean(axis=0) - label) @ rng.normal(size=problem.n_tasks)
    hess = np.full(len(grad), 0.2)
    return (scale * grad).astype(np.float32), (scale * hess).astype(np.float32)


def leaves(grower: StructureGrower, grown: GrownTree, problem: Problem) -> tuple[Array, Array]:
    """Leaves of the training and validation rows, in two blocks each."""
    result = []
    for find, x in ((grower.train_leaves, problem.train_x), (grower.valid_leaves, problem.valid_x)):
        leaf = np.full(len(x), -1, dtype=np.int32)
        for rows in (slice(0, 100), slice(100, len(x))):
            find(grown, rows, leaf[rows], np.empty(len(leaf[rows]), dtype=np.intp))
        result.append(leaf)
    return result[0], result[1]


def walked(grown: GrownTree, x: Array) -> Array:
    """The leaves, found by walking the features, of merged ones their representative."""
    n_leaves = grown.structure.n_leaves
    nothing, inner = np.zeros((n_leaves, 1)), np.zeros((n_leaves - 1, 1))
    tree = SharedTree(grown.structure, nothing, nothing, inner, inner)
    walker = lgb.Booster(model_str=structures_text([tree], x.shape[1]))
    leaf = walker.predict(x, pred_leaf=True).reshape(-1)
    expected: Array = grown.lookup.representative[leaf]
    return expected


def grow_and_check(grower: StructureGrower, problem: Problem, n_trees: int) -> list[GrownTree]:
    """Grows trees and compares the leaves of all rows with those that the features lead to."""
    trees = []
    for iteration in range(n_trees):
        grown = grower.grow(*split_gradient(problem, iteration), iteration)
        assert grown is not None
        train_leaf, valid_leaf = leaves(grower, grown, problem)
        np.testing.assert_array_equal(train_leaf, walked(grown, problem.train_x))
        np.testing.assert_array_equal(valid_leaf, walked(grown, problem.valid_x))
        trees.append(grown)
    return trees


def same(one: GrownTree, other: GrownTree) -> bool:
    return all(
        np.array_equal(getattr(one.structure, name), getattr(other.structure, name))
        for name in STRUCTURE_FIELDS
    )


VARIANTS = {
    "plain": SETTINGS,
    "two leaves": replace(SETTINGS, num_leaves=2),
    "many leaves": replace(SETTINGS, num_leaves=255, min_data_in_leaf=1),
    "quantized": replace(SETTINGS, use_quantized_grad=True),
    "coarsely quantized": replace(SETTINGS, use_quantized_grad=True, num_grad_quant_bins=4),
    "some features": replace(SETTINGS, feature_fraction=0.6),
    "shallow": replace(SETTINGS, max_depth=2),
    "few bins": replace(SETTINGS, max_bin=4),
    "regularized": replace(SETTINGS, lambda_l1=2.0),
}


QUANTIZATIONS = [
    SETTINGS,
    replace(SETTINGS, use_quantized_grad=True, num_grad_quant_bins=8),
    replace(SETTINGS, use_quantized_grad=True, num_grad_quant_bins=4),
]


@pytest.mark.parametrize("settings", list(VARIANTS.values()), ids=list(VARIANTS))
def test_the_score_names_the_leaf_that_the_features_lead_to(
    problem: Problem, settings: StructureSettings
) -> None:
    trees = grow_and_check(make_grower(problem, settings), problem, 12)
    assert max(grown.structure.n_leaves for grown in trees) <= settings.num_leaves
    assert len({grown.structure.threshold.tobytes() for grown in trees}) > 1


def test_leaves_whose_outputs_coincide_are_merged() -> None:
    # A feature of four values, of which every other one has the same gradient.
    value = np.repeat([0, 1, 2, 3], 100)
    x = value[:, None].astype(np.float32)
    problem = replace(make_problem(400), train_x=x, valid_x=x[::2])
    grad = np.where(value % 2, -1.0, 1.0).astype(np.float32)
    grower = make_grower(problem, StructureSettings(num_leaves=4))
    grown = grower.grow(grad, np.ones(400, dtype=np.float32), 0)
    assert grown is not None
    assert grown.structure.n_leaves == 4
    assert len(set(grown.lookup.representative.tolist())) == 2
    train_leaf, valid_leaf = leaves(grower, grown, problem)
    np.testing.assert_array_equal(train_leaf, walked(grown, x))
    np.testing.assert_array_equal(valid_leaf, walked(grown, x[::2]))
    assert len(set(train_leaf[value % 2 == 0])) == len(set(train_leaf[value % 2 == 1])) == 1


@pytest.mark.parametrize("name", ["plain", "quantized", "some features"])
def test_a_booster_that_starts_again_grows_the_same_trees(
    problem: Problem, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = grow_and_check(make_grower(problem, VARIANTS[name]), problem, 12)
    monkeypatch.setattr("models.engine.structure._SCORE_BOUND", 1.5)
    grower = make_grower(problem, VARIANTS[name])
    boosters = set()
    for iteration, tree in enumerate(trees):
        grown = grower.grow(*split_gradient(problem, iteration), iteration)
        assert grown is not None
        assert same(grown, tree)
        train_leaf, valid_leaf = leaves(grower, grown, problem)
        np.testing.assert_array_equal(train_leaf, walked(tree, problem.train_x))
        np.testing.assert_array_equal(valid_leaf, walked(tree, problem.valid_x))
        boosters.add(id(grower._booster))
    assert len(boosters) > 1


def test_outputs_far_below_the_score_start_the_booster_again(problem: Problem) -> None:
    grower = make_grower(problem, replace(SETTINGS, min_sum_hessian_in_leaf=0.0))
    for iteration, scale in enumerate([1.0, 1e-9, 1e-9, 1.0, 1e-8]):
        grad, hess = split_gradient(problem, iteration)
        grown = grower.grow((scale * grad).astype(np.float32), hess, iteration)
        assert grown is not None
        train_leaf, valid_leaf = leaves(grower, grown, problem)
        np.testing.assert_array_equal(train_leaf, walked(grown, problem.train_x))
        np.testing.assert_array_equal(valid_leaf, walked(grown, problem.valid_x))
    assert grower._score_bound < 1e-3


def test_an_iteration_without_a_split_is_none_and_the_next_may_split(problem: Problem) -> None:
    grower = make_grower(problem, SETTINGS)
    nothing = np.zeros(len(problem.train_x), dtype=np.float32), np.ones(1500, dtype=np.float32)
    reference = grow_and_check(make_grower(problem, SETTINGS), problem, 4)
    assert grower.grow(*nothing, 0) is None
    assert grower.grow(*nothing, 0) is None
    for iteration, tree in enumerate(reference):
        grown = grower.grow(*split_gradient(problem, iteration), iteration)
        assert grown is not None
        assert same(grown, tree)
        train_leaf, _ = leaves(grower, grown, problem)
        np.testing.assert_array_equal(train_leaf, walked(tree, problem.train_x))
        assert grower.grow(*nothing, iteration) is None


def constant(problem: Problem) -> Problem:
    """Features that say nothing."""
    x, y = np.ones_like(problem.train_x), np.ones_like(problem.valid_x)
    return replace(problem, train_x=x, valid_x=y)


def test_constant_features_never_split_and_the_log_says_so(
    problem: Problem, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        grower = make_grower(constant(problem), SETTINGS)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "No feature has two values with at least min_data_in_leaf (20) training rows each"
    ]
    assert grower.feature_infos == "none none none none none"
    for iteration in range(3):
        assert grower.grow(*split_gradient(problem, iteration), iteration) is None


def test_a_single_useful_feature_is_enough(
    problem: Problem, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.ones_like(problem.train_x)
    x[:, 3] = problem.train_x[:, 3]
    grower = make_grower(replace(problem, train_x=x), SETTINGS)
    assert not caplog.records
    assert grower.feature_infos.startswith("none none none [0:3] none")
    grown = grower.grow(*split_gradient(problem, 0), 0)
    assert grown is not None
    assert set(grown.structure.split_feature) == {3}


def test_fewer_rows_than_a_leaf_needs(caplog: pytest.LogCaptureFixture) -> None:
    problem = make_problem(30)
    grower = make_grower(problem, SETTINGS)
    assert len(caplog.records) == 1
    assert grower.grow(*split_gradient(problem, 0), 0) is None


def test_feature_infos_are_the_ranges(problem: Problem) -> None:
    infos = make_grower(problem, SETTINGS).feature_infos.split()
    for info, column in zip(infos, problem.train_x.T, strict=True):
        low, high = map(float, info.strip("[]").split(":"))
        assert low == pytest.approx(column.min(), rel=1e-6)
        assert high == pytest.approx(column.max(), rel=1e-6)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_one_and_two_threads_grow_the_same_trees(problem: Problem, name: str) -> None:
    one = grow_and_check(make_grower(problem, VARIANTS[name]), problem, 4)
    two = grow_and_check(make_grower(problem, replace(VARIANTS[name], num_threads=2)), problem, 4)
    assert all(map(same, one, two))


def test_feature_sampling_depends_on_seed_and_iteration_alone(problem: Problem) -> None:
    settings = replace(SETTINGS, feature_fraction=0.4)
    gradient = split_gradient(problem, 0)

    def grow(seed: int, iterations: list[int]) -> list[GrownTree]:
        grower = make_grower(problem, replace(settings, seed=seed))
        trees = [grower.grow(*gradient, iteration) for iteration in iterations]
        return [tree for tree in trees if tree is not None]

    forwards, backwards = grow(42, [0, 1, 2, 3, 4]), grow(42, [4, 3, 2, 1, 0])
    assert all(map(same, forwards, backwards[::-1]))
    used = {tuple(sorted(set(tree.structure.split_feature))) for tree in forwards}
    assert len(used) > 1
    assert all(len(features) <= 2 for features in used)
    assert not all(map(same, forwards, grow(43, [0, 1, 2, 3, 4])))


def test_what_threads_and_resuming_rely_on_is_set() -> None:
    params = VARIANTS["quantized"].lightgbm_params()
    assert params["deterministic"]
    assert params["force_row_wise"]
    assert params["stochastic_rounding"] is False


def test_quantization_changes_the_structure(problem: Problem) -> None:
    gradient = split_gradient(problem, 0)
    trees = [make_grower(problem, settings).grow(*gradient, 0) for settings in QUANTIZATIONS]
    thresholds = {tree.structure.threshold.tobytes() for tree in trees if tree is not None}
    assert len(thresholds) == len(QUANTIZATIONS)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"num_leaves": 3}, lambda tree: tree.n_leaves == 3),
        ({"max_depth": 1}, lambda tree: tree.n_leaves == 2),
        ({"min_data_in_leaf": 400}, lambda tree: tree.leaf_count.min() >= 400),
        ({"min_sum_hessian_in_leaf": 80.0}, lambda tree: tree.leaf_count.min() >= 400),
        ({"min_gain_to_split": 30.0}, lambda tree: tree.split_gain.min() >= 0),
        ({"max_bin": 2}, lambda tree: tree.n_leaves <= 15),
    ],
)
def test_every_setting_changes_the_tree(problem: Problem, change: Any, check: Any) -> None:
    gradient = split_gradient(problem, 0)
    plain = make_grower(problem, SETTINGS).grow(*gradient, 0)
    changed = make_grower(problem, replace(SETTINGS, **change)).grow(*gradient, 0)
    assert plain is not None
    assert changed is not None
    assert check(changed.structure)
    assert not same(plain, changed)


def test_min_gain_to_split_stops_the_growth(problem: Problem) -> None:
    gradient = split_gradient(problem, 0)
    plain = make_grower(problem, SETTINGS).grow(*gradient, 0)
    assert plain is not None
    bound = float(np.median(plain.structure.split_gain))
    pruned = make_grower(problem, replace(SETTINGS, min_gain_to_split=bound)).grow(*gradient, 0)
    assert pruned is not None
    assert pruned.structure.n_leaves < plain.structure.n_leaves
