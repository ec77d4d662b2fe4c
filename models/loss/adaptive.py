"""`adaptive`: weights that move with each task's dissimilarity to the main task."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.loss.base import MultiTaskLoss
from models.loss.weight_rules import UPDATE_RULES, normalized


@dataclass(frozen=True)
class AdaptiveLoss(MultiTaskLoss):
    """Sum of log-losses whose weights follow the Jensen-Shannon similarity of the predictions.

    Attributes:
        weight_method: A key of `models.loss.weight_rules.UPDATE_RULES`.
        weight_lr: Learning rate of the update, in [0, 1].
        update_frequency: Iterations between two updates; `tenIters` has its own, 10.
    """

    weight_method: str = "standard"
    weight_lr: float = 0.1
    update_frequency: int = 10

    def initial_weights(self) -> NDArray[np.float64]:
        """The configured weights, scaled to sum 1."""
        return normalized(self.configured_weights())

    def update_due(self, n_iterations: int) -> bool:
        """Whether the weights move after `n_iterations` iterations."""
        frequency = UPDATE_RULES[self.weight_method].own_frequency or self.update_frequency
        return n_iterations % frequency == 0

    def updated_weights(
        self,
        weights: NDArray[np.float64],
        similarity: NDArray[np.float64],
        last_similarity: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """The next weights, shape (K,), finite, positive, with sum 1.

        Args:
            weights: Present weights, shape (K,).
            similarity: Similarity of each task to the main task now, shape (K,), in [0, 1].
            last_similarity: The same at the last update; None at the first.
        """
        rule = UPDATE_RULES[self.weight_method]
        return normalized(weights + self.weight_lr * rule.step(similarity, last_similarity))
