"""Risk tables from counts: the folds, and the formula, against scikit-learn's and by hand."""

import itertools
from typing import Literal

import numpy as np
import pytest
from sklearn.preprocessing import TargetEncoder

from processing.features.risk_counts import (
    category_risks,
    count_categories,
    fold_of_rows,
    out_of_fold_risks,
)

N_ROWS, N_CATEGORIES, FOLDS = 500, 6, 4


def some_rows(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, labels and folds; the last category has no row."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, N_CATEGORIES - 1, N_ROWS)
    label = (rng.random(N_ROWS) < 0.1 + 0.15 * code).astype(np.float64)
    return code, label, fold_of_rows(0, N_ROWS, FOLDS, seed)


@pytest.mark.parametrize("bounds", [(0, 500), (0, 1, 500), (0, 200, 200, 350, 500)])
def test_the_fold_of_a_row_is_the_same_whichever_host_has_it(bounds: tuple[int, ...]) -> None:
    parts = [
        fold_of_rows(first, last - first, FOLDS, 42) for first, last in itertools.pairwise(bounds)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), fold_of_rows(0, 500, FOLDS, 42))


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_folds_are_random_and_about_equally_large(folds: int) -> None:
    n_rows = 10_000
    fold = fold_of_rows(10**10, n_rows, folds, 7)
    assert set(fold.tolist()) == set(range(folds))
    spread = np.sqrt(n_rows / folds)
    assert np.abs(np.bincount(fold) - n_rows / folds).max() < 5 * spread
    # Neighbours, and the same rows of a job with another seed, are in the same fold by chance.
    for other in (np.roll(fold, 1), fold_of_rows(10**10, n_rows, folds, 8)):
        assert np.mean(fold == other) == pytest.approx(1 / folds, abs=0.03)


def test_counts_are_those_of_a_loop_and_add_up_over_hosts() -> None:
    code, label, fold = some_rows(0)
    expected = np.zeros((FOLDS, N_CATEGORIES, 2))
    for row in range(N_ROWS):
        expected[fold[row], code[row]] += (1, label[row])
    found = count_categories(code, N_CATEGORIES, label, fold, FOLDS)
    np.testing.assert_array_equal(found, expected)
    parts = [
        count_categories(code[rows], N_CATEGORIES, label[rows], fold[rows], FOLDS)
        for rows in (slice(0, 0), slice(0, 123), slice(123, None))
    ]
    np.testing.assert_array_equal(np.sum(parts, axis=0), expected)


@pytest.mark.parametrize("smooth", ["auto", 0.0, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(3))
def test_risks_are_those_of_scikit_learn(smooth: float | Literal["auto"], seed: int) -> None:
    code, label, fold = some_rows(seed)
    counts = count_categories(code, N_CATEGORIES, label, fold, FOLDS)

    def expected(rows: np.ndarray) -> np.ndarray:
        encoder = TargetEncoder(
            categories=[range(N_CATEGORIES)], target_type="binary", smooth=smooth
        )
        encoder.fit(code[rows, None], label[rows])
        return np.asarray(encoder.encodings_[0])

    everything = np.full(N_ROWS, fill_value=True)
    found = category_risks(counts.sum(axis=0), smooth)
    np.testing.assert_allclose(found, expected(everything), rtol=1e-12)
    for number, risks in enumerate(out_of_fold_risks(counts, smooth)):
        np.testing.assert_allclose(risks, expected(fold != number), rtol=1e-12)


def test_no_label_of_its_own_fold_is_in_what_a_row_gets() -> None:
    code, label, fold = some_rows(1)
    changed = np.where(fold == 2, 1 - label, label)
    before, after = (
        out_of_fold_risks(count_categories(code, N_CATEGORIES, each, fold, FOLDS), "auto")
        for each in (label, changed)
    )
    np.testing.assert_array_equal(before[2], after[2])
    assert not np.array_equal(before[1], after[1])


@pytest.mark.parametrize("smooth", ["auto", 0.0, 10.0])
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[0, 0], [0, 0]], [0.0, 0.0]),
        ([[4, 4], [0, 0]], [1.0, 1.0]),
        ([[4, 0], [3, 0]], [0.0, 0.0]),
    ],
    ids=["no rows", "positives alone", "negatives alone"],
)
def test_rows_of_one_class_or_none(
    counts: list[list[int]], expected: list[float], smooth: float | Literal["auto"]
) -> None:
    assert category_risks(np.array(counts, float), smooth).tolist() == expected
