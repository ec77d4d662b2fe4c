"""The folder of checkpoints."""

import logging
import os
from pathlib import Path

import pytest

from processing.writing.atomic import ASIDE_SUFFIX
from processing.writing.checkpoint_store import CheckpointStore


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbers(store: CheckpointStore) -> list[int]:
    """Iterations, from the content that `save_all` writes."""
    return [int(content) for _, content in store.newest_first()]


def save_all(store: CheckpointStore, iterations: list[int]) -> None:
    for iteration in iterations:
        store.save(iteration, str(iteration).encode())


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert list(CheckpointStore(tmp_path).newest_first()) == []


def test_the_last_two_are_kept_newest_first(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    for iteration, kept in [(5, [5]), (10, [10, 5]), (15, [15, 10]), (100, [100, 15])]:
        save_all(store, [iteration])
        assert numbers(store) == kept
    assert names(tmp_path) == ["checkpoint-00000015.npz", "checkpoint-00000100.npz"]
    path, content = next(store.newest_first())
    assert Path(path).read_bytes() == content == b"100"


def test_the_order_is_that_of_the_iterations_however_many_digits(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    save_all(store, [9, 10])
    assert numbers(store) == [10, 9]
    save_all(store, [99_999, 100_000])
    assert numbers(store) == [100_000, 99_999]


def test_the_same_iteration_again_replaces_its_checkpoint(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    save_all(store, [5, 10])
    store.save(10, b"11")
    assert numbers(store) == [11, 5]


def test_a_job_keeps_its_own_beside_later_ones_that_it_passed_over(tmp_path: Path) -> None:
    """Of a run with more iterations, of a newer version, or damaged."""
    save_all(CheckpointStore(tmp_path), [95, 100])
    store = CheckpointStore(tmp_path)
    save_all(store, [10])
    assert numbers(store) == [100, 95, 10]
    save_all(store, [20, 30])
    assert numbers(store) == [100, 95, 30, 20]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    others = ["notes.txt", "checkpoint-1.npz", "checkpoint-00000001.npz.bak", "model.npz"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    store = CheckpointStore(tmp_path)
    save_all(store, [1, 2, 3, 4])
    assert numbers(store) == [4, 3]
    assert set(others) < set(names(tmp_path))


def test_what_a_killed_job_left_half_written_is_removed(tmp_path: Path) -> None:
    partial = tmp_path / f".checkpoint-00000007.npz{ASIDE_SUFFIX}"
    partial.write_bytes(b"half")
    store = CheckpointStore(tmp_path)
    assert not partial.exists()
    assert numbers(store) == []


def test_a_failed_save_leaves_the_ones_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = CheckpointStore(tmp_path)
    save_all(store, [1, 2])

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(Path, "replace", full)
        save_all(store, [3, 4])
    (message,) = caplog.messages
    assert "checkpoint-00000003.npz cannot be written (No space left on device)" in message
    assert numbers(store) == [2, 1]
    assert names(tmp_path) == ["checkpoint-00000001.npz", "checkpoint-00000002.npz"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        CheckpointStore(tmp_path / "absent")


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "loop"])
def test_what_is_no_file_is_passed_over_and_not_removed(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = CheckpointStore(tmp_path)
    save_all(store, [1, 2])
    odd = tmp_path / "checkpoint-00000009.npz"
    if kind == "folder":
        odd.mkdir()
        (odd / "mine").touch()
    elif kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to(odd.name if kind == "loop" else "nowhere")
    assert numbers(store) == [2, 1]
    (message,) = caplog.messages
    assert message.startswith(f"Checkpoint {odd} is passed over: ")
    save_all(store, [8])
    assert numbers(store) == [8, 2]
    # The folder is in the way of this one.
    save_all(store, [9, 10, 11])
    assert numbers(store) == [11, 10]
    assert odd.exists() == (kind == "folder")
