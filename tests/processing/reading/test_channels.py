"""Which files a channel has."""

import logging
from pathlib import Path

import pytest

from exceptions import DataError
from processing.reading.channels import find_channel_files


def _write(folder: Path, *names: str, content: str = "a\n1\n") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_every_data_file_in_path_order_and_hidden_ones_skipped(tmp_path: Path) -> None:
    _write(tmp_path, "b.csv", "a/z.csv.gz", "a/b.CSV", "c.csv", "_SUCCESS", ".x.csv", "_t/y.csv")
    channel = find_channel_files("train", tmp_path)
    labels = [file.label for file in channel.files]
    assert labels == ["train/a/b.CSV", "train/a/z.csv.gz", "train/b.csv", "train/c.csv"]
    assert [file.is_gzip for file in channel.files] == [False, True, False, False]
    assert channel.file_format == "csv"


@pytest.mark.parametrize(
    ("ending", "file_format"),
    [("csv", "csv"), ("csv.gz", "csv"), ("tsv", "tsv"), ("tsv.gz", "tsv"), ("parquet", "parquet")],
)
def test_formats(tmp_path: Path, ending: str, file_format: str) -> None:
    _write(tmp_path, f"x.y.{ending}")
    assert find_channel_files("val", tmp_path).file_format == file_format


def test_other_files_are_ignored_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path, "a.csv", "readme.txt")
    with caplog.at_level(logging.WARNING):
        assert len(find_channel_files("train", tmp_path).files) == 1
    assert "readme.txt" in caplog.text


@pytest.mark.parametrize(
    ("names", "content", "message"),
    [
        ([], "x", "channel 'train' is empty"),
        (["_SUCCESS"], "x", "channel 'train' is empty"),
        (["a.txt", "b.json"], "x", r"no data file .* only 'a\.txt', 'b\.json'"),
        (["a.csv", "b.tsv"], "x", r"one format, found csv \(train/a\.csv\), tsv \(train/b\.tsv\)"),
        (["a.csv", "b.parquet"], "x", "one format, found csv .*, parquet"),
        (["a.csv", "b.csv"], "", r"0 bytes: 'train/a\.csv', 'train/b\.csv'"),
    ],
)
def test_unfit_channels(tmp_path: Path, names: list[str], content: str, message: str) -> None:
    _write(tmp_path, *names, content=content)
    with pytest.raises(DataError, match=message):
        find_channel_files("train", tmp_path)


def test_missing_channel(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"channel 'test': wanted a folder .* found none"):
        find_channel_files("test", tmp_path / "none")


def test_a_folder_with_a_data_ending_is_no_data_file(tmp_path: Path) -> None:
    _write(tmp_path, "train.parquet/part-0.parquet")
    channel = find_channel_files("train", tmp_path)
    assert [file.label for file in channel.files] == ["train/train.parquet/part-0.parquet"]


def test_links_are_followed_and_must_lead_somewhere(tmp_path: Path) -> None:
    _write(tmp_path / "elsewhere", "part-1.csv")
    _write(tmp_path / "channel", "part-0.csv")
    (tmp_path / "channel" / "more").symlink_to(tmp_path / "elsewhere")
    channel = find_channel_files("train", tmp_path / "channel")
    assert [file.label for file in channel.files] == ["train/more/part-1.csv", "train/part-0.csv"]
    (tmp_path / "channel" / "x.csv").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"found links to nowhere, .*: 'train/x\.csv'$"):
        find_channel_files("train", tmp_path / "channel")
