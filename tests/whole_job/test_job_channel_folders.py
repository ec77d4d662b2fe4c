"""Channels as platforms and file systems deliver them: links, mounts, partition folders."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jobs import members, model_file, run_job
from trees import hyperparameters, make_splits, write_tree


def the_channel_is_a_link(data: Path, elsewhere: Path) -> None:
    shutil.move(data / "train", elsewhere)
    (data / "train").symlink_to(elsewhere)


def the_file_is_a_link(data: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    shutil.move(data / "train" / "part-0.csv", elsewhere / "blob")
    (data / "train" / "part-0.csv").symlink_to(elsewhere / "blob")


def a_folder_is_a_link(data: Path, elsewhere: Path) -> None:
    shutil.move(data / "train", elsewhere)
    (data / "train").mkdir()
    (data / "train" / "shards").symlink_to(elsewhere)


def a_volume_of_kubernetes(data: Path, _elsewhere: Path) -> None:
    """`part-0.csv -> ..data/part-0.csv`, `..data -> ..2026_11`: changed by one rename."""
    for channel in ("train", "val", "test"):
        version = data / channel / "..2026_11"
        version.mkdir()
        shutil.move(data / channel / "part-0.csv", version)
        (data / channel / "..data").symlink_to("..2026_11")
        (data / channel / "part-0.csv").symlink_to("..data/part-0.csv")


@pytest.mark.parametrize(
    "deliver",
    [the_channel_is_a_link, the_file_is_a_link, a_folder_is_a_link, a_volume_of_kubernetes],
)
def test_links_to_where_the_files_are(
    tmp_path: Path, deliver: Callable[[Path, Path], None]
) -> None:
    splits, values = make_splits(100), hyperparameters(num_iterations=2)
    plain = write_tree(tmp_path / "plain", splits, values)
    linked = write_tree(tmp_path / "linked", splits, values)
    deliver(linked / "input" / "data", tmp_path / "elsewhere")
    for base in (plain, linked):
        run_job(base)
    assert model_file(linked).read_bytes() == model_file(plain).read_bytes()
    for split in ("val", "test"):
        assert members(linked, split) == members(plain, split)


def test_partition_columns_are_named_and_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path, make_splits(100), hyperparameters(num_iterations=2))
    for channel in (tmp_path / "input" / "data").iterdir():
        inner = channel / "dt=2026-01-01" / "region=a%2Fb"
        inner.mkdir(parents=True)
        shutil.move(channel / "part-0.csv", inner)
    with caplog.at_level(logging.INFO):
        run_job(tmp_path)
    (line,) = (text for text in caplog.messages if text.startswith("Partition"))
    assert line.startswith("Partition columns, in the names of folders, are not read: 'dt' (")
    assert "'region' (" in line
