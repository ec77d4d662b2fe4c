"""Do the tasks belong together? Told by how the model's own scores of them go together."""

import numpy as np
from numpy.typing import NDArray

LOOSE_CORRELATION = 0.3
"""Below this a task has little to gain from the others: on generated tables unrelated tasks stayed
below 0.15, while tasks that agree, oppose one another or are parts of each other were above 0.7."""


def score_correlation(raw_score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Correlation of every task's log-odds with every other's, shape (K, K).

    Of either sign: tasks that oppose one another share their splits as well as tasks that agree.
    A task whose scores are all the same has the correlation 0 with every other.

    Args:
        raw_score: Log-odds of rows that were not trained on, shape (n, K).
    """
    centred = raw_score - raw_score.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scaled = np.divide(centred, np.where(spread > 0, spread, 1.0), out=centred)
    # Not by BLAS, whose last digit depends on the machine.
    correlation: NDArray[np.float64] = np.einsum("ij,ik->jk", scaled, scaled)
    np.fill_diagonal(correlation, 1.0)
    return np.clip(correlation, -1.0, 1.0)


def loose_tasks(correlation: NDArray[np.float64]) -> list[int]:
    """Tasks whose log-odds go together with those of no other task."""
    others = np.abs(correlation - np.eye(len(correlation)))
    return [int(task) for task in np.flatnonzero(others.max(axis=0) < LOOSE_CORRELATION)]
