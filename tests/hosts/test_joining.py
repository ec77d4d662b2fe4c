"""What the hosts hand in, put together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions import DataError
from hosts.joining import (
    joined_channels,
    joined_evaluation,
    joined_labels,
    joined_tables,
    shared_out,
    total_counts,
)
from models.engine.task_rows import LabelledRows
from processing.dataset.evaluation_columns import EvaluationColumns
from processing.dataset.splits import Channels
from processing.dataset.tasks import TaskCounts
from processing.reading.channels import Channel, DataFile, FileHeader


def channels(file_format: str = "csv", **files: list[str]) -> Channels:
    """Channels of a host with files of these names."""
    by_split, headers = {}, {}
    for split, names in files.items():
        found = tuple(
            DataFile(Path(name), f"{split}/{name}", file_format, is_gzip=False) for name in names
        )
        by_split[split] = Channel(split, found, file_format)
        headers[split] = {file.label: FileHeader((file.path.name,), None) for file in found}
    return Channels(by_split, headers)


def test_files_that_only_one_host_has_are_called_by_its_name_too() -> None:
    found = [channels(val=["v0"], train=["a", "b"]), channels(val=["v1"], train=["a"])]
    joined = joined_channels(["x", "y"], found, {"train"})
    assert list(joined.by_split) == ["train", "val"]
    labels = {
        split: [file.label for file in channel.files] for split, channel in joined.by_split.items()
    }
    assert labels == {
        "train": ["x: train/a", "x: train/b", "y: train/a"],
        "val": ["val/v0", "val/v1"],
    }
    assert {split: list(known) for split, known in joined.headers.items()} == labels
    assert joined.headers["train"]["x: train/b"].names == ("b",)


def test_a_host_without_files_of_a_channel_adds_nothing() -> None:
    joined = joined_channels(["x", "y"], [channels(val=["v"]), channels(train=["a"])], {"train"})
    assert [file.label for file in joined.by_split["train"].files] == ["y: train/a"]
    assert [file.label for file in joined.by_split["val"].files] == ["val/v"]


def test_all_hosts_have_files_of_one_format() -> None:
    found = [channels(train=["a"]), channels("parquet", train=["b"])]
    with pytest.raises(DataError) as raised:
        joined_channels(["x", "y"], found, {"train"})
    assert str(raised.value) == (
        "channel 'train': wanted files of one format, found csv (x: train/a) and parquet "
        "(y: train/b)"
    )


def test_rows_keep_their_texts_and_categories_and_row_numbers_go_on() -> None:
    parts = [
        pd.DataFrame(
            {
                "id": np.arange(len(codes)),
                "name": pd.Series(list(texts), dtype="str"),
                "kind": pd.Categorical(codes, categories=pd.Index(kinds, dtype="str")),
                "x": np.array(numbers, np.float32),
            }
        )
        for texts, codes, kinds, numbers in (
            ("ab", ["q", None], ["q", "z"], [0.1, np.nan]),
            ("", [], [], []),
            ("c", ["a"], ["a"], [0.3]),
        )
    ]
    table = joined_tables(parts)
    assert table["id"].tolist() == [0, 1, 2]
    assert table["name"].tolist() == ["a", "b", "c"]
    assert table["kind"].astype(object).where(table["kind"].notna(), None).tolist() == [
        "q",
        None,
        "a",
    ]
    assert table["kind"].cat.categories.tolist() == ["a", "q", "z"]
    assert table["x"].dtype == np.float32
    np.testing.assert_array_equal(table["x"], np.array([0.1, np.nan, 0.3], np.float32))


def test_ids_that_are_texts_stay_as_they_are() -> None:
    parts = [pd.DataFrame({"id": ["007", "1"]}, dtype="str"), pd.DataFrame({"id": ["007"]})]
    assert joined_tables(parts)["id"].tolist() == ["007", "1", "007"]


def test_labels_of_a_host_without_weights_weigh_1() -> None:
    first = LabelledRows(np.array([[1, 0]], np.uint8), np.array([[0.5, 0]], np.float32))
    second = LabelledRows(np.array([[0, 1], [1, 1]], np.uint8))
    joined = joined_labels([first, second])
    assert joined.label.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert joined.label.dtype == np.uint8
    assert joined.weight is not None
    assert joined.weight.dtype == np.float32
    assert joined.weight.tolist() == [[0.5, 0], [1, 1], [1, 1]]
    assert joined_labels([second, second]).weight is None


def test_what_rows_are_judged_by_stays_in_order() -> None:
    scores = [np.array(values, np.float32) for values in ([0.1, np.nan], [], [0.3])]
    amounts = [np.array(values) for values in ([1.0, 2.0], [], [3.0])]
    parts = [
        EvaluationColumns(amount, {1: score}) for amount, score in zip(amounts, scores, strict=True)
    ]
    joined = joined_evaluation(parts)
    assert joined.amount is not None
    assert joined.amount.tolist() == [1, 2, 3]
    assert list(joined.previous) == [1]
    np.testing.assert_array_equal(joined.previous[1], np.concatenate(scores))
    assert joined_evaluation([EvaluationColumns(None, {})] * 2) == EvaluationColumns(None, {})


def test_counts_are_added_up() -> None:
    parts = [TaskCounts(np.array([3, 1]), np.array([number, 0])) for number in range(3)]
    total = total_counts(parts)
    assert (total.known.tolist(), total.positive.tolist()) == ([9, 3], [3, 0])
    assert parts[0].known.tolist() == [3, 1]


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_rows_are_shared_out_in_proportion(n_rows: int, counts: list[int]) -> None:
    found = shared_out(n_rows, counts)
    total = sum(counts)
    assert sum(found) == min(n_rows, total)
    for number, count in zip(found, counts, strict=True):
        assert 0 <= number <= count
        assert abs(number - min(n_rows, total) * count / max(total, 1)) <= 1
