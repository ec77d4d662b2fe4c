"""Similarity of two tasks' predictions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from models.engine.row_blocks import RowBlocks
from models.engine.similarity import (
    PROB_OFFSET,
    ScoredRows,
    js_divergences,
    similarity_matrix,
    similarity_to_main,
)

Array = NDArray[Any]


def scores(name: str, n_rows: int = 5000) -> Array:
    """Raw scores of four tasks."""
    rng = np.random.default_rng(3)
    drawn = rng.normal(-2, 1.5, (n_rows, 4))
    one_hot = np.where(np.arange(n_rows)[:, None] % 4 == np.arange(4), 20.0, -60.0)
    return {
        "random": drawn,
        "close": drawn[:, :1] + rng.normal(0, 1e-3, (n_rows, 4)),
        "rare": drawn - 9,
        "one is constant": np.where(np.arange(4) == 2, -1.0, drawn),
        "all but disjoint": one_hot,
        "saturated": np.where(drawn > -2, 500.0, -500.0),
    }[name]


SCORES = ["random", "close", "rare", "one is constant", "all but disjoint", "saturated"]


def rows_of(raw_score: Array, weight: Array | None = None, n_threads: int = 1) -> ScoredRows:
    """The rows as the engine holds them."""
    return ScoredRows(raw_score, RowBlocks(len(raw_score), raw_score.shape[1], n_threads), weight)


def expected_js(raw_score: Array, i: int, j: int) -> float:
    """By definition: vectors with 1e-10 added, scaled to sum 1; base 2."""
    with np.errstate(over="ignore"):
        prob = 1 / (1 + np.exp(-raw_score.astype(np.float64))) + 1e-10
    return float(jensenshannon(prob[:, i], prob[:, j], base=2) ** 2)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-7)])
def test_divergence_equals_that_of_scipy(name: str, dtype: type, tolerance: float) -> None:
    raw_score: Array = scores(name).astype(dtype)
    pairs = [(0, 1), (2, 1), (3, 0), (2, 3)]
    found = js_divergences(rows_of(raw_score), pairs)
    expected = [expected_js(raw_score, i, j) for i, j in pairs]
    # scipy takes the root of a sum of terms of both signs, which costs it half of its digits.
    np.testing.assert_allclose(found, expected, atol=max(tolerance, 1e-12), rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_but_disjoint_predictions_have_divergence_1(dtype: type) -> None:
    raw_score: Array = scores("all but disjoint").astype(dtype)
    found = js_divergences(rows_of(raw_score), [(0, 1)])
    assert found[0] == pytest.approx(1.0, abs=1e-6)


@given(
    raw_score=arrays(np.float64, (40, 2), elements=st.floats(-800, 800)),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None)
def test_divergence_is_in_0_1_symmetric_and_0_on_itself(raw_score: Array, dtype: type) -> None:
    found = js_divergences(rows_of(raw_score.astype(dtype)), [(0, 1), (1, 0), (0, 0), (1, 1)])
    assert ((found >= 0) & (found <= 1)).all()
    assert found[0] == found[1]
    assert found[2] == found[3] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identical_tasks_are_exactly_similar(dtype: type) -> None:
    raw_score: Array = np.repeat(scores("random")[:, :1], 3, axis=1).astype(dtype)
    similarity = similarity_to_main(rows_of(raw_score), 3, 1)
    assert similarity.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("shift", [0.1, 3.0])
def test_a_common_factor_of_the_probabilities_is_no_dissimilarity(shift: float) -> None:
    prob = np.random.default_rng(0).uniform(0, 0.02, 3000)
    raw_score = np.log(np.column_stack([prob, shift * prob]))
    raw_score -= np.log1p(-np.exp(raw_score))
    # The offset of 1e-10 and the rounding of the scores are all that is left.
    assert js_divergences(rows_of(raw_score), [(0, 1)])[0] < 1e-12


@pytest.mark.parametrize("main_task", [0, 2, 3])
def test_similarity_to_the_main_task_is_a_column_of_the_matrix(main_task: int) -> None:
    raw_score = scores("random")
    rows = rows_of(raw_score)
    matrix = similarity_matrix(rows, 4)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.diag(matrix).tolist() == [1.0] * 4
    np.testing.assert_array_equal(similarity_to_main(rows, 4, main_task), matrix[:, main_task])
    for i in range(4):
        for j in range(i):
            assert matrix[i, j] == pytest.approx(1 - expected_js(raw_score, i, j), abs=1e-9)


def test_many_blocks_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    raw_score = scores("random")
    whole = similarity_matrix(rows_of(raw_score), 4)
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)
    rows = rows_of(raw_score, n_threads=2)
    assert len(rows.blocks.slices) > 4
    np.testing.assert_allclose(similarity_matrix(rows, 4), whole, rtol=1e-12)


def test_a_pair_is_compared_where_both_labels_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.engine.row_blocks._VALUES_PER_BLOCK", 1)
    raw_score = scores("random")
    rng = np.random.default_rng(5)
    weight = rng.integers(0, 3, raw_score.shape).astype(np.float32)
    matrix = similarity_matrix(rows_of(raw_score, weight, n_threads=2), 4)
    to_main = similarity_to_main(rows_of(raw_score, weight), 4, 2)
    np.testing.assert_array_equal(to_main, matrix[:, 2])
    for i, j in [(0, 1), (2, 0), (3, 2)]:
        known = (weight[:, i] > 0) & (weight[:, j] > 0)
        assert matrix[i, j] == pytest.approx(1 - expected_js(raw_score[known], i, j), abs=1e-9)


def test_tasks_without_a_common_row_are_not_dissimilar() -> None:
    raw_score = scores("random")
    weight = np.ones(raw_score.shape, dtype=np.float32)
    weight[::2, 0] = 0
    weight[1::2, 1] = 0
    found = similarity_to_main(rows_of(raw_score, weight), 4, 1)
    assert found[0] == 1.0
    assert np.isfinite(found).all()


def test_the_offset_is_that_of_the_definition() -> None:
    assert PROB_OFFSET == 1e-10
