"""Whether the validation rows can tell what training will ask them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common.messages import listed, quoted
from exceptions import DataError


def check_validation_labels(
    label: NDArray[np.uint8],
    weight: NDArray[np.float32] | None,
    task_columns: Sequence[str],
    main_task: str,
    watched_metric: str | None,
) -> None:
    """Check that validation scores are defined: any at all, and the one that early stopping needs.

    Args:
        label: Labels of the validation rows, shape (m, K), 0 or 1.
        weight: Weights of the labels, shape (m, K), 0 where a label is unknown; None: all 1.
        task_columns: K task names.
        main_task: One of them.
        watched_metric: The score that early stopping watches, `main_auc`, `mean_auc` or
            `mean_logloss`; None: there is no early stopping.

    Raises:
        DataError: No label is known, or the watched score would be undefined.
    """
    counts = np.ones(label.shape, dtype=bool) if weight is None else weight > 0
    positives = (counts & (label == 1)).sum(axis=0)
    negatives = (counts & (label == 0)).sum(axis=0)
    if not counts.any():
        raise DataError("val: no row has a label (with a weight above 0), so nothing can be scored")
    needed = {"main_auc": [main_task], "mean_auc": list(task_columns)}
    watched = needed.get(watched_metric or "", [])
    found = {
        name: f"task {quoted(name)} has {positives[task]} positive and {negatives[task]} negative"
        for task, name in enumerate(task_columns)
        if name in watched and 0 in {positives[task], negatives[task]}
    }
    if watched and len(found) == len(watched):
        raise DataError(
            f"val: early stopping watches {watched_metric}, which needs validation rows of both "
            f"classes, but {listed(list(found.values()), '; ')}; give other validation data, set "
            "early_stopping_metric to mean_logloss, or early_stopping_rounds to 0"
        )
