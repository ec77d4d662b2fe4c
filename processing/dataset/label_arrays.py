"""Labels and weights of a split as the arrays that training takes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.memory_order import memory_order


def label_arrays(
    df: pd.DataFrame,
    task_columns: Sequence[str],
    sample_weight: str | None,
    task_weights: Mapping[str, str],
) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Labels and the weight of every label.

    Args:
        df: n rows; label columns as `labels.binary_labels` gives them, weights float32.
        task_columns: K label columns.
        sample_weight: Column with the weight of each row for all tasks; None: all 1.
        task_weights: For some tasks, the column with the weight of each row for this task.

    Returns:
        Labels, shape (n, K), 0 or 1, and weights, shape (n, K), or None where all are 1; both in
        the order of `memory_order`. A missing label becomes 0 with weight 0. A product of weights
        that float32 does not hold is infinite.
    """
    order = memory_order(len(task_columns))
    label = np.empty((len(df), len(task_columns)), dtype=np.uint8, order=order)
    unknown = {}
    for task, name in enumerate(task_columns):
        values = df[name].to_numpy()
        if values.dtype.kind == "f" and np.isnan(values).any():
            unknown[task] = np.isnan(values)
            values = np.nan_to_num(values)
        label[:, task] = values
    if sample_weight is None and not task_weights and not unknown:
        return label, None
    weight = np.ones(label.shape, dtype=np.float32, order=order)
    if sample_weight is not None:
        weight *= df[sample_weight].to_numpy()[:, None]
    for task, name in enumerate(task_columns):
        if name in task_weights:
            with np.errstate(over="ignore"):
                weight[:, task] *= df[task_weights[name]].to_numpy()
        if task in unknown:
            weight[unknown[task], task] = 0
    return label, weight
