"""Amounts and an earlier model's scores."""

import logging

import numpy as np
import pandas as pd
import pytest

from exceptions import DataError
from processing.dataset.evaluation_columns import check_evaluation_numbers, evaluation_columns
from processing.reading.row_places import RowPlaces

PLACES = RowPlaces("val", ("val/a.csv",), (3,))


def _table(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: np.array(v, np.float32) for name, v in columns.items()})


def test_columns_without_any_number_are_refused() -> None:
    table = _table(a=[np.nan] * 3, b=[np.nan, 1, 2], c=[np.nan] * 3)
    with pytest.raises(DataError, match=r"^val: wanted numbers .* none at all in 'a', 'c'$"):
        check_evaluation_numbers(table, ["a", "b", "c"], PLACES)
    check_evaluation_numbers(table, ["b"], PLACES)


def test_missing_and_negative_amounts_count_as_no_money(caplog: pytest.LogCaptureFixture) -> None:
    table = _table(eur=[5, np.nan, -1], old=[0.5, np.nan, 3], t=[0, 1, 0], u=[1, 0, 0])
    with caplog.at_level(logging.WARNING):
        columns = evaluation_columns("val", table, ["t", "u"], "eur", {"u": "old"})
    assert columns.amount is not None
    assert columns.amount.tolist() == [5, 0, 0]
    assert caplog.messages == [
        "val: column 'eur' has 1 missing and 1 negative amounts, which count as 0"
    ]
    np.testing.assert_array_equal(columns.previous[1], np.array([0.5, np.nan, 3], np.float32))
    assert list(columns.previous) == [1]
    # The table may change: an amount can be a feature, whose gaps will be filled.
    table.loc[:] = 0
    assert columns.previous[1][0] == 0.5


def test_without_such_columns_there_are_none() -> None:
    columns = evaluation_columns("val", _table(x=[1], t=[0]), ["t"], None, {})
    assert columns.amount is None
    assert columns.previous == {}


def test_rows_without_labels_are_judged_by_nothing() -> None:
    columns = evaluation_columns("test", _table(eur=[5], old=[0.5]), ["t"], "eur", {"t": "old"})
    assert columns.amount is None
    assert columns.previous == {}
