"""From raw splits to features: order of the steps, artifacts, and what is learned from where."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from exceptions import ArtifactError
from processing.features.artifacts import PrecomputedArtifacts
from processing.features.preprocessing import RiskTableSettings, preprocess, used_columns

NONE = PrecomputedArtifacts(None, None, None)
SETTINGS = RiskTableSettings(10.0, 5, 42)
NUMERICAL, CATEGORICAL = ["x", "y"], ["c", "d"]


def make_split(seed: int, n_rows: int = 200) -> pd.DataFrame:
    """Rows as the readers give them, with missing numbers and categories."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "main": (rng.random(n_rows) < 0.3).astype(np.uint8),
        "other": (rng.random(n_rows) < 0.5).astype(np.uint8),
        "x": rng.normal(5, 1, n_rows).astype(np.float32),
        "y": rng.normal(-5, 1, n_rows).astype(np.float32),
        "c": pd.Categorical(rng.choice(["a", "b"], n_rows)),
        "d": pd.Categorical(rng.choice(["1", "01", "u"], n_rows)),
        "id": [str(number) for number in range(n_rows)],
    }
    df = pd.DataFrame(columns)
    df.loc[::7, "x"] = np.nan
    df.loc[::5, "c"] = np.nan
    return df


def make_splits() -> dict[str, pd.DataFrame]:
    return {"train": make_split(0), "val": make_split(1, 50), "test": make_split(2, 50)}


def run(splits: dict[str, pd.DataFrame], artifacts: PrecomputedArtifacts = NONE) -> Any:
    return preprocess(splits, NUMERICAL, CATEGORICAL, ["main"], artifacts, SETTINGS)


def test_all_features_become_numbers_without_gaps_in_every_split() -> None:
    splits = make_splits()
    result = run(splits)
    assert result.feature_columns == ["x", "y", "c", "d"]
    for df in splits.values():
        for name in result.feature_columns:
            assert df[name].dtype == np.float32
            assert df[name].notna().all()


def test_other_columns_are_left_as_they_are() -> None:
    splits, before = make_splits(), make_splits()
    run(splits)
    for name, df in splits.items():
        others = ["main", "other", "id", "y"]
        pd.testing.assert_frame_equal(df[others], before[name][others])
        assert list(df.columns) == list(before[name].columns)


def test_everything_is_learned_from_the_training_rows() -> None:
    splits, before = make_splits(), make_splits()
    result = run(splits)
    mean = before["train"]["x"].mean()
    assert result.impute_dict["x"] == pytest.approx(mean, rel=1e-6)
    for name, df in splits.items():
        missing = before[name]["x"].isna()
        assert df["x"][missing].to_numpy() == pytest.approx(mean, rel=1e-6)
        np.testing.assert_array_equal(df["x"][~missing], before[name]["x"][~missing])
    train = before["train"]
    base_rate = train["main"].mean()
    known = train[train["c"] == "a"]
    expected = (known["main"].sum() + 10 * base_rate) / (len(known) + 10)
    assert result.risk_tables["c"]["bins"]["a"] == pytest.approx(expected)
    assert result.risk_tables["c"]["default_bin"] == pytest.approx(base_rate)


def test_other_splits_get_the_table_and_training_rows_are_encoded_out_of_fold() -> None:
    splits, before = make_splits(), make_splits()
    bins = run(splits).risk_tables["d"]["bins"]
    for name in ("val", "test"):
        expected = before[name]["d"].map(bins).astype(np.float32)
        np.testing.assert_array_equal(splits[name]["d"], expected)
    # Each of the five folds has values of its own.
    assert splits["train"]["d"].nunique() == 3 * 5


def test_the_validation_rows_do_not_matter_for_the_training_rows() -> None:
    one, other = make_splits(), make_splits()
    other["val"] = make_split(9, 60)
    del other["test"]
    first, second = run(one), run(other)
    pd.testing.assert_frame_equal(one["train"], other["train"])
    assert first == second


