"""Task labels."""

import numpy as np
import pandas as pd
import pytest

from exceptions import DataError
from processing.dataset.labels import binary_labels
from processing.reading.row_places import RowPlaces

PLACES = RowPlaces("val", ("val/a.csv", "val/b.csv"), (2, 10))


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 1],
        [0.0, 1.0, 1.0],
        [False, True, True],
        ["0", "1", " 1.0 "],
        ["false", "True", "TRUE"],
        pd.Categorical(["0.0", "true", "1"]),
    ],
)
@pytest.mark.parametrize("allow_missing", [False, True])
def test_labels_of_every_form(values: object, allow_missing: bool) -> None:
    table = pd.DataFrame({"y": values, "x": [1, 2, 3]})
    converted = binary_labels(table, ["y"], PLACES, allow_missing=allow_missing)
    assert converted["y"].tolist() == [0, 1, 1]
    assert converted["y"].dtype == (np.float32 if allow_missing else np.uint8)
    assert np.shares_memory(converted["x"].to_numpy(), table["x"].to_numpy())


@pytest.mark.parametrize(
    "values", [["0", "1", ""], ["0", "1", "NA"], ["0", "1", None], [0.0, 1.0, np.nan]]
)
def test_missing_labels(values: list[object]) -> None:
    table = pd.DataFrame({"y": values})
    masked = binary_labels(table, ["y"], PLACES, allow_missing=True)["y"].to_numpy()
    np.testing.assert_array_equal(masked, np.array([0, 1, np.nan], np.float32))
    message = (
        r"^val: .* column 'y': 1 missing \(first in val/b\.csv, row 1; missing_labels: mask .*\)$"
    )
    with pytest.raises(DataError, match=message):
        binary_labels(table, ["y"], PLACES)


def test_all_bad_columns_in_one_message_with_examples_and_counts() -> None:
    table = pd.DataFrame(
        {"a": ["0", "2", "2", "x"], "b": [0, 1, 0, 1], "c [x]": [None, 1.0, 0.5, np.inf]}
    )
    message = (
        r"^val: wanted labels 0 or 1, found column 'a': 3 other values \('2' 2 times, 'x' 1 times, "
        r"first in val/a\.csv, row 2\); column 'c \[x\]': 2 other values \('0\.5' 1 times, 'inf' 1 "
        r"times, first in val/b\.csv, row 1\) and 1 missing \(first in val/a\.csv, row 1; .*\)$"
    )
    with pytest.raises(DataError, match=message):
        binary_labels(table, ["a", "b", "c [x]"], PLACES)


@pytest.mark.parametrize("bad", ["yes", "-1", "1e0", "01", "0x1", "10"])
def test_other_texts_are_no_labels_even_if_missing_ones_are_allowed(bad: str) -> None:
    with pytest.raises(DataError, match="1 other values"):
        binary_labels(pd.DataFrame({"y": ["0", bad]}), ["y"], PLACES, allow_missing=True)
