"""How much each feature moves each task: mean absolute TreeSHAP values of a sample of rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.evaluation.drift import sampled_rows

MOST_ROWS = 2000
FEWEST_ROWS = 100
_ROW_LEAVES = 3_000_000
"""Rows times leaves, of the trees of all tasks. LightGBM (4.7.0) takes .1 to .15 microseconds of a
core for each, so that this is less than half a second: 320 rows of 100 trees, 31 leaves, 3 tasks.
"""


class Explainer(Protocol):
    """A model that can say what its scores are made of."""

    @property
    def n_leaf_values(self) -> int:
        """Values of all leaves: one per leaf of a shared tree and task."""

    def feature_importance(self, importance_type: str) -> NDArray[np.floating]:
        """Importance of every feature over all trees, shape (F,)."""

    def contributions(self, data: NDArray[np.floating], num_threads: int) -> NDArray[np.float64]:
        """Contribution of each feature to each task's log-odds, shape (n, K, F)."""


def feature_importance(
    model: Explainer,
    df: pd.DataFrame,
    feature_columns: Sequence[str],
    task_columns: Sequence[str],
    sample_weights: Mapping[int, NDArray[np.floating]] | None,
    num_threads: int,
) -> dict[str, Any]:
    """Gain, and mean absolute contribution per task.

    Args:
        model: The model.
        df: Preprocessed rows that were not trained on.
        feature_columns: F features in the order of the model.
        task_columns: K task names.
        sample_weights: Task index -> (n,) weights, 0 where a label is unknown; None: all 1.
        num_threads: Threads to use; 0: all.

    Returns:
        `gain`: `{feature: gain}` over all tasks, for they share their splits. `n_rows`: rows of the
        sample. `mean_abs_contribution`: `{task: {feature: value}}`, the mean absolute TreeSHAP
        value in log-odds; None for a task without a weight above 0 in the sample.
    """
    affordable = max(FEWEST_ROWS, _ROW_LEAVES // max(model.n_leaf_values, 1))
    rows = sampled_rows(len(df), min(MOST_ROWS, affordable))
    gain = model.feature_importance("gain").tolist()
    figures: dict[str, Any] = {
        "gain": dict(zip(feature_columns, gain, strict=True)),
        "n_rows": len(rows),
        "mean_abs_contribution": dict.fromkeys(task_columns),
    }
    if not len(rows):
        return figures
    data = np.column_stack([df[name].to_numpy()[rows] for name in feature_columns])
    sizes = np.abs(model.contributions(data, num_threads))
    for index, task in enumerate(task_columns):
        weight = None if sample_weights is None else sample_weights[index][rows]
        if weight is not None and not weight.any():
            continue
        means = np.average(sizes[:, index], axis=0, weights=weight).tolist()
        figures["mean_abs_contribution"][task] = dict(zip(feature_columns, means, strict=True))
    return figures
