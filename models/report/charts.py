"""Pictures of the page: SVG with text as text, its colours left to the style sheet.

Drawn here instead of by matplotlib: a curve takes a hundredth of the time and a tenth of the bytes,
and follows the reader's light or dark theme.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 320, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 10, 40


class Plot:
    """A frame with two axes, onto which lines, bars and points are put.

    Args:
        label: What the picture shows, for those who cannot see it.
        x: Range of the horizontal axis.
        y: Range of the vertical axis.
        x_title: What it measures.
        y_title: What it measures.
        x_ticks: Values and texts below the horizontal axis.
        y_ticks: Values and texts beside the vertical axis.
        x_scale: Where a value stands, such as its logarithm.
        y_scale: The same.
    """

    def __init__(
        self,
        label: str,
        x: tuple[float, float],
        y: tuple[float, float],
        x_title: str,
        y_title: str,
        x_ticks: Sequence[tuple[float, str]],
        y_ticks: Sequence[tuple[float, str]],
        x_scale: Callable[[float], float] = float,
        y_scale: Callable[[float], float] = float,
    ) -> None:
        self._label = label
        self._x, self._y = tuple(map(x_scale, x)), tuple(map(y_scale, y))
        self._x_scale, self._y_scale = x_scale, y_scale
        self._parts: list[str] = []
        for value, text in y_ticks:
            height = self._height(value)
            self._parts.append(
                f'<path class="grid" d="M{_LEFT} {height}H{WIDTH - _RIGHT}"/>'
                f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" class="end">{text}</text>'
            )
        for value, text in x_ticks:
            place = self._place(value)
            self._parts.append(f'<text x="{place}" y="{HEIGHT - 24}" class="mid">{text}</text>')
        middle, centre = (_LEFT + WIDTH - _RIGHT) / 2, (_TOP + HEIGHT - _BOTTOM) / 2
        self._parts.append(
            f'<path class="axis" d="M{_LEFT} {HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>'
            f'<text x="{middle}" y="{HEIGHT - 6}" class="mid title">{x_title}</text>'
            f'<text transform="translate(11 {centre}) rotate(-90)" class="mid title">'
            f"{y_title}</text>"
        )

    def _place(self, x: float) -> float:
        low, high = self._x
        share = (min(max(self._x_scale(x), low), high) - low) / (high - low)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def _height(self, y: float) -> float:
        low, high = self._y
        share = (min(max(self._y_scale(y), low), high) - low) / (high - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, points: Points, kind: str) -> None:
        """Joins points by straight lines."""
        path = "L".join(f"{self._place(x)} {self._height(y)}" for x, y in points)
        self._parts.append(f'<path class="{kind}" d="M{path}"/>')

    def steps(self, points: Points, kind: str) -> None:
        """Joins points by steps: the height between two is that of the right one."""
        (x, y), *rest = points
        path = f"M{self._place(x)} {self._height(y)}"
        for x_end, y_end in rest:
            path += f"V{self._height(y_end)}H{self._place(x_end)}"
        self._parts.append(f'<path class="{kind}" d="{path}"/>')

    def bars(self, edges: Sequence[float], heights: Sequence[float], kind: str) -> None:
        """Bars from the horizontal axis, between neighbouring edges, as one outline."""
        floor = HEIGHT - _BOTTOM
        path = f"M{self._place(edges[0])} {floor}"
        for end, height in zip(edges[1:], heights, strict=True):
            path += f"V{self._height(height)}H{self._place(end)}"
        self._parts.append(f'<path class="{kind}" d="{path}V{floor}Z"/>')

    def dots(self, points: Points, kind: str) -> None:
        """A small circle at each point."""
        self._parts += [
            f'<circle class="{kind}" cx="{self._place(x)}" cy="{self._height(y)}" r="3.5"/>'
            for x, y in points
        ]

    def svg(self) -> Markup:
        """The picture."""
        return _svg(self._label, WIDTH, HEIGHT, "".join(self._parts))


def roc(label: str, curves: Mapping[str, Mapping[str, Any]]) -> Markup:
    """ROC curves by kind of line."""
    plot = Plot(
        label, (0, 1), (0, 1), "false alarms among the negatives", "positives found", _UNIT, _UNIT
    )
    plot.line([(0, 0), (1, 1)], "chance")
    for kind, curve in curves.items():
        plot.line(list(zip(curve["fpr"], curve["recall"], strict=True)), kind)
    return plot.svg()


def precision_recall(label: str, curves: Mapping[str, Mapping[str, Any]], base: float) -> Markup:
    """Precision-recall curves by kind of line, and the precision of a random order."""
    plot = Plot(label, (0, 1), (0, 1), "positives found", "alerts that are right", _UNIT, _UNIT)
    plot.line([(0, base), (1, base)], "chance")
    for kind, curve in curves.items():
        plot.steps(list(zip(curve["recall"], curve["precision"], strict=True)), kind)
    return plot.svg()


def reliability(label: str, curves: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Positive rates against mean probabilities, both in powers of ten."""
    values = [
        value
        for curve in curves.values()
        for key in ("mean_probability", "positive_rate")
        for value in curve[key]
        if value > 0
    ]
    lowest = max(math.floor(math.log10(min(values, default=0.1))), -6)
    low = 10.0 ** min(lowest, -1)
    powers = range(min(lowest, -1), 1, 1 if lowest >= -4 else 2)
    ticks = [(10.0**power, _power_text(power)) for power in powers]
    plot = Plot(
        label, (low, 1), (low, 1), "predicted probability", "share of positives",
        ticks, ticks, _log, _log,
    )  # fmt: skip
    plot.line([(low, low), (1, 1)], "chance")
    for kind, curve in curves.items():
        pairs = list(zip(curve["mean_probability"], curve["positive_rate"], strict=True))
        plot.line(pairs, kind)
        plot.dots(pairs, kind)
    return plot.svg()


