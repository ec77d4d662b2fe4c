"""Features that tell a label all by themselves, as what is known only after the label does."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.messages import listed, quoted

logger = logging.getLogger(__name__)

SUSPECT_AUC = 0.999
"""A single feature that separates the classes as well as this is no usual feature."""

# A sample of each class tells the other features apart from suspects: where the AUC is .999, its
# standard error is below .001.
_SAMPLE = 2000
_SCREENING_AUC = 0.996
# With fewer rows of a class, one feature of many may separate them by chance.
_FEWEST = 5


def separation(
    positive: NDArray[np.floating],
    negative: NDArray[np.floating],
    positive_weight: NDArray[np.floating],
    negative_weight: NDArray[np.floating],
) -> float:
    """The weighted AUC of a feature in the better of both directions, from .5 to 1.

    It is the share of pairs of a positive and a negative row, each with the product of both
    weights, in which the positive one has the higher value; a tie counts half (Hanley and McNeil,
    Radiology 143, 1982).

    Args:
        positive: (p,) values of the positive rows, finite.
        negative: (q,) values of the negative rows, finite.
        positive_weight: (p,) weights above 0.
        negative_weight: (q,) weights above 0.
    """
    order = np.argsort(negative)
    values = negative[order]
    below = np.append(0.0, np.cumsum(negative_weight[order], dtype=np.float64))
    lower = below[np.searchsorted(values, positive, side="left")]
    upper = below[np.searchsorted(values, positive, side="right")]
    won = np.sum(positive_weight * (lower + upper) / 2, dtype=np.float64)
    auc = won / (np.sum(positive_weight, dtype=np.float64) * below[-1])
    return float(max(auc, 1 - auc))


def warn_of_leaks(
    df: pd.DataFrame,
    source_of_feature: Mapping[str, str],
    label: NDArray[np.uint8],
    weight: NDArray[np.float32] | None,
    tasks: Sequence[str],
) -> None:
    """Log a warning that names features which alone rank a task's rows almost without a fault.

    Args:
        df: n training rows with the features as the model gets them: categories encoded out of
            fold, because a category that has seen the row's own label would always tell it.
        source_of_feature: feature -> the column that it comes from, which the warning names.
        label: (n, K) labels, 0 or 1.
        weight: (n, K) weights, 0 where a label is unknown; None where all are 1.
        tasks: K task names.
    """
    suspects: dict[tuple[str, int], float] = {}
    for task in range(len(tasks)):
        of_task = None if weight is None else weight[:, task]
        is_positive = label[:, task] == 1
        positives, negatives = (
            np.flatnonzero(rows if of_task is None else rows & (of_task > 0))
            for rows in (is_positive, ~is_positive)
        )
        if min(len(positives), len(negatives)) < _FEWEST:
            continue
        some = _some(positives), _some(negatives)
        for feature, source in source_of_feature.items():
            values = df[feature].to_numpy()
            if _separation_of(values, *some, of_task) < _SCREENING_AUC:
                continue
            auc = _separation_of(values, positives, negatives, of_task)
            if auc > SUSPECT_AUC:
                suspects[source, task] = max(auc, suspects.get((source, task), 0.0))
    if suspects:
        found = [
            f"{quoted(source)} ranks task {task} ({tasks[task]}) with an AUC of {auc:.5f}"
            for (source, task), auc in suspects.items()
        ]
        logger.warning(
            "Features that alone tell a label, on the training rows: %s. Are they known before the "
            "label is? Otherwise the model is good on these data only: leave them out",
            listed(found, "; "),
        )


def _some(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `_SAMPLE` rows, evenly spread."""
    if len(rows) <= _SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _SAMPLE).astype(np.intp)]


def _separation_of(
    values: NDArray[np.floating],
    positives: NDArray[np.intp],
    negatives: NDArray[np.intp],
    weight: NDArray[np.float32] | None,
) -> float:
    all_weights = np.broadcast_to(np.float32(1), values.shape) if weight is None else weight
    return separation(
        values[positives], values[negatives], all_weights[positives], all_weights[negatives]
    )