def test_other_tasks_risks_are_features_of_their_own() -> None:
    splits, main_only = make_splits(), make_splits()
    splits["train"]["c|other"] = 0.0  # a column of that name is there already
    before = {name: df.copy() for name, df in splits.items()}
    result = preprocess(splits, NUMERICAL, CATEGORICAL, ["main", "other"], NONE, SETTINGS)
    alone = run(main_only)
    assert result.feature_columns == ["x", "y", "c", "d", "c|other_", "d|other"]
    assert result.feature_sources == ["x", "y", "c", "d", "c", "d"]
    assert {name: result.risk_tables[name] for name in CATEGORICAL} == alone.risk_tables
    for name, df in splits.items():
        pd.testing.assert_frame_equal(df[CATEGORICAL], main_only[name][CATEGORICAL])
    train = before["train"]
    table = result.risk_tables["d|other"]
    assert (table["column"], table["task"]) == ("d", "other")
    known = train[train["d"] == "u"]
    expected = (known["other"].sum() + 10 * train["other"].mean()) / (len(known) + 10)
    assert table["bins"]["u"] == pytest.approx(expected)
    for name in ("val", "test"):
        mapped = before[name]["d"].map(table["bins"]).astype(np.float32)
        np.testing.assert_array_equal(splits[name]["d|other"], mapped)
    assert splits["train"]["d|other"].nunique() == 3 * 5, "not out of fold"


def test_a_task_without_a_known_label_gets_tables_that_tell_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    splits = make_splits()
    splits["train"]["other"] = np.float32(np.nan)
    result = preprocess(splits, NUMERICAL, CATEGORICAL, ["main", "other"], NONE, SETTINGS)
    assert result.risk_tables["d|other"]["default_bin"] == 0.0
    assert (splits["train"]["d|other"] == 0).all()
    assert "Task other has only one class" in caplog.text


IMPUTE = {"x": 1.0, "y": 2.0}
TABLES: Any = {"c": {"bins": {"a": 0.5}, "default_bin": 0.1}, "d": {"bins": {}, "default_bin": 0.2}}


def test_precomputed_artifacts_are_not_applied() -> None:
    splits = {"train": make_split(0).dropna(), "val": make_split(1).dropna()}
    for df in splits.values():
        df["c"] = df["d"] = np.float32(0.25)
    before = {name: df.copy() for name, df in splits.items()}
    result = run(splits, PrecomputedArtifacts(IMPUTE, TABLES, ["d", "x"]))
    for name, df in splits.items():
        pd.testing.assert_frame_equal(df, before[name])
    assert (result.impute_dict, result.risk_tables) == (IMPUTE, TABLES)
    assert result.feature_columns == ["d", "x"]


def test_each_step_is_precomputed_by_itself() -> None:
    splits = {"train": make_split(0), "val": make_split(1)}
    for df in splits.values():
        df["x"] = df["x"].fillna(np.float32(7))
    result = run(splits, PrecomputedArtifacts(IMPUTE, None, None))
    assert result.impute_dict == IMPUTE
    assert set(result.risk_tables) == {"c", "d"}
    assert splits["val"]["c"].dtype == np.float32

    splits = {"train": make_split(0), "val": make_split(1)}
    for df in splits.values():
        df["c"] = df["d"] = np.float32(0.25)
    result = run(splits, PrecomputedArtifacts(None, TABLES, None))
    assert set(result.impute_dict) == {"x", "y"}
    assert result.risk_tables == TABLES
    assert splits["val"]["x"].notna().all()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_missing_numbers_contradict_precomputed_imputation(split: str) -> None:
    splits = make_splits()
    for name, df in splits.items():
        if name != split:
            df["x"] = df["x"].fillna(np.float32(0))
    message = rf"^USE_PRECOMPUTED_IMPUTATION is true, so {split} must .* 'x' \(\d+ of \d+ rows\)$"
    with pytest.raises(ArtifactError, match=message):
        run(splits, PrecomputedArtifacts(IMPUTE, None, None))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_missing_risks_contradict_precomputed_risk_tables(split: str) -> None:
    splits = make_splits()
    for name, df in splits.items():
        df["c"] = df["d"] = np.float32(0.5)
        if name == split:
            df.loc[3:4, "d"] = np.nan
    message = rf"^USE_PRECOMPUTED_RISK_TABLES is true, so {split} must .* 'd' \(2 of \d+ rows\)$"
    with pytest.raises(ArtifactError, match=message):
        run(splits, PrecomputedArtifacts(None, TABLES, None))


@pytest.mark.parametrize(
    ("selected", "expected"), [(None, ["x", "y", "c", "d"]), (["d", "x"], ["d", "x"])]
)
def test_used_columns(selected: list[str] | None, expected: list[str]) -> None:
    artifacts = PrecomputedArtifacts(None, None, selected)
    assert used_columns(NUMERICAL, CATEGORICAL, artifacts) == expected
