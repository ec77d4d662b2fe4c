"""Labels, scores, derivatives and leaf sums of one split's rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.engine.row_blocks import RowBlocks
from models.engine.sampling import Bag
from models.engine.task_rows import (
    LabelledRows,
    TaskScores,
    TrainingRows,
    base_scores,
    class_weights,
)
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.base import Distillation
from models.loss.fixed import FixedLoss
from models.loss.logloss import sigmoid

Array = NDArray[Any]
LOSS = FixedLoss(3, 0)
FACTORS = np.array([0.2, -0.7, 0.1])
N_ROWS = 5000
MAX_LEAVES = 11


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> np.dtype[Any]:
    """Either precision of the scores, in blocks of 1024 rows."""
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)
    name: str = request.param
    if name == "float32":
        monkeypatch.setattr("models.engine.task_rows._EXACT_VALUES", 0)
    return np.dtype(name)


def assert_close(found: Array, expected: Array, dtype: np.dtype[Any]) -> None:
    """Equal to the precision of `dtype`."""
    rtol, atol = (1e-10, 1e-12) if dtype == np.float64 else (1e-4, 1e-5)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def make_labels(seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.random((N_ROWS, 3)) < [0.5, 0.2, 0.02]).astype(np.uint8)


def make_weights(seed: int = 1) -> Array:
    """Uneven weights, of which the second task has many zeros."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 4, (N_ROWS, 3)).astype(np.float32)
    weight[rng.random(N_ROWS) < 0.4, 1] = 0
    return weight


def training_rows(rows: LabelledRows, n_threads: int = 1, score_seed: int = 2) -> TrainingRows:
    """Training rows with random scores."""
    made = TrainingRows(rows, np.zeros(3), MAX_LEAVES, n_threads)
    rng = np.random.default_rng(score_seed)
    made.current_scores()[:] = rng.normal(-1, 2, rows.label.shape)
    return made


def random_leaves(seed: int) -> tuple[Array, Any]:
    """A leaf of every row, and what writes them block by block."""
    assigned = np.random.default_rng(seed).integers(0, MAX_LEAVES, N_ROWS).astype(np.int32)

    def find(rows: slice, leaf: Array, _scratch: Array) -> None:
        leaf[:] = assigned[rows]

    return assigned, find


def sums_by_leaf(values: Array, leaf: Array) -> Array:
    sums = np.zeros((MAX_LEAVES, values.shape[1]))
    np.add.at(sums, leaf, values.astype(np.float64))
    return sums


def test_shape() -> None:
    rows = LabelledRows(make_labels())
    assert (rows.n_rows, rows.n_tasks) == (N_ROWS, 3)


@pytest.mark.parametrize(
    ("label", "weight", "odds"),
    [
        ([1, 0, 0, 0], None, 1 / 3),
        ([1, 1, 1, 0], None, 3.0),
        ([0, 0, 0, 0], None, 0.5 / 4),
        ([1, 1, 1, 1], None, 4 / 0.5),
        ([1, 0, 0, 0], [3, 1, 1, 0], 3 / 2),
        ([1, 0, 0, 9], [3, 1, 1, 0], 3 / 2),  # a label of weight 0 may be anything
        ([1, 0, 0, 0], [1e-6, 1e-6, 1e-6, 1e-6], 1 / 3),  # the scale of weights does not matter
        ([1, 0, 0, 0], [1e6, 1e6, 1e6, 1e6], 1 / 3),
        ([1, 0, 0, 0], [1e-3, 9, 90, 900], 1e-3 / 999),
        ([1, 1, 1, 0], [0, 0, 0, 7], 0.5 / 7),
        ([1, 1, 1, 0], [0, 0, 0, 0.25], 0.5),  # half of what there is, where that is below a row
        ([1, 1, 1, 0], [0, 0, 0, 0], 1.0),
    ],
)
def test_base_scores_by_hand(label: list[int], weight: list[float] | None, odds: float) -> None:
    column = np.array(label, dtype=np.uint8)[:, None]
    weights = None if weight is None else np.array(weight, dtype=np.float32)[:, None]
    other = np.array([[0], [1], [0], [1]], dtype=np.uint8)
    rows = LabelledRows(
        np.hstack([column, other]),
        None if weights is None else np.hstack([weights, np.ones((4, 1), np.float32)]),
    )
    found = base_scores(*class_weights(rows))
    assert found[0] == pytest.approx(np.log(odds), rel=1e-6)
    assert found[1] == 0


def add_random_trees(scores: TaskScores) -> Iterator[Array]:
    """Adds three trees; gives what each adds to the scores, shape (n, K)."""
    for seed in range(3):
        leaf, find = random_leaves(seed)
        value = np.random.default_rng(seed).normal(size=(MAX_LEAVES, 3))
        scores.assign_leaves(find)
        scores.add_tree(value)
        yield value.astype(scores.dtype)[leaf]


