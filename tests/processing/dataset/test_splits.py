"""Finding and reading the splits."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trees import CATEGORICAL, NUMERICAL, TASKS, make_splits, write_table

from exceptions import DataError
from processing.dataset.splits import columns_to_read, find_channels, read_splits
from processing.features.artifacts import PrecomputedArtifacts
from processing.job.paths import JobPaths
from processing.reading.columns import TableColumns

NONE = PrecomputedArtifacts(None, None, None)
TABLES: Any = {name: {"bins": {}, "default_bin": 0.5} for name in CATEGORICAL}
COLUMNS = TableColumns(tuple(TASKS), tuple(NUMERICAL), tuple(CATEGORICAL), "id")


def write(base: Path, splits: dict[str, pd.DataFrame], ending: str = "csv") -> JobPaths:
    """Writes channels and gives their paths."""
    for name, table in splits.items():
        write_table(table, base / "input" / "data" / name / f"part-0.{ending}")
    return JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(base)})


def read(base: Path, splits: dict[str, pd.DataFrame], **options: Any) -> dict[str, pd.DataFrame]:
    columns = options.pop("columns", COLUMNS)
    channels = find_channels(write(base, splits, **options))
    return read_splits(channels, columns, allow_missing_labels=False)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "csv.gz"])
def test_every_split_is_read(tmp_path: Path, ending: str) -> None:
    written = make_splits(40)
    paths = write(tmp_path, written, ending)
    channels = find_channels(paths)
    assert channels.data_format == ending.removesuffix(".gz")
    assert list(channels.by_split) == ["train", "val", "test"]
    assert list(channels.header().columns) == list(written["train"].columns)
    assert len(channels.header()) == 0
    splits = read_splits(channels, COLUMNS, allow_missing_labels=False)
    for name, df in splits.items():
        expected = written[name]
        assert df["id"].tolist() == expected["id"].tolist()
        for task in TASKS:
            assert df[task].dtype == np.uint8
            np.testing.assert_array_equal(df[task], expected[task])
        for column in NUMERICAL:
            assert df[column].dtype == np.float32
            np.testing.assert_array_equal(df[column], expected[column].astype(np.float32))
        for column in CATEGORICAL:
            assert df[column].isna().tolist() == expected[column].isna().tolist()
            assert df[column].dropna().tolist() == expected[column].dropna().tolist()


def test_the_test_channel_may_be_absent(tmp_path: Path) -> None:
    splits = make_splits(40)
    del splits["test"]
    assert list(read(tmp_path, splits)) == ["train", "val"]


@pytest.mark.parametrize("absent", ["train", "val"])
def test_a_needed_channel_that_is_absent_is_named(tmp_path: Path, absent: str) -> None:
    splits = make_splits(40)
    del splits[absent]
    with pytest.raises(DataError, match=f"^channel '{absent}': wanted a folder with data files"):
        find_channels(write(tmp_path, splits))


def test_columns_that_nobody_asked_for_are_not_there(tmp_path: Path) -> None:
    columns = TableColumns((TASKS[0], TASKS[1]), ("age",), (), "id")
    df = read(tmp_path, make_splits(40), columns=columns)["train"]
    assert sorted(df.columns) == sorted(["id", "age", TASKS[0], TASKS[1]])


def test_without_an_id_rows_are_numbered_over_all_files(tmp_path: Path) -> None:
    splits = {name: table.drop(columns="id") for name, table in make_splits(40).items()}
    write_table(splits["train"], tmp_path / "input" / "data" / "train" / "part-1.csv")
    df = read(tmp_path, splits)["train"]
    assert df["id"].tolist() == list(range(80))


def test_all_missing_columns_of_all_splits_are_reported_at_once(tmp_path: Path) -> None:
    splits = make_splits(40)
    splits["train"] = splits["train"].drop(columns="age")
    splits["test"] = splits["test"].rename(columns={"isCard": "iscard"})
    with pytest.raises(DataError, match=r"'age'(?s:.)*'isCard' \(nearest: 'iscard'"):
        read(tmp_path, splits)


def test_an_id_in_some_splits_only_is_an_error(tmp_path: Path) -> None:
    splits = make_splits(40)
    splits["val"] = splits["val"].drop(columns="id")
    with pytest.raises(DataError, match=r"the id column 'id' is in .*train.* but not in .*val"):
        read(tmp_path, splits)


def test_missing_labels_are_allowed_or_not(tmp_path: Path) -> None:
    splits = make_splits(40)
    for name in splits:
        splits[name] = splits[name].astype({"isCard": "Int64"})
    splits["train"].loc[3, "isCard"] = pd.NA
    channels = find_channels(write(tmp_path, splits))
    with pytest.raises(DataError, match=r"column 'isCard': 1 missing"):
        read_splits(channels, COLUMNS, allow_missing_labels=False)
    df = read_splits(channels, COLUMNS, allow_missing_labels=True)["train"]
    assert df["isCard"].isna().sum() == 1
    assert len(df) == 40


def test_training_rows_without_any_label_are_left_out(tmp_path: Path) -> None:
    splits = make_splits(40)
    for name in splits:
        splits[name] = splits[name].astype(dict.fromkeys(TASKS, "Int64"))
        splits[name].loc[splits[name].index[[2, 5]], TASKS] = pd.NA
    ids = splits["train"]["id"].drop([2, 5]).tolist()
    read_back = read_splits(
        find_channels(write(tmp_path, splits)), COLUMNS, allow_missing_labels=True
    )
    assert read_back["train"]["id"].tolist() == ids
    assert len(read_back["val"]) == len(splits["val"])


def test_training_rows_with_no_label_at_all_are_an_error(tmp_path: Path) -> None:
    splits = make_splits(40)
    splits["train"] = splits["train"].assign(**dict.fromkeys(TASKS))
    channels = find_channels(write(tmp_path, splits))
    with pytest.raises(DataError, match=r"^train: no row has a label$"):
        read_splits(channels, COLUMNS, allow_missing_labels=True)


def test_weights_are_checked(tmp_path: Path) -> None:
    splits = {name: table.assign(w=1.5) for name, table in make_splits(40).items()}
    columns = TableColumns(tuple(TASKS), ("age",), (), "id", ("w",))
    assert read(tmp_path / "good", splits, columns=columns)["val"]["w"].dtype == np.float32
    splits["val"]["w"] = -1
    with pytest.raises(DataError, match=r"column 'w': 20 negative"):
        read(tmp_path / "bad", splits, columns=columns)


@pytest.mark.parametrize("id_name", ["isFraud_true", "isCard_prob"])
def test_an_id_that_collides_with_a_prediction_is_an_error(tmp_path: Path, id_name: str) -> None:
    columns = TableColumns(tuple(TASKS), tuple(NUMERICAL), (), id_name)
    with pytest.raises(DataError, match=rf"these columns twice: '{id_name}'; rename the id column"):
        read(tmp_path, make_splits(40), columns=columns)


@pytest.mark.parametrize(
    ("artifacts", "numerical", "categorical", "read_categorical", "encoded"),
    [
        (NONE, ["a", "b"], ["c"], ("c",), ()),
        (PrecomputedArtifacts(None, TABLES, None), ["a", "b"], ["c"], (), ("c",)),
        (PrecomputedArtifacts({}, None, None), ["a", "b"], ["c"], ("c",), ()),
        (PrecomputedArtifacts(None, None, ["c", "b"]), ["b"], ["c"], ("c",), ()),
        (PrecomputedArtifacts(None, None, ["a"]), ["a"], [], (), ()),
        (PrecomputedArtifacts(None, TABLES, ["c"]), [], ["c"], (), ("c",)),
    ],
)
def test_what_is_read_follows_the_artifacts(
    artifacts: PrecomputedArtifacts,
    numerical: list[str],
    categorical: list[str],
    read_categorical: tuple[str, ...],
    encoded: tuple[str, ...],
) -> None:
    columns, used_numerical, used_categorical = columns_to_read(
        ["a", "b"], ["c"], ["t", "u"], "id", ["w"], ["m"], artifacts
    )
    assert (used_numerical, used_categorical) == (numerical, categorical)
    assert columns == TableColumns(
        ("t", "u"), tuple(numerical), read_categorical, "id", ("w",), ("m",), encoded
    )


def test_unlabelled_rows_are_left_out_without_a_second_table(tmp_path: Path) -> None:
    n_rows, n_columns = 50_000, 40
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(n_columns)]
    train = pd.DataFrame(rng.random((n_rows, n_columns), dtype=np.float32), columns=names)
    train = train.assign(id=np.arange(n_rows), y=(train["n0"] > 0.5).astype(float), z=1.0)
    train.loc[:9, ["y", "z"]] = np.nan
    columns = TableColumns(("y", "z"), tuple(names), (), "id")
    channels = find_channels(write(tmp_path, {"train": train, "val": train[10:20]}, "parquet"))
    tracemalloc.start()
    try:
        splits = read_splits(channels, columns, allow_missing_labels=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    table = n_rows * n_columns * 4
    assert peak < 1.3 * table
    pd.testing.assert_frame_equal(
        splits["train"][names], train[names][10:], check_index_type=False, check_exact=True
    )
    assert splits["train"]["id"].tolist() == [str(i) for i in range(10, n_rows)]
