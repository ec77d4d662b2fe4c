"""Row weights."""

import numpy as np
import pandas as pd
import pytest

from exceptions import DataError
from processing.dataset.weights import check_weights, warn_of_scale
from processing.reading.row_places import RowPlaces

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


@pytest.mark.parametrize(
    "weight", [None, np.ones((4, 2)), np.array([[0, 0], [0.2, 9], [0, 0.5], [0.1, 0]])]
)
def test_weights_near_one_need_no_warning(
    weight: np.ndarray | None, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_scale(None if weight is None else weight.astype(np.float32), ["a", "b"])
    assert not caplog.messages


def test_weights_on_a_scale_of_their_own_are_named(caplog: pytest.LogCaptureFixture) -> None:
    weight = np.array([[1e-4, 1, 50, 0], [3e-4, 1, 0, 0]], dtype=np.float32)
    warn_of_scale(weight, ["a", "b", "c", "d"])
    (message,) = caplog.messages
    assert message.startswith("Row weights average 0.0002 in task 0 (a), 50 in task 2 (c): ")