def score_distribution(label: str, shown: Mapping[str, Any]) -> Markup:
    """Histograms of the probabilities of both classes, each of area 1, in log-odds."""
    edges = shown["edges"]
    highest = max(*shown["positives"], *shown["negatives"])
    inside = [mark for mark in _MARKS if edges[0] <= mark <= edges[-1]]
    if len(inside) < 2:
        inside = [edges[0], edges[-1]]
    ticks = [(mark, _probability_text(mark)) for mark in inside[:: 1 + (len(inside) - 1) // 5]]
    plot = Plot(
        label, (edges[0], edges[-1]), (0, highest * 1.05), "predicted probability",
        "share of the class", ticks, _even_ticks(0, highest), _logit,
    )  # fmt: skip
    plot.bars(edges, shown["negatives"], "negatives")
    plot.bars(edges, shown["positives"], "positives")
    return plot.svg()


def gain(label: str, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Markup:
    """Share of the positives among the highest tenths."""
    plot = Plot(label, (0, 1), (0, 1), "rows, highest first", "positives found", _UNIT, _UNIT)
    plot.line([(0, 0), (1, 1)], "chance")
    for kind, tenths in curves.items():
        shares = [(0.0, 0.0)]
        shares += [((i + 1) / 10, tenth["cumulative_share"]) for i, tenth in enumerate(tenths)]
        plot.line(shares, kind)
        plot.dots(shares[1:], kind)
    return plot.svg()


def course(label: str, iterations: Sequence[int], values: Sequence[float | None]) -> Markup:
    """A small line of what a task's score did, with a dot at its best."""
    known = [(i, v) for i, v in zip(iterations, values, strict=True) if v is not None]
    return _small(label, known, "line1", max(known, key=lambda pair: pair[1], default=None))


def weights(label: str, values: Sequence[float], highest: float) -> Markup:
    """A small line of what a task's weight did, from 0 to the highest weight of any task."""
    return _small(label, list(enumerate(values)), "line2", None, (0.0, highest))


def heat(label: str, matrix: Sequence[Sequence[float]]) -> Markup:
    """A square per pair of tasks, the darker the more alike."""
    size = len(matrix)
    squares = "".join(
        f'<rect class="heat" x="{j}" y="{i}" width="1" height="1" '
        f'fill-opacity="{min(max(value, 0.0), 1.0):.2f}"/>'
        for i, row in enumerate(matrix)
        for j, value in enumerate(row)
    )
    return _svg(label, size, size, squares, "heatmap")


def _small(
    label: str,
    points: Points,
    kind: str,
    marked: tuple[float, float] | None,
    height: tuple[float, float] | None = None,
) -> Markup:
    if not points:
        return Markup("")
    low, high = height or (min(y for _, y in points), max(y for _, y in points))
    first, last = points[0][0], points[-1][0]
    width_of, height_of = (last - first) or 1, (high - low) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        return round(4 + 152 * (x - first) / width_of, 1), round(36 - 32 * (y - low) / height_of, 1)

    shown = points[:: max(len(points) // 100, 1)]
    path = "L".join("{} {}".format(*at(*point)) for point in [*shown, points[-1]])
    parts = f'<path class="{kind}" d="M{path}"/>'
    if marked is not None:
        parts += '<circle class="{}" cx="{}" cy="{}" r="3"/>'.format(kind, *at(*marked))
    return _svg(label, 160, 40, parts, "small")


def _svg(label: str, width: int, height: int, content: str, kind: str = "plot") -> Markup:
    picture = Markup(content)  # noqa: S704 -- numbers and the words of this file alone
    frame = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(kind, width, height, label, picture)


_MARKS = (
    *(1e-6, 1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4),
    *(0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 0.999),
)

_UNIT = [(0.0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %")]


def _log(value: float) -> float:
    return math.log10(max(value, 1e-12))


def _logit(prob: float) -> float:
    inside = min(max(prob, 1e-12), 1 - 1e-12)
    return math.log(inside / (1 - inside))


def _power_text(power: int) -> str:
    return f"{10.0 ** (power + 2):.10f}".rstrip("0").rstrip(".") + " %"


def _probability_text(prob: float) -> str:
    return f"{100 * prob:.3g}" + " %" if prob >= 1e-5 else f"{100 * prob:g} %"


def _even_ticks(low: float, high: float) -> list[tuple[float, str]]:
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-9)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 5)
    return [
        (low + i * step, f"{100 * (low + i * step):.3g} %")
        for i in range(int((high - low) / step + 1e-9) + 1)
    ]
