"""`fixed`: the weights stay as they are configured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.loss.base import MultiTaskLoss


@dataclass(frozen=True)
class FixedLoss(MultiTaskLoss):
    """Sum of log-losses with constant weights, not scaled to sum 1."""

    def initial_weights(self) -> NDArray[np.float64]:
        """`main_task_weight` for the main task, `beta` for every other."""
        return self.configured_weights()
