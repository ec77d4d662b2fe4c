"""Rows of a table and rows of its files."""

import pytest

from processing.reading.row_places import RowPlaces

PLACES = RowPlaces("train", ("train/a.csv", "train/b.csv", "train/c.csv"), (2, 0, 3))


@pytest.mark.parametrize(
    ("position", "place"),
    [(0, "train/a.csv, row 1"), (1, "train/a.csv, row 2"), (2, "train/c.csv, row 1")],
)
def test_rows_are_counted_from_one_in_each_file(position: int, place: str) -> None:
    assert PLACES.place_of(position) == place


def test_a_row_after_the_last_is_our_fault() -> None:
    assert PLACES.place_of(4) == "train/c.csv, row 3"
    with pytest.raises(IndexError, match="row 5 of a table of 5 rows"):
        PLACES.place_of(5)
