"""Imputation by the training means."""

import logging

import numpy as np
import pandas as pd
import pytest

from processing.features.imputation import apply_imputation, fit_imputation


def frame(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: np.array(v, dtype=np.float32) for name, v in columns.items()})


def test_means_skip_missing_values_and_are_plain_floats() -> None:
    means = fit_imputation(frame(a=[1.0, np.nan, 4.0], b=[7.0, 7.0, 7.0], c=[0, 0, 0]), ["a", "b"])
    assert means == {"a": 2.5, "b": 7.0}
    assert {type(value) for value in means.values()} == {float}


def test_means_are_summed_in_float64() -> None:
    # In float32 the ones vanish beside 2**24.
    means = fit_imputation(frame(a=[2.0**24, *[1.0] * 1000]), ["a"])
    assert means["a"] == (2.0**24 + 1000) / 1001


def test_an_all_missing_column_becomes_zero_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    df = frame(a=[np.nan, np.nan], b=[1.0, 2.0])
    with caplog.at_level(logging.WARNING):
        means = fit_imputation(df, ["a", "b"])
    assert means == {"a": 0.0, "b": 1.5}
    assert [record.getMessage() for record in caplog.records] == [
        "Column 'a' has no value in the training data: it becomes 0.0"
    ]
    apply_imputation(df, means)
    assert df["a"].tolist() == [0.0, 0.0]


def test_apply_fills_in_place_with_the_nearest_float32_and_keeps_the_rest() -> None:
    df = frame(a=[np.nan, 2.0], b=[3.0, np.nan], c=[np.nan, 1.0])
    apply_imputation(df, {"a": 0.1, "b": -1.0})
    assert df.dtypes.tolist() == [np.float32] * 3
    assert df["a"].tolist() == [float(np.float32(0.1)), 2.0]
    assert df["b"].tolist() == [3.0, -1.0]
    assert df["c"].isna().tolist() == [True, False]


def test_many_columns_are_filled_without_a_pandas_performance_warning() -> None:
    df = pd.DataFrame(np.full((3, 300), np.nan, dtype=np.float32)).add_prefix("f")
    apply_imputation(df, dict.fromkeys(df.columns, 1.0))
    assert (df == 1.0).all(axis=None)
