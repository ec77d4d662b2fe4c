"""Thresholds that send a number and its float32 the same way.

Training and evaluation know every feature as float32. Who scores raw rows with the model file has
float64: 34.8, where the job had 34.79999924. LightGBM puts a threshold halfway between two values
of the training rows, and with values of few digits that is where other rows have theirs: a
threshold between 34.79999924 and 34.8 would then send the two into different leaves.
"""

import numpy as np
from numpy.typing import NDArray


def float32_safe(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moves thresholds to where the rounding to float32 changes over.

    With f the largest float32 up to a threshold, every float64 x is at most the moved threshold if
    and only if its float32 is at most f. No float32 changes sides.

    Args:
        thresholds: Any shape, within the range of float32; rows with a value <= threshold go left.

    Returns:
        The same shape.
    """
    below = thresholds.astype(np.float32)
    below = np.where(below > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
    above = np.nextafter(below, np.float32(np.inf))
    halfway = (below.astype(np.float64) + above) / 2
    # Halfway itself is rounded to the neighbour whose last bit is 0.
    is_rounded_up = (below.view(np.int32) & 1) == 1
    return np.where(is_rounded_up, np.nextafter(halfway, -np.inf), halfway)
