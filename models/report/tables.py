"""Which rows the page's longer tables have, and in which order; the figures stay where they are."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

MOST_ROWS = 20


def feature_rows(
    metrics: Mapping[str, Any], tasks: Sequence[str], order: Sequence[int]
) -> dict[str, Any]:
    """The features by what they contribute, summed over the tasks, each task's scaled to 1.

    Returns:
        `names`; `rows`, indices of the most important features; `n_others`; `gain_share` by index;
        `share` by task and index, relative to the task's most important feature; `of_task`, the
        indices of each task's most important features; `has_splits`, whether any tree has one.
    """
    figures = metrics["feature_importance"]
    names = list(figures["gain"])
    gain = list(figures["gain"].values())
    total = sum(gain)
    nothing = dict.fromkeys(names, 0.0)
    by_task = figures["mean_abs_contribution"]
    sizes = {task: list((by_task[tasks[task]] or nothing).values()) for task in order}
    share = {task: _relative(values) for task, values in sizes.items()}
    sums = [sum(share[task][i] for task in order) for i in range(len(names))]
    by_sum = sorted(range(len(names)), key=lambda i: (-sums[i], -gain[i], i))
    used = [i for i in by_sum if sums[i] > 0 or gain[i] > 0]
    return {
        "names": names,
        "rows": used[:MOST_ROWS],
        "n_others": len(names) - len(used[:MOST_ROWS]),
        "gain_share": [value / total if total > 0 else 0.0 for value in gain],
        "share": share,
        "of_task": {
            task: [i for i in sorted(used, key=lambda i: -values[i])[:8] if values[i] > 0]
            for task, values in share.items()
        },
        "has_splits": total > 0,
    }


def risk_rows(metrics: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Index and name of the risk tables that are shown."""
    return list(enumerate(metrics["risk_tables"]))[:MOST_ROWS]


def moved_bins(drift: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Features by their stability index, the highest first, each with the bin that moved most."""
    entries = list(drift.values())
    order = sorted(range(len(entries)), key=lambda i: -entries[i]["psi"])
    return [(i, _most_moved(entries[i])) for i in order]


def _most_moved(entry: Mapping[str, Any]) -> int:
    parts = [
        (here - training) * math.log(here / training) if here > 0 and training > 0 else 0.0
        for training, here in zip(entry["training"], entry["here"], strict=True)
    ]
    return max(range(len(parts)), key=lambda i: parts[i])


def _relative(values: Sequence[float]) -> list[float]:
    highest = max(values, default=0.0)
    return [value / highest if highest > 0 else 0.0 for value in values]
