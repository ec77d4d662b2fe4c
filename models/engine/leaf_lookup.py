"""Which leaf is a row in? Told by how much LightGBM's own score of the row changed.

From one iteration to the next the score of a row changes by exactly the output of its leaf, up to
the rounding of one float64 addition. Looking the change up is far cheaper than walking the tree
over the features, and gives the same leaf.
"""

import numpy as np
from numpy.typing import NDArray

_TABLE_SIZE = 2**15
_MERGE_TOLERANCE = 2.0**-30
_UNCLEAR = -1
_REACH = 2
"""Outputs have cells of their own up to this many widths beyond the middle 80 % of them."""


class LeafLookup:
    """Finds leaves by their outputs.

    Leaves whose outputs are nearer to each other than `tolerance` cannot be told apart. They
    are merged: all go by the lowest of their indices, and get one common value. With `lambda_l1`
    those that it shrinks to an output of 0 are among them.

    Attributes:
        representative: Index of the leaf that each leaf goes by, shape (L,).
        tolerance: Changes of the score must be exact to a quarter of this.
    """

    def __init__(self, outputs: NDArray[np.float64]) -> None:
        self.tolerance = _MERGE_TOLERANCE * float(np.abs(outputs).max())
        order = np.argsort(outputs, kind="stable")
        ordered = outputs[order]
        starts = np.concatenate([[True], np.diff(ordered) > self.tolerance])
        group = np.cumsum(starts) - 1
        group_leaf = np.full(group[-1] + 1, len(outputs))
        np.minimum.at(group_leaf, group, order)
        self.representative = np.empty(len(outputs), dtype=np.int32)
        self.representative[order] = group_leaf[group]

        self._group_leaf = group_leaf.astype(np.int32)
        group_low, group_high = ordered[starts], ordered[np.append(starts[1:], True)]
        slack = self.tolerance / 4
        lowest, highest = _bulk(group_low - slack, group_high + slack, ordered)
        width = (highest - lowest) or 1.0
        # Two cells at either end are for what is beyond.
        self._cells_per_unit = (_TABLE_SIZE - 6) / width
        self._origin = lowest - 2.5 / self._cells_per_unit
        # In the table's own units, since that is what is left of a change when it is looked up.
        middle = (group_high[:-1] + group_low[1:]) / 2
        self._boundaries = (middle - self._origin) * self._cells_per_unit
        self._table, self._has_unclear_cells = self._make_table(group_low, group_high)

    def _make_table(
        self, group_low: NDArray[np.float64], group_high: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], bool]:
        """The leaf of every cell that an output can fall into; `_UNCLEAR` where two can.

        Also returned: whether two can anywhere.
        """
        slack = self.tolerance / 4
        first, last = (
            np.clip((end - self._origin) * self._cells_per_unit, 0, _TABLE_SIZE - 1).astype(np.intp)
            for end in (group_low - slack, group_high + slack)
        )
        # What two groups reach is neither's; the groups are in the order of their outputs.
        start, stop = first.copy(), last + 1
        start[1:] = np.maximum(first[1:], stop[:-1])
        stop[:-1] = np.maximum(np.minimum(stop[:-1], first[1:]), start[:-1])
        leaves = np.full(2 * len(start) + 1, _UNCLEAR, dtype=np.int32)
        leaves[1::2] = self._group_leaf
        bounds = np.stack([start, stop], axis=1).ravel()
        table = np.repeat(leaves, np.diff(bounds, prepend=0, append=_TABLE_SIZE))
        return table, bool((first[1:] <= last[:-1]).any())

    def find(
        self, change: NDArray[np.float64], leaf: NDArray[np.int32], cell: NDArray[np.intp]
    ) -> None:
        """Writes the leaf of every row into `leaf`.

        Args:
            change: Change of LightGBM's score, shape (n,); overwritten.
            leaf: Leaf indices (those of the representatives), shape (n,), int32, C-contiguous.
            cell: Scratch memory, shape (n,).
        """
        change -= self._origin
        change *= self._cells_per_unit
        np.copyto(cell, change, casting="unsafe")
        np.take(self._table, cell, out=leaf, mode="clip")
        if self._has_unclear_cells:
            unclear = np.flatnonzero(leaf == _UNCLEAR)
            leaf[unclear] = self._group_leaf[np.searchsorted(self._boundaries, change[unclear])]


def _bulk(
    low: NDArray[np.float64], high: NDArray[np.float64], ordered: NDArray[np.float64]
) -> tuple[float, float]:
    """The range of the groups that the cells are shared out to.

    A leaf of few rows, all of one class, can have an output hundreds of times as large as the
    others; with cells as wide as that asks for, most leaves would share one. It is found in the
    last cell, which `numpy.take` clips to.

    Args:
        low: Lower end of each group, shape (G,), sorted.
        high: Upper end of each group, shape (G,).
        ordered: Outputs of all leaves, shape (L,), sorted.
    """
    tenth, last_tenth = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    reach = _REACH * (last_tenth - tenth)
    inside = np.flatnonzero((high >= tenth - reach) & (low <= last_tenth + reach))
    return float(low[inside[0]]), float(high[inside[-1]])
