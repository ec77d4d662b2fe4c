"""How figures and names are written."""

import pytest

from models.report import numbers


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("score", 0.93449, "0.934"),
        ("score", -0.0001, "0.000"),
        ("percent", 0.0, "0\u202f%"),
        ("percent", 1.0, "100\u202f%"),
        ("percent", 0.99999, "100.0\u202f%"),
        ("percent", 0.512, "51.2\u202f%"),
        ("percent", 0.0512, "5.12\u202f%"),
        ("percent", 0.00123, "0.123\u202f%"),
        ("percent", 0.0000001, "0.0000\u202f%"),
        ("share", 0.001, "0.1\u202f%"),
        ("share", 0.05, "5\u202f%"),
        ("points", -0.0213, "\u22122.1"),
        ("points", 0.1, "+10.0"),
        ("difference", 0.0123, "+0.012"),
        ("difference", -0.0001, "0.000"),
        ("count", 1234567, "1,234,567"),
        ("count", 3.25, "3.2"),
        ("count", 4321.5, "4,322"),
        ("money", 1234.56, "1,235"),
        ("number", 0.0, "0.00"),
        ("number", 0.034567, "0.0346"),
        ("number", 12.345, "12.3"),
        ("number", 1.5e-7, "1.50e-07"),
    ],
)
def test_formats(form: str, value: float, text: str) -> None:
    assert numbers.FORMATS[form](value) == text


def test_names_are_escaped_and_keep_their_direction_to_themselves() -> None:
    assert numbers.name("<b>\n\u202e") == r"<bdi>&lt;b&gt;\n\u202e</bdi>"
    assert numbers.sentence_list(["a", "b", "<c>"]) == (
        "<bdi>a</bdi>, <bdi>b</bdi> and <bdi>&lt;c&gt;</bdi>"
    )
    assert numbers.sentence_list(["a"]) == "<bdi>a</bdi>"


def test_figures_are_looked_up_by_place() -> None:
    figures = numbers.Figures({"val": {"task_0_a": {"x": [0.5, None]}, "drift": {"t": 1.0}}})
    assert figures.get("val", 0, "x", 0) == 0.5
    assert figures.get("val", 1, "t") == 1.0
    assert figures.get("val", 0, "no", "such") is None
    assert figures.get("val", 5) is None
    assert figures.get("val", 0, "x", 0, "deeper") is None
    assert figures.show("score", "val", 0, "x", 0) == (
        '<data value="0.5" data-key="val 0 x 0">0.500</data>'
    )


def test_a_figure_without_a_value_says_why() -> None:
    figures = numbers.Figures({"val": {"t": {"x": None, "undefined": {"x": 'only "one" class'}}}})
    assert figures.show("score", "val", 0, "x") == (
        '<span class="none" title="only &#34;one&#34; class">\u2013</span>'
    )
    assert figures.interval("score", "val", 0, "x") == figures.show("score", "val", 0, "x")