def test_scores_start_at_the_base_and_follow_the_trees(dtype: np.dtype[Any]) -> None:
    scores = TaskScores(LabelledRows(make_labels()), np.array([0.5, -1.0, 2.0]), 2)
    assert scores.current_scores().dtype == dtype
    assert (scores.current_scores() == np.array([0.5, -1.0, 2.0], dtype=dtype)).all()
    expected = scores.current_scores().copy()
    for step in add_random_trees(scores):
        expected += step
        np.testing.assert_array_equal(scores.current_scores(), expected)


def test_trees_are_added_though_nobody_looks_at_the_scores(dtype: np.dtype[Any]) -> None:
    scores = TaskScores(LabelledRows(make_labels()), np.zeros(3), 2)
    expected = np.zeros((N_ROWS, 3), dtype=dtype)
    for step in add_random_trees(scores):
        expected += step
    for _ in range(2):  # the last one is not added again
        np.testing.assert_array_equal(scores.current_scores(), expected)


def test_large_tables_use_float32() -> None:
    def dtype_of(n_rows: int) -> np.dtype[Any]:
        rows = LabelledRows(np.zeros((n_rows, 2), dtype=np.uint8))
        raw_score: Array = TaskScores(rows, np.zeros(2), 1).current_scores()
        return raw_score.dtype

    assert dtype_of(2**16) == np.float64
    assert dtype_of(2**16 + 1) == np.float32


WEIGHTINGS = ["none", "weights", "bag", "weights and bag"]


def counts_of(weighting: str) -> tuple[LabelledRows, Bag | None, Array]:
    """Labelled rows, a bag, and how much every row then counts, shape (n, K)."""
    weight = make_weights() if weighting.startswith("weights") else None
    bag = Bag(0.7, 42, 5) if weighting.endswith("bag") else None
    counts = np.ones((N_ROWS, 3)) if weight is None else weight.astype(np.float64)
    if bag is not None:
        kept = [bag.rows(rows) for rows in RowBlocks(N_ROWS, 3, 1).slices]
        counts = counts * np.concatenate(kept)[:, None]
    return LabelledRows(make_labels(), weight), bag, counts


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_derivatives_are_the_losses_times_what_a_row_counts(
    dtype: np.dtype[Any], weighting: str
) -> None:
    labelled, bag, counts = counts_of(weighting)
    rows = training_rows(labelled)
    rows.split_gradient(FACTORS, LOSS, bag=bag)
    prob = 1 / (1 + np.exp(-rows.current_scores().astype(np.float64)))
    assert_close(rows.grad, counts * (prob - labelled.label), dtype)
    assert_close(rows.hess, counts * prob * (1 - prob), dtype)
    assert rows.grad.dtype == rows.hess.dtype == dtype
    assert not rows.grad[counts == 0].any()
    assert not rows.hess[counts == 0].any()


@pytest.mark.parametrize("n_threads", [1, 3])
def test_distillation_reaches_every_block(dtype: np.dtype[Any], n_threads: int) -> None:
    loss = AdaptiveDistillationLoss(3, 0, kd_weight=2.0, teacher="best_self")
    rows = training_rows(LabelledRows(make_labels()), n_threads)
    teacher = np.random.default_rng(9).normal(size=(N_ROWS, 3)).astype(dtype)
    distillation = Distillation((1,), teacher)
    rows.split_gradient(FACTORS, loss, distillation)
    grad, hess = np.empty_like(rows.grad), np.empty_like(rows.hess)
    loss.grad_hess(sigmoid(rows.current_scores()), rows.rows.label, grad, hess, distillation)
    np.testing.assert_array_equal(rows.grad, grad)
    np.testing.assert_array_equal(rows.hess, hess)


def test_masking_a_task_leaves_the_others_alone(dtype: np.dtype[Any]) -> None:
    full, masked_rows = np.ones((N_ROWS, 3), dtype=np.float32), slice(0, N_ROWS, 3)
    masked, label = full.copy(), make_labels()
    masked[masked_rows, 1] = 0
    odd_label = label.copy()
    odd_label[masked_rows, 1] = 77
    _, find = random_leaves(0)
    results = []
    for labelled in (LabelledRows(label, full), LabelledRows(odd_label, masked)):
        rows = training_rows(labelled)
        rows.split_gradient(FACTORS, LOSS)
        results.append([base_scores(*class_weights(labelled)), *rows.leaf_sums(MAX_LEAVES, find)])
    for plain, with_mask in zip(*results, strict=True):
        np.testing.assert_array_equal(with_mask[..., [0, 2]], plain[..., [0, 2]])
        assert (with_mask[..., 1] != plain[..., 1]).all()


def test_masked_labels_are_the_same_as_dropped_rows(dtype: np.dtype[Any]) -> None:
    known = np.random.default_rng(4).random(N_ROWS) < 0.6
    weight = np.repeat(known[:, None], 3, axis=1).astype(np.float32)
    masked = training_rows(LabelledRows(make_labels(), weight))
    dropped = TrainingRows(LabelledRows(make_labels()[known]), np.zeros(3), MAX_LEAVES, 1)
    dropped.current_scores()[:] = masked.current_scores()[known]
    masked.split_gradient(FACTORS, LOSS)
    dropped.split_gradient(FACTORS, LOSS)
    np.testing.assert_array_equal(masked.grad[known], dropped.grad)
    np.testing.assert_array_equal(class_weights(masked.rows), class_weights(dropped.rows))


