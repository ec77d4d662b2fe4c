"""Whether a column's categories mean something else to a task than to the main task."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

SIGNIFICANCE = 1e-4
"""Largest probability that chance alone makes the categories differ as much."""

SMALLEST_DEVIATION = 0.15
"""Smallest root mean square by which the task's rate in a category must differ from what the main
task's rate tells of it, as a share of the rate of the task's rarer class."""

_LEAST_RELIABILITY = 0.25
"""Share of the main task's differences that is taken for true at the least: if all of it may be
chance, the slope could be anything."""

Label = NDArray[np.uint8] | NDArray[np.floating]


def count_pairs(
    code: NDArray[np.integer], n_categories: int, label: Label, main_label: Label
) -> NDArray[np.float64]:
    """Counts the rows of which both tasks' labels are known, by category, shape (C, 4).

    The columns are: all of them, those positive for the task, for the main task, and for both.
    Counts of parts of the rows may be added up.

    Args:
        code: Category of each row, shape (n,), from 0 to C - 1.
        n_categories: C.
        label: Shape (n,), the task's label, 0 or 1; NaN where it is unknown.
        main_label: The main task's.
    """
    common = ~(np.isnan(label) | np.isnan(main_label))
    task, main = label[common] == 1, main_label[common] == 1
    codes = code[common]
    groups = (np.ones_like(task), task, main, task & main)
    counts = [np.bincount(codes[group], minlength=n_categories) for group in groups]
    return np.stack(counts, axis=-1).astype(np.float64)


def count_alone(code: NDArray[np.integer], n_categories: int, label: Label) -> NDArray[np.float64]:
    """As `count_pairs`, of all rows of a known label, with a main task that is never positive."""
    return count_pairs(code, n_categories, label, np.zeros(len(label), np.uint8))


def differs_from_main(counts: NDArray[np.float64]) -> bool:
    """Whether the task's rates say what a linear function of the main task's does not.

    With the slope b of the task's rates on the main task's, weighted by rows, ``e = y - b y_main``
    has the same mean in every category if there is nothing more to say. An analysis of variance
    tells whether it has: ``X2 = sum_j n_j (mean_j e - mean e)^2 / s^2`` with s^2 the variance of e
    within categories is by chance distributed as chi square with J - 2 degrees of freedom (one is
    the slope's). What X2 is above that estimates how far the true rates are from the line.

    The main task's rates have chance in them, too, which makes the slope that is found smaller than
    the true one: what chance adds to the sums of squares and products is taken off (Fuller,
    "Measurement Error Models", 1987, 1.2).

    Args:
        counts: As `count_pairs` gives them, shape (J, 4). Of tasks that have no row in common those
            of `count_alone`: the main task's rates then tell nothing.
    """
    counts = counts[counts[:, 0] > 0]
    rows = counts[:, 0]
    n_rows, df = rows.sum(), len(rows) - 2
    if df < 1 or n_rows <= len(rows):
        return False
    task, main, both = counts.T[1:] / rows
    base = (rows * task).sum() / n_rows
    centred = main - (rows * main).sum() / n_rows

    def within(products: NDArray[np.float64]) -> float:
        return float((rows * products).sum() / (n_rows - len(rows)))

    task_variance, main_variance = within(task * (1 - task)), within(main * (1 - main))
    covariance = within(both - task * main)
    spread = (rows * centred**2).sum()
    reliable = max(spread - (df + 1) * main_variance, _LEAST_RELIABILITY * spread)
    common = (rows * centred * task).sum() - (df + 1) * covariance
    slope = common / reliable if reliable > 0 else 0.0
    variance = task_variance + slope**2 * main_variance - 2 * slope * covariance
    if base in {0.0, 1.0} or variance <= 0:
        return False
    statistic = (rows * (task - base - slope * centred) ** 2).sum() / variance
    deviation = np.sqrt(max(statistic - df, 0.0) * variance / n_rows) / min(base, 1 - base)
    return bool(chi2.sf(statistic, df) < SIGNIFICANCE and deviation > SMALLEST_DEVIATION)
