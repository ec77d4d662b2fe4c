"""Quotes in CSV bodies: those within plain fields are characters like others, as in data files."""

import pytest

from serving.csv_rows import csv_rows
from serving.faults import UnreadableError


@pytest.mark.parametrize("text", ['5" pipe', '5" of 6" pipe'])
def test_a_quote_within_a_plain_field_is_a_character(text: str) -> None:
    rows, _ = csv_rows(f'x,c\n1,{text}\n2,"a\nb"\n'.encode(), ["x", "c"], ["x"], None)
    assert rows.to_pydict() == {"x": ["1", "2"], "c": [text, "a\nb"]}


def test_a_quoted_field_that_does_not_end_is_told() -> None:
    with pytest.raises(UnreadableError, match="a quote that is never closed"):
        csv_rows(b'x,c\n1,"a\n2,b\n', ["x", "c"], ["x"], None)
