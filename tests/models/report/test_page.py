"""The page: valid, closed in itself, and in agreement with the metrics, figure by figure."""

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from jobs import members
from report_cases import HOSTILE_CATEGORY, HOSTILE_TASKS, report_file

from models.report.numbers import Figures

XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
LIMITS = {"many_tasks": 5_000_000}


@pytest.fixture(scope="session")
def case(report_job: tuple[str, Path]) -> "Case":
    return Case(*report_job)


class Case:
    """A job that has run, and its page."""

    def __init__(self, name: str, base: Path) -> None:
        self.name = name
        self.text = report_file(base).read_text(encoding="utf-8")
        parser = html5lib.HTMLParser(strict=True)
        self.document: Element = parser.parse(self.text)
        found = {split: members(base, split) for split in ("val", "test") if self._has(base, split)}
        self.metrics = {
            split: json.loads(files[f"{split}/metrics.json"])
            for split, files in found.items()
            if f"{split}/metrics.json" in files
        }

    @staticmethod
    def _has(base: Path, split: str) -> bool:
        return (base / "output" / "data" / f"{split}.tar.gz").exists()

    def words(self) -> str:
        """The text of the page, as one line."""
        body = self.document.find(f"{XHTML}body")
        assert body is not None
        return " ".join("".join(body.itertext()).split())


def test_the_page_is_valid_html_of_limited_size(case: Case) -> None:
    """Parsed strictly: html5lib raises an error for whatever a validator would."""
    assert case.text.startswith("<!DOCTYPE html>\n")
    assert len(case.text.encode()) < LIMITS.get(case.name, 2_000_000)
    ids = [element.get("id") for element in case.document.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [a.get("href", "") for a in case.document.iter(f"{XHTML}a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_nothing_comes_from_elsewhere_and_nothing_runs(case: Case) -> None:
    markup = re.sub(r"(?<=>)[^<]*", "", case.text)
    assert not re.search(r"https?:|url\(|@import", case.text.replace("&", ""))
    assert not re.search(r"\s(src|srcset|action|data|on\w+)=", markup)
    tags = {str(element.tag).split("}")[-1] for element in case.document.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}


def test_every_figure_is_that_of_the_metrics(case: Case) -> None:
    figures = list(case.document.iter(f"{XHTML}data"))
    assert len(figures) > 100
    lookup = Figures(case.metrics)
    for element in figures:
        key = [
            int(part) if part.isdigit() else part for part in element.get("data-key", "").split()
        ]
        value = lookup.get(*key)
        assert float(element.get("value", "")) == value, key
        text = "".join(element.itertext())
        shown = float(re.sub(r"[,\u202f%]", "", text.replace("\u2212", "-")))
        digits = len(text.rstrip("\u202f%").partition(".")[2])
        scale = 100 if "%" in text or _in_points(case.document, element) else 1
        assert shown == pytest.approx(scale * value, abs=0.51 * 10**-digits, rel=1e-3), key


def _in_points(document: Element, element: Element) -> bool:
    """Whether a figure is written in percentage points."""
    key = element.get("data-key", "")
    return ("recall_at_equal_alerts" in key and ("difference" in key or "interval" in key)) or (
        "largest_excess" in key
    )


def test_the_main_figures_of_every_task_are_there(case: Case) -> None:
    shown = {element.get("data-key") for element in case.document.iter(f"{XHTML}data")}
    for split, metrics in case.metrics.items():
        for index, (key, task) in enumerate(metrics.items()):
            if key.startswith("task_") and task["defined"]:
                wanted = ["auc_roc", "average_precision", "log_loss", "calibration_intercept"]
                if task["intervals"]:
                    wanted += [f"intervals auc_roc {end}" for end in (0, 1)]
                assert {f"{split} {index} {figure}" for figure in wanted} <= shown


def test_headings_are_in_order_and_pictures_have_a_text(case: Case) -> None:
    levels = [
        int(str(element.tag)[-1])
        for element in case.document.iter()
        if re.fullmatch(rf"{re.escape(XHTML)}h[1-6]", str(element.tag))
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    pictures = list(case.document.iter(f"{SVG}svg")) or list(case.document.iter(f"{XHTML}svg"))
    assert pictures
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in pictures)


def test_sections_are_there_only_if_they_have_something_to_show(case: Case) -> None:
    words = case.words()
    with_previous = case.name in {"demo", "one_class", "hostile", "wide"}
    assert ("Against the previous model" in words) == with_previous
    assert ("Swap set" in words) == with_previous
    with_money = case.name in {"demo", "many_tasks", "one_class", "hostile", "wide"}
    assert ("Money found" in words) == with_money
    assert ("Contents" in [nav.get("aria-label") for nav in case.document.iter(f"{XHTML}nav")]) == (
        case.name in {"demo", "many_tasks", "hostile", "wide"}
    )
    assert "None" not in words.replace("None of", "")
    assert "nan" not in words.lower().split()


@pytest.mark.parametrize("report_job", ["hostile"], indirect=True)
def test_names_are_shown_and_never_read(case: Case) -> None:
    words = case.words()
    assert "<script>alert('x')</script>" in words
    assert "</title>{{ 7*7 }}" in words
    assert "<img src=x onerror=alert(1)>" in words
    # Control characters and turns of direction are shown escaped.
    assert "\u202e" not in case.text
    assert "\x07" not in case.text
    assert r"line\nbreak <b>bold</b> \x07\u202e" in words
    assert HOSTILE_CATEGORY not in case.text
    assert HOSTILE_TASKS[3] in words


@pytest.mark.parametrize("report_job", ["masked"], indirect=True)
def test_rows_without_labels_are_told(case: Case) -> None:
    assert list(case.metrics) == ["val"]
    assert "the test rows have no labels and were only scored" in case.words()


@pytest.mark.parametrize("report_job", ["one_class"], indirect=True)
def test_a_task_of_one_class_is_not_judged(case: Case) -> None:
    words = case.words()
    assert "not to be judged: only one class, or no label" in words
    assert "Could not be judged" in words or "has only one class" in words
    assert "Only one class present in task 1 (isCard)" in words, "a warning of the job"
    # The main task has no positive test row.
    assert "The test rows cannot tell" in words
    assert "Could not be judged on the test rows, which have only one class or no label: " in words
    assert "On the validation rows the model finds" in words


@pytest.mark.parametrize("report_job", ["masked"], indirect=True)
def test_weights_are_told(case: Case) -> None:
    assert "Rows count by their weights (weight) in all figures but" in case.words()


@pytest.mark.parametrize("report_job", ["plain"], indirect=True)
def test_nothing_is_said_of_what_is_not_there(case: Case) -> None:
    words = case.words()
    for absent in (
        "weights (",
        "cannot tell",
        "stopped on request",
        "goes on from",
        "has the first",
    ):
        assert absent not in words
    assert "They were held fixed: isFraud" in words


def iterate_values(value: Any) -> Iterator[Any]:
    """All leaves of nested JSON data."""
    if isinstance(value, dict):
        for item in value.values():
            yield from iterate_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from iterate_values(item)
    else:
        yield value


def test_metrics_have_no_figure_that_json_lacks(case: Case) -> None:
    leaves = list(iterate_values(case.metrics))
    assert all(math.isfinite(leaf) for leaf in leaves if isinstance(leaf, float))
