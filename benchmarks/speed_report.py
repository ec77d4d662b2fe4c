"""The rows of a table of figures, as Markdown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_FORMATS = {
    "times": "{:.2f}",
    "share": "{:.3f}",
    "s": "{:.2f} s",
    "ms": "{:.2f} ms",
    "GB": "{:.2f} GB",
}


@dataclass(frozen=True)
class Row:
    """One figure."""

    target: int  # number of the target that it belongs to
    what: str  # was measured
    values: tuple[float, ...]  # one per round, nan where lost in noise; none: the note says why
    unit: str = "times"  # a ratio; `share`, `s`, `ms` or `GB`
    limit: float | None = None  # what the median should not exceed; None: for information
    note: str = ""  # what the figure is made of, or why it is missing

    @property
    def met(self) -> bool | None:
        """Whether the median keeps to the limit; None without limit or without every value."""
        lost = not self.values or any(map(math.isnan, self.values))
        return None if self.limit is None or lost else median(self.values) <= self.limit

    def to_markdown(self) -> str:
        """The row of the table."""
        show = _FORMATS[self.unit].format
        found = [value for value in self.values if not math.isnan(value)]
        spread = "one run" if len(found) == 1 else ""
        if len(found) > 1:
            spread = f"{show(min(found))} to {show(max(found))}"
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        cells = [
            str(self.target),
            self.what,
            "" if self.limit is None else f"≤ {show(self.limit)}",
            show(median(found)) if found else "",
            spread,
            met if len(found) == len(self.values) else "lost in noise",
            self.note,
        ]
        return f"| {' | '.join(cells)} |"


def to_markdown(rows: Sequence[Row]) -> str:
    """The table."""
    head = ["| | measured | target | median | range | met | |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *(row.to_markdown() for row in rows)])


def medians(pairs: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The median of each side of paired figures."""
    return tuple(median(side) for side in zip(*pairs, strict=True))
