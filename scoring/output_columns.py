"""The columns that scoring adds to the rows, the same in batch and behind a port."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.reasons import Reasons
from scoring.scorer import Scorer


def output_names(scorer: Scorer, n_reasons: int = 0) -> list[str]:
    """Names of the added columns: probabilities, calibrated ones, then each task's reasons."""
    names = [f"{task}_prob" for task in scorer.tasks]
    if scorer.calibration is not None:
        names += [f"{task}_prob_calibrated" for task in scorer.tasks]
    for task in scorer.tasks:
        for number in range(1, _count(scorer, n_reasons) + 1):
            names += [f"{task}_reason_{number}", f"{task}_reason_{number}_contribution"]
    return names


def scored_columns(
    scorer: Scorer, features: NDArray[np.float32], n_reasons: int = 0, n_threads: int = 0
) -> dict[str, pa.Array]:
    """The added columns of n rows by name, in the order of `output_names`.

    Probabilities and contributions are float64; a reason is the name of a feature, or null where
    no further feature raised the task's log-odds.

    Args:
        scorer: The model.
        features: What `Scorer.features_of` made of the rows, shape (n, F).
        n_reasons: How many reasons are given per task, 0 for none.
        n_threads: Threads; 0: one per processor.
    """
    prob = scorer.score_features(features, n_threads)
    arrays = list(_columns(prob))
    if scorer.calibration is not None:
        arrays += _columns(scorer.calibration(prob))
    if n_reasons:
        arrays += _reasons(
            scorer.reasons_of_features(features, n_reasons, n_threads), scorer.features
        )
    return dict(zip(output_names(scorer, n_reasons), arrays, strict=True))


def _count(scorer: Scorer, n_reasons: int) -> int:
    return min(n_reasons, len(scorer.features))


def _columns(values: NDArray[np.float64]) -> list[pa.Array]:
    return [pa.array(column) for column in np.ascontiguousarray(values.T)]


def _reasons(reasons: Reasons, features: Sequence[str]) -> list[pa.Array]:
    names = pa.array(features, pa.string())
    arrays = []
    _, n_tasks, count = reasons.feature.shape
    for task in range(n_tasks):
        for number in range(count):
            index = reasons.feature[:, task, number]
            arrays.append(names.take(pa.array(index, mask=index < 0)))
            arrays.append(pa.array(reasons.contribution[:, task, number], mask=index < 0))
    return arrays
