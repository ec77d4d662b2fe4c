"""Where the tasks are a hierarchy: do the probabilities keep to it?

If every positive of a subtask is a positive of the main task (a card fraud is a fraud), then its
probability should not be above the main task's. The model does not know of it, so it can be.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def positives_outside(
    label: NDArray[np.uint8], weight: NDArray[np.float32] | None, main_task: int
) -> list[int]:
    """Rows of each task that are positive in it but negative in the main task, K numbers.

    Args:
        label: (n, K), 0 or 1.
        weight: (n, K), 0 where a label is unknown, which then contradicts nothing; None: all known.
        main_task: Its index.
    """
    outside = (label == 1) & (label[:, [main_task]] == 0)
    if weight is not None:
        outside &= (weight > 0) & (weight[:, [main_task]] > 0)
    return [int(count) for count in np.count_nonzero(outside, axis=0)]


def hierarchy(
    outside: Sequence[int], prob: NDArray[np.floating], task_columns: Sequence[str], main_task: int
) -> dict[str, Any]:
    """Rows whose probability of a subtask is above the main task's.

    Args:
        outside: What `positives_outside` found in the training rows.
        prob: (n, K) probabilities.
        task_columns: K task names.
        main_task: Its index.

    Returns:
        `holds_in_training`, whether the tasks are a hierarchy at all; if they are none,
        `positives_outside` by task; else `n_rows`, `n_rows_above` (in any subtask), `share_above`,
        and `by_task`: `n_rows_above`, `share_above` and `largest_excess`, the largest difference of
        the probabilities (0.0 if there is none).
    """
    subtasks = [task for task in range(len(task_columns)) if task != main_task]
    if any(outside):
        counts = {task_columns[task]: outside[task] for task in subtasks if outside[task]}
        return {"holds_in_training": False, "positives_outside": counts}
    n_rows = len(prob)
    any_above = np.zeros(n_rows, dtype=bool)
    by_task = {}
    for task in subtasks:
        excess = prob[:, task] - prob[:, main_task]
        above = excess > 0
        any_above |= above
        by_task[task_columns[task]] = _figures(above) | {
            "largest_excess": float(max(excess.max(initial=0.0), 0.0))
        }
    return {"holds_in_training": True, "n_rows": n_rows, **_figures(any_above), "by_task": by_task}


def _figures(above: NDArray[np.bool_]) -> dict[str, Any]:
    n_above = int(np.count_nonzero(above))
    return {"n_rows_above": n_above, "share_above": n_above / len(above) if len(above) else 0.0}
