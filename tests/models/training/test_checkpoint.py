"""Checkpoints as bytes, and which of several to go on from."""

import hashlib
import io
import json
import logging
from typing import Any

import numpy as np
import pytest
from engine_cases import make_booster, make_problem

from exceptions import CheckpointError
from models.engine.structure import StructureSettings
from models.engine.training_state import TrainingState
from models.training.checkpoint import (
    FORMAT_VERSION,
    Checkpoint,
    NewerCheckpointError,
    SavedCheckpoint,
    UnreadableCheckpointError,
    newest_usable,
)
from models.trees.shared_tree import STRUCTURE_FIELDS, SharedTree, TreeStructure

VALUE_FIELDS = ("leaf_value", "leaf_weight", "internal_value", "internal_weight")


def make_state() -> TrainingState:
    """A state with some history, undefined scores and a name that is no ASCII."""
    state = TrainingState(["größe", "b"], 1, patience=1)
    state.record_weights(np.array([0.1 + 0.2, 0.7]))
    for iteration in (1, 2, 3):
        state.current_iteration = iteration
        state.record_evaluation([float("nan"), 1 / iteration], 0.1)
    return state


def grown_trees(n_trees: int) -> list[SharedTree]:
    """Trees as they grow, with one of a single leaf among them."""
    booster = make_booster(make_problem(200), structure=StructureSettings(num_leaves=5))
    trees = [booster.update() for _ in range(n_trees)]
    return [*trees[:1], booster._unsplit_tree(), *trees[1:]] if trees else []


CHECKPOINT = Checkpoint("fingerprint", grown_trees(4), make_state())


def with_header(content: bytes, **changes: object) -> bytes:
    """A checkpoint whose header has other values, whole and with the right checksum."""
    with np.load(io.BytesIO(content[:-32])) as archive:
        arrays: dict[str, Any] = dict(archive)
    header = json.loads(arrays["header"].tobytes()) | changes
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest()


@pytest.mark.parametrize(
    "checkpoint",
    [
        CHECKPOINT,
        Checkpoint("", [], TrainingState(["a", "b"], 0)),
        Checkpoint("only single leaves", [CHECKPOINT.trees[1]] * 3, make_state()),
    ],
    ids=["trees", "no trees", "single leaves"],
)
def test_a_round_trip_keeps_every_bit(checkpoint: Checkpoint) -> None:
    again = opened(checkpoint.to_bytes())
    assert again.fingerprint == checkpoint.fingerprint
    assert repr(again.state) == repr(checkpoint.state)
    assert len(again.trees) == len(checkpoint.trees)
    for found, expected in zip(again.trees, checkpoint.trees, strict=True):
        pairs = [
            *(
                (getattr(found.structure, n), getattr(expected.structure, n))
                for n in STRUCTURE_FIELDS
            ),
            *((getattr(found, n), getattr(expected, n)) for n in VALUE_FIELDS),
        ]
        for one, other in pairs:
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            assert one.tobytes() == other.tobytes()
    assert again.to_bytes() == checkpoint.to_bytes()


def test_the_same_state_gives_the_same_bytes() -> None:
    again = Checkpoint("fingerprint", grown_trees(4), make_state())
    assert again.to_bytes() == CHECKPOINT.to_bytes()


def test_a_saved_checkpoint_does_not_follow_the_state() -> None:
    state = make_state()
    content = Checkpoint("f", [], state).to_bytes()
    state.record_evaluation([0.5, 0.5], 0.1)
    assert opened(content).state.evaluated_iterations == [1, 2, 3]


def opened(content: bytes) -> Checkpoint:
    return SavedCheckpoint.from_bytes(content).opened()


SMALL = Checkpoint("f", [CHECKPOINT.trees[1]], TrainingState(["a", "b"], 0)).to_bytes()


def test_a_checkpoint_that_is_cut_off_anywhere_is_unreadable() -> None:
    for length in range(len(SMALL)):
        with pytest.raises(UnreadableCheckpointError, match="checksum"):
            SavedCheckpoint.from_bytes(SMALL[:length])


def test_a_checkpoint_with_any_bit_flipped_is_unreadable() -> None:
    for position in range(len(SMALL)):
        damaged = bytearray(SMALL)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(UnreadableCheckpointError, match="checksum"):
            SavedCheckpoint.from_bytes(bytes(damaged))


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"text",
        b"\x80\x04.",
        SMALL + b"\x00",
        SMALL * 2,
        npz(),
        npz(header=np.zeros(3)),
    ],
    ids=[
        "empty",
        "a byte",
        "text",
        "pickle",
        "longer",
        "twice",
        "empty archive",
        "another archive",
    ],
)
def test_something_else_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableCheckpointError, match="checksum"):
        SavedCheckpoint.from_bytes(content)


