"""Calibrated probabilities, by the lookup table that a later step of a pipeline has added.

The file `calibration/calibration_models_dict.pkl` holds, per `<task>_prob`, a list of (score,
calibrated score) pairs; between two of them a score is interpolated linearly, beyond the first and
the last it gets their calibrated score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.messages import quoted, quoted_list
from exceptions import ArtifactError

CALIBRATION_FILE = "calibration_models_dict.pkl"
CALIBRATION_FOLDER = "calibration"


@dataclass(frozen=True)
class Calibration:
    """One lookup table per task.

    Attributes:
        tables: Per task the scores, ascending, and their calibrated scores, both shape (m,).
    """

    tables: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]

    def __call__(self, prob: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (n, K), of probabilities of the same shape."""
        calibrated = np.empty_like(prob)
        for task, (scores, values) in enumerate(self.tables):
            calibrated[:, task] = np.interp(prob[:, task], scores, values)
        return calibrated


def read_calibration(document: object, source: str, tasks: Sequence[str]) -> Calibration:
    """Checks a loaded `calibration_models_dict.pkl`.

    Args:
        document: The loaded file.
        source: Its name in messages.
        tasks: The model's tasks; entries for other columns are not used.

    Raises:
        ArtifactError: It has another shape, lacks a task, or a table is no function of the score.
    """
    if not isinstance(document, dict):
        raise ArtifactError(
            f"{source}: wanted {{'<task>_prob': [(score, calibrated score), ...]}}, found a "
            f"{type(document).__name__}"
        )
    missing = [f"{task}_prob" for task in tasks if f"{task}_prob" not in document]
    if missing:
        raise ArtifactError(f"{source}: missing entries: {quoted_list(missing)}")
    return Calibration(
        tuple(
            _table(document[f"{task}_prob"], f"{source}: {quoted(f'{task}_prob')}")
            for task in tasks
        )
    )


def _table(pairs: object, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        table = np.array(pairs, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) == 0:
        raise ArtifactError(f"{where}: wanted a list of (score, calibrated score) pairs")
    scores, values = table.T
    if not np.isfinite(table).all() or np.any(values < 0) or np.any(values > 1):
        raise ArtifactError(f"{where}: wanted finite scores and calibrated scores from 0 to 1")
    if np.any(np.diff(scores) < 0):
        raise ArtifactError(f"{where}: wanted scores in ascending order")
    return np.ascontiguousarray(scores), np.ascontiguousarray(values)
