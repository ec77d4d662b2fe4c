"""The rows of a table of figures, as Markdown and as JSON data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Unit = Literal["times", "share", "s", "ms", "GB"]

_FORMATS = {
    "times": "{:.2f}",
    "share": "{:.3f}",
    "s": "{:.2f} s",
    "ms": "{:.1f} ms",
    "GB": "{:.2f} GB",
}


@dataclass(frozen=True)
class Row:
    """One figure."""

    target: int  # number of the target that it belongs to
    what: str  # was measured
    values: tuple[float, ...]  # one per round, nan where lost in noise; none: the note says why
    unit: Unit = "times"  # a ratio
    limit: float | None = None  # what the median should not exceed; None: for information
    note: str = ""  # what the figure is made of, or why it is missing

    @property
    def met(self) -> bool | None:
        """Whether the median keeps to the limit; None without limit or without every value."""
        if self.limit is None or not self.values or len(self._measured) < len(self.values):
            return None
        return median(self.values) <= self.limit

    @property
    def _measured(self) -> list[float]:
        return [value for value in self.values if not math.isnan(value)]

    def to_markdown(self) -> str:
        """The row of the table."""
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        if len(self._measured) < len(self.values):
            met = "lost in noise"
        limit = "" if self.limit is None else f"≤ {self._format(self.limit)}"
        cells = [str(self.target), self.what, limit, *self._median_and_range(), met, self.note]
        return f"| {' | '.join(cells)} |"

    def to_json(self) -> dict[str, object]:
        """The row as JSON data."""
        middle = median(self._measured) if self._measured else None
        values = [None if math.isnan(value) else value for value in self.values]
        return vars(self) | {"values": values, "median": middle, "met": self.met}

    def _median_and_range(self) -> tuple[str, str]:
        measured = self._measured
        if not measured:
            return "", ""
        middle = self._format(median(measured))
        if len(measured) == 1:
            return middle, "one run"
        return middle, f"{self._format(min(measured))} to {self._format(max(measured))}"

    def _format(self, value: float) -> str:
        return _FORMATS[self.unit].format(value)


def to_markdown(rows: Sequence[Row]) -> str:
    """The table."""
    head = ["| | measured | target | median | range | met | |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *(row.to_markdown() for row in rows)])


def medians(pairs: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The median of each side of paired figures."""
    return tuple(median(side) for side in zip(*pairs, strict=True))
