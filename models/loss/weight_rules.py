"""How task weights move: the four update rules of the adaptive losses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WEIGHT_FLOOR = 1e-6
"""Smallest weight before scaling: a task may stop steering the splits, but never turns negative."""

Similarity = NDArray[np.float64]


def _standard(similarity: Similarity, last: Similarity | None) -> Similarity:
    del last
    return 1 - similarity


def _sqrt(similarity: Similarity, last: Similarity | None) -> Similarity:
    del last
    return np.sqrt(1 - similarity)


def _delta(similarity: Similarity, last: Similarity | None) -> Similarity:
    return np.zeros_like(similarity) if last is None else similarity - last


@dataclass(frozen=True)
class UpdateRule:
    """One way to move the weights.

    Attributes:
        step: Maps the similarity to the main task now and at the last update (None at the first),
            each of shape (K,), to the step of the weights before the learning rate.
        own_frequency: Iterations between updates where the rule fixes them itself.
    """

    step: Callable[[Similarity, Similarity | None], Similarity]
    own_frequency: int | None = None


UPDATE_RULES = {
    "standard": UpdateRule(_standard),
    "tenIters": UpdateRule(_standard, own_frequency=10),
    "sqrt": UpdateRule(_sqrt),
    "delta": UpdateRule(_delta),
}


def normalized(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights with the floor applied, scaled to sum 1, shape (K,)."""
    floored = np.maximum(weights, WEIGHT_FLOOR)
    scaled: NDArray[np.float64] = floored / floored.sum()
    return scaled
