"""Risk tables: values by hand, out of fold, no leakage, odd training data."""

import logging
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from processing.features.risk_tables import apply_risk_table, fit_risk_tables


def categories(values: list[str | None]) -> pd.Series:
    return pd.Series(pd.Categorical(values))


def random_codes(rng: np.random.Generator, rows: int, size: int) -> pd.Series:
    return of_codes(rng.integers(0, size, rows), size)


def of_codes(codes: np.ndarray, size: int) -> pd.Series:
    texts = pd.Index([str(code) for code in range(size)])
    return pd.Series(pd.Categorical.from_codes(codes, texts))


def test_bins_are_smoothed_positive_rates_of_all_training_rows() -> None:
    df = pd.DataFrame({"c": categories(["x"] * 4 + ["y"] * 4 + [None] * 2)})
    label = np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 0], dtype=np.uint8)
    tables, _ = fit_risk_tables(df, ["c"], label, smooth=5.0, folds=2, seed=0)
    assert tables["c"]["default_bin"] == 0.4
    assert tables["c"]["bins"] == pytest.approx(
        {"x": (3 + 5 * 0.4) / (4 + 5), "y": (0 + 5 * 0.4) / (4 + 5)}
    )
    assert {type(risk) for risk in tables["c"]["bins"].values()} == {float}


def test_missing_and_unseen_categories_get_the_default_in_every_split() -> None:
    df = pd.DataFrame({"c": categories(["x", "x", "x", None, "y", "y"])})
    label = np.array([1, 0, 1, 1, 0, 0], dtype=np.uint8)
    tables, encoded = fit_risk_tables(df, ["c"], label, smooth=1.0, folds=2, seed=0)
    assert encoded["c"].dtype == np.float32
    assert encoded["c"][3] == np.float32(0.5)
    values = apply_risk_table(categories(["y", None, "new", "x"]), tables["c"])
    bins = tables["c"]["bins"]
    assert values.dtype == np.float32
    assert values == pytest.approx([bins["y"], 0.5, 0.5, bins["x"]], abs=1e-6)


def test_a_category_that_the_data_type_lists_but_no_row_has_is_unseen() -> None:
    column = pd.Series(pd.Categorical(["x", "y", "x"], categories=["x", "y", "z"]))
    tables, _ = fit_risk_tables(
        pd.DataFrame({"c": column}), ["c"], np.array([1, 0, 0]), smooth=1.0, folds=2, seed=0
    )
    assert set(tables["c"]["bins"]) == {"x", "y"}


def test_a_training_row_is_encoded_without_its_own_label() -> None:
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"c": random_codes(rng, 300, 20)})
    label = rng.integers(0, 2, 300).astype(np.uint8)
    _, before = fit_risk_tables(df, ["c"], label, smooth=0.0, folds=3, seed=1)
    by_hand = np.empty(300)
    codes = df["c"].cat.codes.to_numpy()
    splitter = StratifiedKFold(3, shuffle=True, random_state=1)
    for fit_rows, rows in splitter.split(codes, label):
        for row in rows:
            mates = fit_rows[codes[fit_rows] == codes[row]]
            by_hand[row] = label[mates if mates.size else fit_rows].mean()
    assert before["c"] == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("size", [50, 1000, 10_000])
def test_random_categories_do_not_leak_labels(size: int) -> None:
    rng = np.random.default_rng(size)
    label = (rng.random(20_000) < 0.2).astype(np.uint8)
    df = pd.DataFrame({"c": random_codes(rng, 20_000, size)})
    val = random_codes(rng, 20_000, size)
    val_label = (rng.random(20_000) < 0.2).astype(np.uint8)
    tables, encoded = fit_risk_tables(df, ["c"], label, smooth=20.0, folds=5, seed=0)
    val_encoded = apply_risk_table(val, tables["c"])
    # The standard error of these areas is .0045; a table that leaks gives .56 to .9 on training.
    assert roc_auc_score(label, encoded["c"]) == pytest.approx(0.5, abs=0.02)
    assert roc_auc_score(val_label, val_encoded) == pytest.approx(0.5, abs=0.02)
    leaking = apply_risk_table(df["c"], tables["c"])
    assert roc_auc_score(label, leaking) > 0.53


