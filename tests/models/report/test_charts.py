"""Pictures: lines and ticks stand where their values say."""

import re

import pytest

from models.report import charts


def path_of(svg: str, kind: str) -> list[tuple[float, float]]:
    found = re.search(rf'<path class="{kind}" d="M([^"]*)"', svg)
    assert found is not None
    return [(float(x), float(y)) for x, y in (point.split() for point in found[1].split("L"))]


def ticks_of(svg: str) -> list[str]:
    return re.findall(r'class="mid">([^<]*)<', svg)


def test_a_curve_runs_from_corner_to_corner() -> None:
    curve = {"fpr": [0.0, 0.5, 1.0], "recall": [0.0, 1.0, 1.0]}
    svg = charts.roc("label", {"line1": curve})
    (left, bottom), middle, (right, top) = path_of(svg, "line1")
    assert path_of(svg, "chance") == [(left, bottom), (right, top)]
    assert middle[0] == pytest.approx((left + right) / 2)
    assert middle[1] == top
    assert ticks_of(svg) == ["0", "25 %", "50 %", "75 %", "100 %"]


def test_precision_is_drawn_in_steps() -> None:
    curve = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 1.0, 0.2]}
    svg = charts.precision_recall("label", {"line1": curve}, 0.2)
    found = re.search(r'class="line1" d="M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)V([\d.]+)H', svg)
    assert found is not None
    start, top, same, middle, down = map(float, found.groups())
    assert top == same < down
    assert start < middle
    (_, base), _ = path_of(svg, "chance")
    assert down == base


def test_calibration_is_drawn_in_powers_of_ten() -> None:
    points = {"mean_probability": [0.001, 0.1], "positive_rate": [0.0, 0.1]}
    svg = charts.reliability("label", {"line1": points})
    assert ticks_of(svg) == ["0.1 %", "1 %", "10 %", "100 %"]
    (low, floor), (x, y) = path_of(svg, "line1")
    (first, bottom), (last, top) = path_of(svg, "chance")
    # No positive at all stands at the lower edge.
    assert (low, floor) == (first, bottom)
    assert (x - first) / (last - first) == pytest.approx(2 / 3, abs=0.01)
    assert (bottom - y) / (bottom - top) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("edges", "texts"),
    [
        ([0.001, 0.5, 0.9], ["0.1 %", "3 %", "30 %", "60 %", "90 %"]),
        ([0.15, 0.3, 0.45], ["20 %", "30 %", "40 %"]),
        ([0.51, 0.52, 0.53], ["51 %", "53 %"]),
        ([1e-6, 1e-5], ["0.0001 %", "0.001 %"]),
    ],
)
def test_every_range_of_scores_has_ticks(edges: list[float], texts: list[str]) -> None:
    shares = [1 / (len(edges) - 1)] * (len(edges) - 1)
    shown = {"edges": edges, "positives": shares, "negatives": shares}
    assert ticks_of(charts.score_distribution("label", shown)) == texts


@pytest.mark.parametrize("highest", [1.0, 0.999, 0.51, 0.2, 0.099, 0.035, 0.01])
def test_shares_have_three_to_six_ticks(highest: float) -> None:
    shown = {"edges": [0.1, 0.5, 0.9], "positives": [highest, 0.0], "negatives": [0.0, highest]}
    svg = charts.score_distribution("label", shown)
    ticks = [float(text) / 100 for text in re.findall(r'class="end">([\d.]+) %<', svg)]
    assert 3 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= highest + 1e-9


def test_the_best_of_a_course_is_marked() -> None:
    svg = charts.course("label", [5, 10, 15, 20], [0.6, None, 0.9, 0.8])
    marked = re.search(r'cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert marked is not None
    assert (float(marked[1]), float(marked[2])) == path_of(svg, "line1")[1]
    assert charts.course("label", [5], [None]) == ""
    assert "path" in charts.course("label", [5], [0.5])


def test_labels_are_escaped() -> None:
    svg = charts.heat('"><script>', [[1.0, 0.5], [0.5, 1.0]])
    assert 'aria-label="&#34;&gt;&lt;script&gt;"' in svg
    assert svg.count("<rect") == 4