def test_integer_weights_are_the_same_as_repeated_rows(dtype: np.dtype[Any]) -> None:
    repeats = np.random.default_rng(5).integers(0, 4, N_ROWS)
    weight = np.repeat(repeats[:, None], 3, axis=1).astype(np.float32)
    weighted = training_rows(LabelledRows(make_labels(), weight))
    repeated = TrainingRows(
        LabelledRows(np.repeat(make_labels(), repeats, axis=0)), np.zeros(3), MAX_LEAVES, 1
    )
    repeated.current_scores()[:] = np.repeat(weighted.current_scores(), repeats, axis=0)
    np.testing.assert_allclose(
        class_weights(weighted.rows), class_weights(repeated.rows), rtol=1e-12
    )
    weighted.split_gradient(FACTORS, LOSS)
    repeated.split_gradient(FACTORS, LOSS)
    leaf, find = random_leaves(6)
    leaf_repeated = np.repeat(leaf, repeats)

    def find_repeated(rows: slice, leaf: Array, _scratch: Array) -> None:
        leaf[:] = leaf_repeated[rows]

    for one, other in zip(
        weighted.leaf_sums(MAX_LEAVES, find),
        repeated.leaf_sums(MAX_LEAVES, find_repeated),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_split_gradient_combines_the_tasks(dtype: np.dtype[Any], weighting: str) -> None:
    labelled, bag, _ = counts_of(weighting)
    rows = training_rows(labelled)
    grad, hess = rows.split_gradient(FACTORS, LOSS, bag=bag)
    assert rows.grad.dtype == dtype
    assert grad.dtype == hess.dtype == np.float32
    np.testing.assert_allclose(grad, rows.grad @ FACTORS, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(hess, rows.hess @ np.abs(FACTORS), rtol=1e-5)


def test_a_pending_tree_is_in_the_derivatives_once(dtype: np.dtype[Any]) -> None:
    """The tree that waits to be added is added by whatever passes over the rows next."""
    value = np.random.default_rng(3).normal(size=(MAX_LEAVES, 3))
    _, find = random_leaves(0)
    results = []
    for look_first in (True, False):
        rows = training_rows(LabelledRows(make_labels()), 2)
        rows.assign_leaves(find)
        rows.add_tree(value)
        if look_first:
            rows.current_scores()
        rows.split_gradient(FACTORS, LOSS)
        results.append([rows.grad, rows.hess, rows.current_scores(), rows.current_scores()])
        assert_close(rows.grad, sigmoid(rows.current_scores()) - rows.rows.label, dtype)
    for eager, lazy in zip(*results, strict=True):
        np.testing.assert_array_equal(eager, lazy)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_leaf_sums_are_those_of_the_rows_in_the_leaf(dtype: np.dtype[Any], n_threads: int) -> None:
    rows = training_rows(LabelledRows(make_labels()), n_threads)
    rows.split_gradient(FACTORS, LOSS)
    # More than once: sums of an earlier tree's leaves must not come back.
    for seed in range(3):
        leaf, find = random_leaves(seed)
        grad_sums, hess_sums = rows.leaf_sums(MAX_LEAVES, find)
        assert grad_sums.dtype == hess_sums.dtype == np.float64
        np.testing.assert_array_equal(rows.leaf, leaf)
        np.testing.assert_allclose(grad_sums, sums_by_leaf(rows.grad, leaf), rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(hess_sums, sums_by_leaf(rows.hess, leaf), rtol=1e-4, atol=1e-3)


def test_leaf_sums_of_a_small_tree() -> None:
    rows = training_rows(LabelledRows(make_labels()))
    rows.split_gradient(FACTORS, LOSS)

    def find(rows: slice, leaf: Array, _scratch: Array) -> None:
        leaf[:] = np.arange(rows.start, rows.stop) % 2

    grad_sums, _ = rows.leaf_sums(2, find)
    np.testing.assert_allclose(grad_sums, [rows.grad[::2].sum(0), rows.grad[1::2].sum(0)])


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_any_number_of_threads_gives_the_same_bits(dtype: np.dtype[Any], weighting: str) -> None:
    labelled, bag, _ = counts_of(weighting)
    _, find = random_leaves(1)
    results: list[list[Array]] = []
    for n_threads in (1, 2, 4):
        rows = training_rows(labelled, n_threads)
        projected = rows.split_gradient(FACTORS, LOSS, bag=bag)
        sums = rows.leaf_sums(MAX_LEAVES, find)
        rows.add_tree(sums[0])
        results.append([*projected, *sums, rows.grad, rows.current_scores()])
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            assert found.tobytes() == expected.tobytes()
