"""The population stability index against the formula, bin by bin."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from models.evaluation.drift import (
    MOST_CATEGORIES,
    bin_shares,
    column_drift,
    fit_bins,
    fit_table,
    sampled_rows,
    stability_index,
    table_drift,
)


def numbers(values: object) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=np.float32))


def categories(values: Sequence[str | None]) -> pd.Series:
    return pd.Series(pd.Categorical(pd.array(list(values), dtype="str")))


def test_index_is_the_formula() -> None:
    training, here = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    by_hand = -0.1 * np.log(0.4 / 0.5) + 0.1 * np.log(0.4 / 0.3)
    assert stability_index(training, here) == pytest.approx(by_hand)
    assert stability_index(training, training) == 0.0


def test_numbers_are_binned_at_the_deciles_of_training() -> None:
    train = np.random.default_rng(0).normal(size=1000)
    here = np.random.default_rng(1).normal(0.5, 1.0, 500)
    bins = fit_bins(numbers(train), None)
    edges = np.sort(train.astype(np.float32))[(np.arange(1, 10) * 99.9).astype(int)]
    # A histogram's bins have their lower border in them, ours their upper one.
    above = np.nextafter(edges, np.float32(9))
    counts, counts_here = (
        np.histogram(values.astype(np.float32), [-np.inf, *above, np.inf])[0]
        for values in (train, here)
    )
    # A bin for missing values, which there are none of, and half a row in every bin.
    share, share_here = ((np.append(c, 0) + 0.5) / (c.sum() + 5.5) for c in (counts, counts_here))
    drift = column_drift(bins, numbers(here), None)
    assert drift["training"] == pytest.approx(share, abs=1e-6)
    assert drift["here"] == pytest.approx(share_here, abs=1e-6)
    assert drift["psi"] == pytest.approx(stability_index(share, share_here))
    assert drift["psi"] > 0.15
    assert column_drift(bins, numbers(train), None)["psi"] == pytest.approx(0.0)
    assert len(drift["bins"]) == 11
    assert drift["bins"][-1] == "missing"


def test_values_that_many_rows_share_are_bins_of_their_own() -> None:
    bins = fit_bins(numbers([0] * 50 + [1] * 5 + list(range(2, 47))), None)
    assert bins.labels == ["≤ 0", "0 to 6", "6 to 16", "16 to 26", "26 to 36", "> 36", "missing"]
    binary = fit_bins(numbers([0] * 3 + [1] * 97), None)
    assert binary.shares.size == 4
    assert np.round(binary.shares * 102 - 0.5).tolist() == [3, 97, 0, 0]
    assert binary.labels == ["< 1", "= 1", "> 1", "missing"]


def test_a_column_of_one_value_sees_another() -> None:
    bins = fit_bins(numbers([3.0] * 100), None)
    assert column_drift(bins, numbers([3.0] * 50), None)["psi"] < 0.01
    assert column_drift(bins, numbers([4.0] * 50), None)["psi"] > 1
    assert column_drift(bins, numbers([2.0] * 50), None)["psi"] == pytest.approx(0, abs=0.01)


def test_missing_values_are_a_bin() -> None:
    bins = fit_bins(numbers([*range(90), *[np.nan] * 10]), None)
    assert bins.shares[-1] == pytest.approx(10.5 / 105.5)
    assert column_drift(bins, numbers([np.nan] * 20), None)["here"][-1] == pytest.approx(
        20.5 / 25.5
    )
    nothing = fit_bins(numbers([np.nan] * 10), None)
    assert nothing.labels == ["any number", "missing"]
    assert column_drift(nothing, numbers([1.0] * 10), None)["psi"] > 1


def test_categories_are_bins_by_their_share() -> None:
    bins = fit_bins(categories(["b"] * 60 + ["a"] * 30 + [None] * 10), None)
    drift = column_drift(bins, categories(["a"] * 5 + ["c"] * 3 + [None] * 2), None)
    assert drift["bins"] == ["b", "a", "other categories", "not in training", "missing"]
    training = np.array([60.5, 30.5, 0.5, 0.5, 10.5]) / 102.5
    here = np.array([0.5, 5.5, 0.5, 3.5, 2.5]) / 12.5
    assert drift["training"] == pytest.approx(training, abs=1e-6)
    assert drift["here"] == pytest.approx(here, abs=1e-6)
    assert drift["psi"] == pytest.approx(((here - training) * np.log(here / training)).sum())


def test_rare_categories_share_a_bin() -> None:
    texts = [f"c{i:02d}" for i in range(MOST_CATEGORIES + 5) for _ in range(100 - i)]
    bins = fit_bins(categories(texts), None)
    assert bins.labels[:2] == ["c00", "c01"]
    rare = column_drift(bins, categories(["c24"] * 4 + ["new"] * 2), None)["here"]
    assert np.round(np.array(rare[-3:]) * (6 + 0.5 * len(rare)) - 0.5).tolist() == [4, 2, 0]


def test_shares_count_weights() -> None:
    values, weight = numbers([1, 2, 3, 4]), np.array([0.0, 2.0, 1.0, 1.0])
    bins = fit_bins(numbers(np.arange(10)), None)
    repeated = bin_shares(bins, numbers([2, 2, 3, 4]), None)
    assert bin_shares(bins, values, weight) == pytest.approx(repeated)


def test_tables_drift_column_by_column() -> None:
    train = pd.DataFrame({"x": numbers(range(100)), "w": numbers([1] * 100)})
    bins = fit_table(train, ["x"], "w")
    assert table_drift(bins, train[50:], "w")["x"] == column_drift(bins["x"], train["x"][50:], None)
    assert list(table_drift(bins, train.drop(columns="w"), "w")) == ["x"]


def test_sampled_rows_are_spread_evenly_and_the_same_each_time() -> None:
    assert sampled_rows(5, 10).tolist() == [0, 1, 2, 3, 4]
    rows = sampled_rows(1_000_003, 1000)
    assert (np.diff(rows) > 0).all()
    assert rows[-1] < 1_000_003
    assert (np.floor(rows / 1000.003) == np.arange(1000)).mean() > 0.99
    assert np.array_equal(rows, sampled_rows(1_000_003, 1000))
