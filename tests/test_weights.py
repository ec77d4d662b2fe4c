"""Row weights."""

import numpy as np
import pandas as pd
import pytest

from exceptions import DataError
from processing.row_places import RowPlaces
from processing.weights import check_weights

PLACES = RowPlaces("val", ("val/a.csv", "val/b.csv"), (2, 1))


def _table(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: np.array(v, np.float32) for name, v in columns.items()})


def test_weights_of_zero_and_more_are_fine() -> None:
    check_weights(_table(a=[0, 1, 2.5], unused=[-1, -1, -1]), ["a"], PLACES)


def test_all_unfit_columns_in_one_message() -> None:
    table = _table(a=[1, np.nan, -1], b=[0, 0, 0], c=[1, 1, np.inf], d=[1, 1, 1])
    message = (
        r"^val: wanted weights of zero or more, found column 'a': 1 missing \(first in val/a\.csv, "
        r"row 2\) and 1 negative \(first in val/b\.csv, row 1\); column 'b': only zeros; "
        r"column 'c': 1 infinite \(first in val/b\.csv, row 1\)$"
    )
    with pytest.raises(DataError, match=message):
        check_weights(table, ["a", "b", "c", "d"], PLACES)
