"""The report in a real browser: silent, closed, narrow enough, legible in light and dark."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser
from report_cases import report_file

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

# Contrast as in WCAG 2: each text against what is painted below it, half-transparent or not.
CONTRASTS = """
(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const luminance = color => {
    const [r, g, b] = color.map(c => c / 255)
      .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement)
      layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('style')) continue;
    const style = getComputedStyle(element), below = ground(element);
    const ink = over(rgba(element.closest('svg') ? style.fill : style.color), below);
    const [a, b] = [luminance(ink), luminance(below)].sort((x, y) => y - x);
    found.push([(a + .05) / (b + .05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
})()
"""
OUTLINE = """
[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => Number(h.tagName[1]))
"""
PICTURES = """
[...document.querySelectorAll('svg, img')].map(p => [
  p.getAttribute('role'), p.getAttribute('aria-label') || p.getAttribute('alt'),
  p.closest('details') && !p.closest('details').open ? 1 : p.getBoundingClientRect().width])
"""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(report_job: tuple[str, Path]) -> Path:
    return report_file(report_job[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_the_page_in_a_window(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.open(page, width, scheme)
    told: list[tuple[str, Any]] = [
        event
        for event in browser.events
        if event[0] in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
    ]
    assert told == []
    requests = [
        parameters["request"]["url"]
        for method, parameters in browser.events
        if method == "Network.requestWillBeSent"
    ]
    assert requests == [page.as_uri()]

    for _ in range(2):
        scrolled, visible = browser.run(WIDTHS)
        assert visible == width
        assert scrolled <= visible
        contrasts = browser.run(CONTRASTS)  # which unfolds what is folded
    assert len(contrasts) > 200
    assert min(contrasts) >= [4.5, ""], min(contrasts)

    levels = browser.run(OUTLINE)
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    pictures = browser.run(PICTURES)
    assert pictures
    assert all(role == "img" and text and shown > 0 for role, text, shown in pictures)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