def test_a_newer_format_is_told_from_damage() -> None:
    newer = with_header(SMALL, format_version=FORMAT_VERSION + 1, state="something new")
    with pytest.raises(NewerCheckpointError, match=rf"format {FORMAT_VERSION + 1}, .* up to 1$"):
        SavedCheckpoint.from_bytes(newer)


# Which one to go on from.


def summed(archive: bytes) -> bytes:
    """Other content with the checksum that it should have."""
    return archive + hashlib.sha256(archive).digest()


def without(content: bytes, name: str) -> bytes:
    """A checkpoint that lacks an array."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return summed(npz(**{key: archive[key] for key in archive if key != name}))


def checkpoint_of(n_trees: int, fingerprint: str = "mine") -> bytes:
    tree = SharedTree(TreeStructure.unsplit(9), *(np.zeros((n, 2)) for n in (1, 1, 0, 0)))
    state = TrainingState(["a", "b"], 0, current_iteration=n_trees)
    return Checkpoint(fingerprint, [tree] * n_trees, state).to_bytes()


GOOD, OLDER, FOREIGN = checkpoint_of(20), checkpoint_of(10), checkpoint_of(20, "other")
# What another release may have written: its state has other fields.
OTHER_RELEASE = with_header(FOREIGN, state={"rounds": 20})
CUT = GOOD[:-100]
NEWER = with_header(GOOD, format_version=FORMAT_VERSION + 1)


@pytest.mark.parametrize(
    ("contents", "n_trees", "warnings"),
    [
        ([], None, []),
        ([GOOD], 20, []),
        ([GOOD, OLDER], 20, []),
        ([GOOD, FOREIGN], 20, []),
        ([CUT, OLDER], 10, ["is damaged"]),
        ([CUT], None, ["is damaged"]),
        ([b"", b"x"], None, ["is damaged", "is damaged"]),
        ([with_header(GOOD, state={"rounds": 3}), OLDER], 10, ["holds something else"]),
        ([with_header(GOOD, state=None), OLDER], 10, ["holds something else"]),
        ([summed(b"text"), OLDER], 10, ["holds something else"]),
        ([summed(b""), OLDER], 10, ["holds no archive"]),
        ([summed(b"PK\x03\x04" + bytes(60)), OLDER], 10, ["holds no archive"]),
        ([summed(npz(header=np.zeros(3))), OLDER], 10, ["holds something else"]),
        ([summed(npz()), OLDER], 10, ["holds something else"]),
        ([without(GOOD, "leaf_value"), OLDER], 10, ["holds something else"]),
        ([NEWER, OLDER], 10, ["format 2"]),
        ([NEWER, CUT, OLDER], 10, ["format 2", "is damaged"]),
        ([checkpoint_of(31), GOOD], 20, ["it has 31 iterations, and num_iterations is 30"]),
        ([checkpoint_of(30), GOOD], 30, []),
        ([checkpoint_of(40), checkpoint_of(35)], None, ["40 iterations", "35 iterations"]),
    ],
)
def test_the_newest_usable_one_is_taken(
    contents: list[bytes],
    n_trees: int | None,
    warnings: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    candidates = [(f"file {number}", content) for number, content in enumerate(contents)]
    with caplog.at_level(logging.WARNING):
        chosen = newest_usable(candidates, "mine", 30, ["num_threads"])
    assert (None if chosen is None else len(chosen.trees)) == n_trees
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(warnings)
    for number, (message, expected) in enumerate(zip(messages, warnings, strict=True)):
        assert f"file {number} " in message
        assert expected in message


@pytest.mark.parametrize(
    "contents",
    [[FOREIGN], [FOREIGN, GOOD], [CUT, FOREIGN], [NEWER, FOREIGN], [OTHER_RELEASE]],
)
def test_one_of_other_data_or_settings_is_refused(contents: list[bytes]) -> None:
    candidates = [(f"file {number}", content) for number, content in enumerate(contents)]
    name = next(name for name, content in candidates if content in (FOREIGN, OTHER_RELEASE))
    message = rf"^checkpoint {name} belongs to other data, .* \(any but num_threads\) "
    with pytest.raises(CheckpointError, match=message):
        newest_usable(candidates, "mine", 30, ["num_threads"])


@pytest.mark.parametrize("contents", [[NEWER], [CUT, NEWER], [NEWER, CUT]])
def test_only_ones_of_a_newer_version_are_refused(contents: list[bytes]) -> None:
    candidates = [(f"file {number}", content) for number, content in enumerate(contents)]
    name = candidates[contents.index(NEWER)][0]
    with pytest.raises(
        CheckpointError, match=rf"^checkpoint {name} was written by a newer version"
    ):
        newest_usable(candidates, "mine", 30, ["num_threads"])
