"""Counts of positives and negatives at each distinct probability."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix_at_thresholds

from models.evaluation.score_counts import count_by_score, count_tasks

ROWS = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), min_size=2
).filter(lambda rows: len({label for label, _ in rows}) == 2)


@given(rows=ROWS)
def test_cumulated_counts_equal_those_of_scikit_learn(rows: Any) -> None:
    labels, probs = np.array(rows).T
    counts = count_by_score(labels, probs)
    _, fps, _, tps, thresholds = confusion_matrix_at_thresholds(labels, probs, pos_label=1)
    np.testing.assert_array_equal(counts.threshold, thresholds)
    np.testing.assert_array_equal(counts.true_positives, tps)
    np.testing.assert_array_equal(counts.false_positives, fps)


@given(rows=ROWS, data=st.data())
def test_integer_weights_equal_repeated_rows(rows: Any, data: st.DataObject) -> None:
    labels, probs = np.array(rows).T
    repeats = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    weighted = count_by_score(labels, probs, repeats)
    repeated = count_by_score(np.repeat(labels, repeats), np.repeat(probs, repeats))
    np.testing.assert_array_equal(weighted.threshold, repeated.threshold)
    np.testing.assert_array_equal(weighted.positives, repeated.positives)
    np.testing.assert_array_equal(weighted.negatives, repeated.negatives)
    assert weighted.has_both_classes == repeated.has_both_classes


def test_rows_without_known_label_or_weight_are_left_out() -> None:
    counts = count_by_score([1, np.nan, 0, 0], [0.9, 0.8, 0.7, 0.6], [2.0, 1.0, 0.0, 1.0])
    assert counts.threshold.tolist() == [0.9, 0.6]
    assert counts.positives.tolist() == [2.0, 0.0]
    assert counts.negatives.tolist() == [0.0, 1.0]
    assert (counts.n_rows, counts.n_positives) == (2, 1)


def test_no_rows_count_as_nothing() -> None:
    counts = count_by_score([np.nan], [0.5])
    assert (counts.n_rows, counts.total_positives, counts.total_negatives) == (0, 0.0, 0.0)
    assert not counts.has_both_classes


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.float32])
def test_labels_may_have_any_dtype(dtype: type) -> None:
    counts = count_by_score(np.array([1, 0], dtype=dtype), np.array([0.25, 0.5], np.float32))
    assert counts.positives.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("labels", "probs", "weights", "message"),
    [
        ([0, 1], [0.1, 0.2, 0.3], None, r"shapes \(2,\) and \(3,\)"),
        ([[0, 1]], [[0.1, 0.2]], None, r"one-dimensional .* \(1, 2\) and \(1, 2\)"),
        ([0, 1], [0.1, 1.5], None, r"in \[0, 1\] .* 0.1 to 1.5"),
        ([0, 1], [-0.1, 0.5], None, r"range of -0.1 to 0.5"),
        ([0, 1], [0.1, np.nan], None, r"not NaN, .* nan"),
        ([0, 2, 3], [0.1, 0.2, 0.3], None, r"0, 1 or NaN \(unknown\), got \[2, 3\]"),
        ([0.0, 0.5], [0.1, 0.2], None, r"got \[0.5\]"),
        ([0, 1], [0.1, 0.2], [1.0], r"shape \(2,\), got shape \(1,\)"),
        ([0, 1], [0.1, 0.2], [1.0, -1.0], r">= 0, got a range of -1.0 to 1.0"),
        ([0, 1], [0.1, 0.2], [1.0, np.nan], r"not NaN and >= 0, .* nan"),
        ([0, 1], [0.1, 0.2], [1.0, np.inf], r"finite, .* to inf"),
    ],
)
def test_faulty_input_is_refused(labels: Any, probs: Any, weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_by_score(labels, probs, weights)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "weights", "message"),
    [
        ({0: [1], 1: [0]}, np.zeros((1, 3)), None, r"\(n, 2\), .* got shape \(1, 3\)"),
        ({0: [1], 1: [0]}, np.zeros(2), None, r"got shape \(2,\)"),
        ({0: [1]}, np.zeros((1, 2)), None, r"indices 0 to 1, got \[0\]"),
        ({0: [1], 1: [0]}, np.zeros((1, 2)), {7: [1.0]}, r"indices of 0 to 1, got \[7\]"),
        ({0: [1], 1: [0, 1]}, np.zeros((1, 2)), None, r"task 1 \(b\): .* \(2,\) and \(1,\)"),
    ],
)
def test_faulty_tasks_are_refused(y_true: Any, y_pred: Any, weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(count_tasks(y_true, y_pred, ["a", "b"], weights))
