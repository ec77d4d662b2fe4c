"""Base rates that were given, beside those of the rows: which splits were sampled by label?"""

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)


def check_base_rates(
    rates_of_split: Mapping[str, Sequence[float]],
    tasks: Sequence[str],
    base_rates: Mapping[str, float],
) -> None:
    """Tells the log the rates of every split, and warns of splits that look sampled, too.

    Only the training rows are taken to be sampled. A split whose rate is nearer to theirs than to
    the true one looks as if it had been sampled with them.

    Args:
        rates_of_split: What `label_rates` gives for each split; one is called `train`.
        tasks: The K tasks.
        base_rates: True rate of some tasks, in (0, 1).
    """
    for task, true in base_rates.items():
        rates = {name: found[tasks.index(task)] for name, found in rates_of_split.items()}
        logger.info(
            "Task %s: true base rate %.6g, rates of the rows: %s",
            task,
            true,
            ", ".join(f"{name} {rate:.6g}" for name, rate in rates.items()),
        )
        for name in (name for name in rates if name != "train"):
            if _looks_sampled(rates[name], rates["train"], true):
                logger.warning(
                    "Task %s: the rate of the %s rows (%.6g) is that of the sampled training rows "
                    "rather than the one of task_base_rates (%.6g): what depends on the level of "
                    "the probabilities there (F1, log-loss, calibration) says little",
                    task,
                    name,
                    rates[name],
                    true,
                )


def label_rates(label: NDArray[np.uint8], weight: NDArray[np.float32] | None) -> list[float]:
    """Weighted share of the positives of each task, K numbers; nan without rows.

    Args:
        label: Labels, shape (n, K), 0 or 1.
        weight: Weights, shape (n, K), 0 where a label is unknown; None: all 1.
    """
    return [_rate(label, weight, task) for task in range(label.shape[1])]


def _rate(label: NDArray[np.uint8], weight: NDArray[np.float32] | None, task: int) -> float:
    """Weighted share of the positives; nan without rows."""
    if weight is None:
        return float(label[:, task].mean()) if len(label) else math.nan
    total = weight[:, task].sum(dtype=np.float64)
    positive = (weight[:, task] * label[:, task]).sum(dtype=np.float64)
    return float(positive / total) if total > 0 else math.nan


def _looks_sampled(rate: float, train: float, true: float) -> bool:
    """Whether the rate is nearer to that of the training rows, in log-odds."""
    if not (0 < rate < 1 and 0 < train < 1):
        return False
    return abs(_log_odds(rate) - _log_odds(train)) < abs(_log_odds(rate) - _log_odds(true))


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
