"""Risk tables from counts alone: what several hosts can add up.

The same formula as `processing.features.risk_tables`; only the folds differ. There they share out
each class evenly, for which all labels must be in one place; here a row's fold is a function of the
seed and its number.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class CategoryCounts:
    """Rows and positives of one column's categories in some of the rows.

    Attributes:
        texts: The C categories.
        counts: Shape (folds, C + 1, 2), see `count_categories`; category 0 is a missing one.
        pairs: Shape (C + 1, 4), see `processing.features.risk_differences.count_pairs`.
    """

    texts: list[str]
    counts: NDArray[np.float64]
    pairs: NDArray[np.float64]


def fold_of_rows(first_row: int, n_rows: int, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, shape (n,), from 0; the same whichever host holds the row.

    The numbers are mixed by splitmix64 (Steele et al., "Fast splittable pseudorandom number
    generators", OOPSLA 2014).

    Args:
        first_row: Number of row 0 among all rows.
        n_rows: n.
        folds: Number of folds.
        seed: Seed of the job.
    """
    start = np.random.SeedSequence([seed, 3]).generate_state(1, np.uint64)
    with np.errstate(over="ignore"):
        mixed = start + (
            np.arange(first_row, first_row + n_rows, dtype=np.uint64) + np.uint64(1)
        ) * (_GOLDEN)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    fold: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(31))) % np.uint64(folds)
    return fold.astype(np.int64)


def count_categories(
    code: NDArray[np.integer],
    n_categories: int,
    label: NDArray[np.floating],
    fold: NDArray[np.int64],
    folds: int,
) -> NDArray[np.float64]:
    """Rows and positives by fold and category, shape (folds, C, 2).

    Args:
        code: Category of each row, shape (n,), from 0 to C - 1.
        n_categories: C.
        label: Labels, shape (n,), 0 or 1.
        fold: Fold of each row, shape (n,).
        folds: Number of folds.
    """
    cell = fold * n_categories + code
    size = folds * n_categories
    counts = np.stack(
        [np.bincount(cell, minlength=size), np.bincount(cell, weights=label, minlength=size)],
        axis=-1,
    )
    return counts.astype(np.float64).reshape(folds, n_categories, 2)


def category_risks(
    counts: NDArray[np.float64], smooth: float | Literal["auto"]
) -> NDArray[np.float64]:
    """The smoothed positive rate of each category, shape (C,); the base rate where it has no rows.

    Args:
        counts: Rows and positives of each category, shape (C, 2).
        smooth: How many rows of the base rate are mixed into each category, or "auto": as many as
            the category's variance asks for (Micci-Barreca, SIGKDD Explorations 3, 2001, equations
            5 and 6), as in `sklearn.preprocessing.TargetEncoder`.
    """
    rows, positives = counts[:, 0], counts[:, 1]
    n_rows = rows.sum()
    base_rate = positives.sum() / n_rows if n_rows else 0.0
    seen = rows > 0
    rate = np.divide(positives, rows, out=np.zeros_like(rows), where=seen)
    if smooth == "auto":
        variance = base_rate * (1 - base_rate)
        noise = rate * (1 - rate)  # the squared differences of 0s and 1s, over the rows
        own, total = variance * rows, variance * rows + noise
        share = np.divide(own, total, out=np.zeros_like(rows), where=total > 0)
        drawn: NDArray[np.float64] = share * rate + (1 - share) * base_rate
        return drawn
    total = rows + smooth
    return np.divide(
        positives + smooth * base_rate,
        total,
        out=np.full_like(rows, base_rate),
        where=total > 0,
    )


def out_of_fold_risks(
    counts: NDArray[np.float64], smooth: float | Literal["auto"]
) -> NDArray[np.float64]:
    """What each category is worth to the rows of each fold, shape (folds, C).

    Args:
        counts: Rows and positives, shape (folds, C, 2).
        smooth: As in `category_risks`.
    """
    total = counts.sum(axis=0)
    return np.stack([category_risks(total - own, smooth) for own in counts])
