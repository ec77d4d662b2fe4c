"""Content types and accept headers, as clients write them."""

import pytest

from serving.faults import NotAcceptableError, UnsupportedTypeError
from serving.media_types import (
    CSV,
    JSON,
    JSON_LINES,
    PARQUET,
    MediaType,
    accepted_type,
    content_type,
)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("text/csv", MediaType(CSV)),
        ("Text/CSV; charset=UTF-8", MediaType(CSV)),
        ('text/csv;header=present; charset="utf-8"', MediaType(CSV, header=True)),
        ("text/csv; header=absent", MediaType(CSV, header=False)),
        ("application/json; charset=us-ascii", MediaType(JSON)),
        ("application/jsonlines", MediaType(JSON_LINES)),
        ("application/x-parquet; charset=binary", MediaType(PARQUET)),
    ],
)
def test_content_types(value: str, wanted: MediaType) -> None:
    assert content_type(value) == wanted


@pytest.mark.parametrize("value", [None, "", "text/plain", "text/*", ";", "application/json5"])
def test_other_content_types_are_refused(value: str | None) -> None:
    with pytest.raises(UnsupportedTypeError, match="wanted a content type of text/csv"):
        content_type(value)


def test_other_charsets_are_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="UTF-8, found the charset 'latin-1'"):
        content_type("text/csv; charset=latin-1")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, JSON),
        (" ", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/html, text/csv;q=0.2, */*;q=0.1", CSV),
        ("application/json;q=0.5, application/jsonlines", JSON_LINES),
        ("application/json;q=0, text/csv;q=0.001", CSV),
    ],
)
def test_accept(value: str | None, wanted: str) -> None:
    assert accepted_type(value).name == wanted


def test_accept_says_whether_csv_has_a_header() -> None:
    assert accepted_type("text/csv; header=present") == MediaType(CSV, header=True)


@pytest.mark.parametrize(
    "value", ["text/html", "application/json;q=0", "x", "application/json;q=x"]
)
def test_what_is_not_written_is_not_accepted(value: str) -> None:
    with pytest.raises(NotAcceptableError, match="wanted to be asked for application/json"):
        accepted_type(value)