def test_training_and_validation_encodings_have_about_the_same_distribution() -> None:
    rng = np.random.default_rng(3)
    risk = rng.beta(1, 9, 100)
    codes = rng.integers(0, 100, 40_000)
    label = (rng.random(40_000) < risk[codes]).astype(np.uint8)
    column = of_codes(codes, 100)
    train, val = column[:20_000], column[20_000:]
    tables, encoded = fit_risk_tables(
        pd.DataFrame({"c": train}), ["c"], label[:20_000], smooth=20.0, folds=5, seed=0
    )
    val_encoded = apply_risk_table(val, tables["c"])
    assert ks_2samp(encoded["c"], val_encoded).statistic < 0.05
    assert encoded["c"].mean() == pytest.approx(val_encoded.mean(), abs=0.003)


def test_rows_with_an_unknown_label_get_the_table_and_are_no_part_of_it() -> None:
    rng = np.random.default_rng(4)
    df = pd.DataFrame({"c": random_codes(rng, 400, 10)})
    label = rng.integers(0, 2, 400).astype(np.float32)
    label[::4] = np.nan
    known = ~np.isnan(label)
    tables, encoded = fit_risk_tables(df, ["c"], label, smooth=2.0, folds=4, seed=0)
    only_known, encoded_known = fit_risk_tables(
        df[known], ["c"], label[known].astype(np.uint8), smooth=2.0, folds=4, seed=0
    )
    assert tables == only_known
    assert np.array_equal(encoded["c"][known], encoded_known["c"])
    assert np.array_equal(encoded["c"][~known], apply_risk_table(df["c"], tables["c"])[~known])


CASES: dict[str, tuple[list[str | None], list[float], float, str]] = {
    "one class, negative": (["x", "y"] * 3, [0] * 6, 0.0, "only one class"),
    "one class, positive": (["x", "y"] * 3, [1] * 6, 1.0, "only one class"),
    "fewer positives than folds": (["x", "y"] * 3, [1, 0, 0, 0, 0, 0], 1 / 6, "fewer than the 5"),
    "one category": (["x"] * 6, [1, 0] * 3, 0.5, "'c' has a single category"),
    "all missing": ([None] * 6, [1, 0] * 3, 0.5, "'c' has no category"),
    "one row": (["x"], [1], 1.0, "only one class"),
    "no known label": (["x", "y"], [np.nan, np.nan], 0.0, "only one class"),
}


@pytest.mark.parametrize("smooth", [0.0, 10.0, "auto"])
@pytest.mark.parametrize("name", CASES)
def test_odd_training_data_gives_finite_values_and_a_warning(
    name: str, smooth: float | Literal["auto"], caplog: pytest.LogCaptureFixture
) -> None:
    values, labels, default, warning = CASES[name]
    df = pd.DataFrame({"c": categories(values)})
    label = np.array(labels, dtype=np.float32)
    with caplog.at_level(logging.WARNING):
        tables, encoded = fit_risk_tables(df, ["c"], label, smooth=smooth, folds=5, seed=0)
    assert tables["c"]["default_bin"] == pytest.approx(default)
    assert np.isfinite(list(tables["c"]["bins"].values())).all()
    assert np.isfinite(encoded["c"]).all()
    assert encoded["c"].shape == (len(values),)
    assert warning in caplog.text
    if name.startswith("one class"):
        assert encoded["c"].tolist() == [default] * 6


def test_the_seed_decides_the_folds_and_nothing_else_does() -> None:
    rng = np.random.default_rng(5)
    df = pd.DataFrame({"c": random_codes(rng, 500, 30), "d": random_codes(rng, 500, 3)})
    label = rng.integers(0, 2, 500).astype(np.uint8)

    def encode(columns: list[str], seed: int) -> np.ndarray:
        _, encoded = fit_risk_tables(df, columns, label, smooth=5.0, folds=5, seed=seed)
        return encoded["c"]

    assert np.array_equal(encode(["c", "d"], 1), encode(["c"], 1))
    assert not np.array_equal(encode(["c"], 1), encode(["c"], 2))


def test_no_columns_give_no_tables(caplog: pytest.LogCaptureFixture) -> None:
    label = np.zeros(3, dtype=np.uint8)
    assert fit_risk_tables(pd.DataFrame(), [], label, smooth=1.0, folds=2, seed=0) == ({}, {})
    assert not caplog.records
