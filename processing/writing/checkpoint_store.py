"""The checkpoint directory: whole files only, the last two of them."""

import re
from collections.abc import Iterator
from pathlib import Path

from processing.writing.atomic import remove_partial_files, write_bytes

_N_KEPT = 2
_FILE_NAME = re.compile(r"checkpoint-(\d{8})\.npz")


class CheckpointStore:
    """Keeps checkpoints as bytes, by iteration. Other files in the folder are left alone."""

    def __init__(self, folder: Path) -> None:
        """Takes an existing folder; removes what a killed job left half-written there."""
        self._folder = folder
        remove_partial_files(folder)

    def save(self, iteration: int, content: bytes) -> None:
        """Writes a checkpoint aside, renames it into place, and removes all but the last two.

        A job that was killed at any moment thus leaves at least one that is whole. Those of later
        iterations stay: a job that saves this one has passed them over, because it wants fewer
        iterations than they have, for example.
        """
        path = self._folder / f"checkpoint-{iteration:08d}.npz"
        write_bytes(path, content)
        up_to_this = [other for other in self._paths() if other.name <= path.name]
        for old in up_to_this[_N_KEPT:]:
            old.unlink()

    def newest_first(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of each checkpoint."""
        for path in self._paths():
            yield str(path), path.read_bytes()

    def _paths(self) -> list[Path]:
        paths = [path for path in self._folder.iterdir() if _FILE_NAME.fullmatch(path.name)]
        return sorted(paths, reverse=True)
