"""Row weights."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.messages import listed, printable, quoted
from exceptions import DataError
from processing.reading.row_places import RowPlaces

logger = logging.getLogger(__name__)

_USUAL_MEAN = (0.1, 10.0)
"""Mean weights that are near enough to 1 for the knobs that count a row as its weight."""

_LARGEST_SUM = 1e30
"""LightGBM adds up gains, which are of the size of the weights, as float32 (up to 3e38)."""


def check_weights(
    table: pd.DataFrame,
    weight_columns: Sequence[str],
    places: RowPlaces,
    *,
    is_whole: bool = True,
) -> None:
    """Check that weights can weigh: none missing, negative or infinite, and not all zero.

    Args:
        table: n rows; the weight columns are float32 with NaN where missing.
        weight_columns: the weight columns, which the table has.
        places: where the rows stand in the files.
        is_whole: whether these are all rows of the split; those of a part may all weigh zero.

    Raises:
        DataError: unfit weights, all columns in one message.
    """
    problems, sums = [], {}
    for name in weight_columns:
        weights = table[name].to_numpy()
        faults = {
            "missing": np.isnan(weights),
            "negative": weights < 0,
            "infinite": np.isposinf(weights),
        }
        parts = [
            f"{np.count_nonzero(is_fault)} {fault} (first in "
            f"{places.place_of(int(np.argmax(is_fault)))})"
            for fault, is_fault in faults.items()
            if is_fault.any()
        ]
        if not parts and is_whole and not weights.any():
            parts.append("only zeros")
        if parts:
            problems.append(f"column {quoted(name)}: {' and '.join(parts)}")
        else:
            sums[f"column {quoted(name)}"] = float(weights.sum(dtype=np.float64))
    if problems:
        raise DataError(
            f"{places.channel}: wanted weights of zero or more, found {listed(problems, '; ')}"
        )
    _check_sums(places.channel, sums)


def check_weight_sums(split: str, weight: NDArray[np.float32] | None, tasks: Sequence[str]) -> None:
    """Check that sums of the weights of labels, which may be products, stay finite.

    Args:
        split: what messages call the rows.
        weight: (n, K) weights, infinite where a product of weights is; None where all are 1.
        tasks: K task names.

    Raises:
        DataError: the weights of a task are too large, all tasks in one message.
    """
    if weight is None:
        return
    sums = weight.sum(axis=0, dtype=np.float64)
    names = [f"task {task} ({printable(name)})" for task, name in enumerate(tasks)]
    _check_sums(split, dict(zip(names, sums.tolist(), strict=True)))


def _check_sums(split: str, sums: Mapping[str, float]) -> None:
    problems = [f"{sums[what]:.3g} in {what}" for what in sums if not sums[what] <= _LARGEST_SUM]
    if problems:
        raise DataError(
            f"{split}: wanted row weights with a sum of at most {_LARGEST_SUM:.0e}, because larger "
            f"sums overflow, found {listed(problems)}: scale them to an average of about 1"
        )


def warn_of_scale(weight: NDArray[np.float32] | None, tasks: Sequence[str]) -> None:
    """Log a warning for tasks whose weights are on a scale of their own, such as a sum of 1.

    Args:
        weight: (n, K) weights of the training rows; None where all are 1.
        tasks: K task names.
    """
    if weight is not None:
        sums = weight.sum(axis=0, dtype=np.float64)
        warn_of_mean(sums, np.count_nonzero(weight, axis=0), tasks)


def warn_of_mean(
    sums: NDArray[np.float64], counts: NDArray[np.integer], tasks: Sequence[str]
) -> None:
    """As `warn_of_scale`, from the sum and the number of each task's weights above 0, (K,)."""
    lowest, highest = _USUAL_MEAN
    means = sums / np.maximum(counts, 1)
    unusual = [
        f"{means[task]:.3g} in task {task} ({name})"
        for task, name in enumerate(tasks)
        if counts[task] and not lowest <= means[task] <= highest
    ]
    if unusual:
        logger.warning(
            "Row weights average %s: lambda_l2 and min_sum_hessian_in_leaf count a row as its "
            "weight, and regularize rows of a small weight strongly, of a large one hardly; scale "
            "the weights to an average of about 1, or these two along with them",
            listed(unusual),
        )
