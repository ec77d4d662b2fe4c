"""A checkpoint as bytes: the trees so far and the training state.

That is enough to go on with a fresh LightGBM booster: gradients come from our own raw scores, which
are rebuilt from the trees, and everything random depends on the seed and the iteration alone.
"""

import contextlib
import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exceptions import CheckpointError
from models.engine.training_state import TrainingState
from models.trees.shared_tree import STRUCTURE_FIELDS, SharedTree, TreeStructure

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1

_CHECKSUM_BYTES = hashlib.sha256().digest_size

_LEAF_FIELDS = ("leaf_value", "leaf_weight")
_INNER_FIELDS = ("internal_value", "internal_weight")
_LEAF_STRUCTURE = ("leaf_count",)


class UnreadableCheckpointError(Exception):
    """The bytes are no whole checkpoint: cut off, damaged or something else."""


class NewerCheckpointError(Exception):
    """The checkpoint was written by a newer version of the program."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on.

    Attributes:
        fingerprint: Tells which data and hyperparameters it belongs to.
        trees: The trees so far.
        state: The training state.
    """

    fingerprint: str
    trees: Sequence[SharedTree]
    state: TrainingState

    def to_bytes(self) -> bytes:
        """A NumPy archive of flat arrays (no pickles), followed by its SHA-256."""
        header = {
            "format_version": FORMAT_VERSION,
            "fingerprint": self.fingerprint,
            "state": self.state.to_checkpoint_dict(),
        }
        arrays: dict[str, NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "n_leaves": np.array([tree.structure.n_leaves for tree in self.trees], dtype=np.int64),
        }
        if self.trees:
            for name in STRUCTURE_FIELDS:
                arrays[name] = np.concatenate(
                    [getattr(tree.structure, name) for tree in self.trees]
                )
            for name in (*_LEAF_FIELDS, *_INNER_FIELDS):
                arrays[name] = np.concatenate([getattr(tree, name) for tree in self.trees])
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        archive = buffer.getvalue()
        return archive + hashlib.sha256(archive).digest()


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint of which only the header has been read: it may be of another release.

    Attributes:
        fingerprint: Tells which data and hyperparameters it belongs to.
    """

    fingerprint: str
    _arrays: dict[str, NDArray[Any]]
    _state: Any

    @classmethod
    def from_bytes(cls, content: bytes) -> "SavedCheckpoint":
        """Reads the header of what `Checkpoint.to_bytes` made.

        Raises:
            UnreadableCheckpointError: The content is cut off, damaged or something else.
            NewerCheckpointError: The format is newer than this program.
        """
        archive, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
        if hashlib.sha256(archive).digest() != checksum:
            raise UnreadableCheckpointError("its checksum is wrong")
        with _unreadable_if_malformed():
            with np.load(io.BytesIO(archive), allow_pickle=False) as opened:
                arrays = dict(opened)
            header = json.loads(arrays["header"].tobytes())
            version = int(header["format_version"])
            if version > FORMAT_VERSION:
                raise NewerCheckpointError(
                    f"format {version}, where this program knows formats up to {FORMAT_VERSION}"
                )
            return cls(str(header["fingerprint"]), arrays, header["state"])

    def opened(self) -> Checkpoint:
        """The whole checkpoint, whose fingerprint is the job's.

        Raises:
            UnreadableCheckpointError: It holds something else.
        """
        with _unreadable_if_malformed():
            state = TrainingState.from_checkpoint_dict(self._state)
            return Checkpoint(self.fingerprint, _split_trees(self._arrays), state)


@contextlib.contextmanager
def _unreadable_if_malformed() -> Iterator[None]:
    """Tells what NumPy, JSON and our own reading make of other content as what it is."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnreadableCheckpointError(f"it holds something else ({error})") from error
    except (EOFError, OSError, zipfile.BadZipFile) as error:
        raise UnreadableCheckpointError(f"it holds no archive ({error})") from error


def _split_trees(arrays: dict[str, NDArray[Any]]) -> list[SharedTree]:
    n_leaves = arrays["n_leaves"]
    if len(n_leaves) == 0:
        return []
    leaf_bounds = np.cumsum(n_leaves)[:-1]
    inner_bounds = np.cumsum(n_leaves - 1)[:-1]

    def split(name: str) -> list[NDArray[Any]]:
        per_leaf = name in (*_LEAF_FIELDS, *_LEAF_STRUCTURE)
        return np.split(arrays[name], leaf_bounds if per_leaf else inner_bounds)

    structures = zip(*(split(name) for name in STRUCTURE_FIELDS), strict=True)
    values = zip(*(split(name) for name in (*_LEAF_FIELDS, *_INNER_FIELDS)), strict=True)
    return [
        SharedTree(TreeStructure(*structure), *value)
        for structure, value in zip(structures, values, strict=True)
    ]


def newest_usable(
    candidates: Iterable[tuple[str, bytes]],
    fingerprint: str,
    num_iterations: int,
    may_change: Sequence[str],
) -> Checkpoint | None:
    """The checkpoint to go on from; None: start from the beginning.

    Damaged ones, those of a newer format and those with more iterations than are wanted are passed
    over with a warning, and the one before is tried.

    Args:
        candidates: Name and content of each checkpoint, newest first.
        fingerprint: That of this job's data and hyperparameters.
        num_iterations: Number of trees wanted.
        may_change: Hyperparameters that are no part of the fingerprint, for the message.

    Raises:
        CheckpointError: A checkpoint belongs to other data or hyperparameters, or all there are
            were written by a newer version.
    """
    newer = []
    for name, content in candidates:
        try:
            saved = SavedCheckpoint.from_bytes(content)
            if saved.fingerprint != fingerprint:
                raise CheckpointError(
                    f"checkpoint {name} belongs to other data, other hyperparameters (any but "
                    f"{', '.join(may_change)}) or another version of LightGBM or of this program: "
                    "empty the checkpoint directory to start from the beginning, or restore what "
                    "the checkpoint was made with"
                )
            checkpoint = saved.opened()
        except UnreadableCheckpointError as error:
            logger.warning("Checkpoint %s is damaged and passed over: %s", name, error)
            continue
        except NewerCheckpointError as error:
            logger.warning("Checkpoint %s is passed over: it has %s", name, error)
            newer.append(name)
            continue
        if len(checkpoint.trees) > num_iterations:
            logger.warning(
                "Checkpoint %s is passed over: it has %d iterations, and num_iterations is %d",
                name,
                len(checkpoint.trees),
                num_iterations,
            )
            continue
        return checkpoint
    if newer:
        raise CheckpointError(
            f"checkpoint {newer[0]} was written by a newer version of this program, and there is "
            "no other one to go on from: run that version, or empty the checkpoint directory"
        )
    return None
