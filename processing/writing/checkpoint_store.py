"""The checkpoint directory: whole files only, the last two of them."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from common.regular_file import open_regular
from processing.writing.atomic import remove_partial_files, write_bytes

logger = logging.getLogger(__name__)

_N_KEPT = 2
_FILE_NAME = re.compile(r"checkpoint-(\d{8})\.npz")


class CheckpointStore:
    """Keeps checkpoints as bytes, by iteration. Other files in the folder are left alone."""

    def __init__(self, folder: Path) -> None:
        """Takes an existing folder; removes what a killed job left half-written there.

        Raises:
            OSError: Nothing can be written there.
        """
        self._folder = folder
        self._is_failing = False
        remove_partial_files(folder)
        probe = folder / ".probe"
        write_bytes(probe, b"")
        probe.unlink()

    def save(self, iteration: int, content: bytes) -> None:
        """Writes a checkpoint aside, renames it into place, and removes all but the last two.

        A job that was killed at any moment thus leaves at least one that is whole. Those of later
        iterations stay: a job that saves this one has passed them over, because it wants fewer
        iterations than they have, for example.

        A checkpoint that cannot be written is no reason to end a good run: a warning says so, once
        until one can be written again.
        """
        path = self._folder / f"checkpoint-{iteration:08d}.npz"
        try:
            write_bytes(path, content)
            up_to_this = [other for other in self._paths() if other.name <= path.name]
            files = [other for other in up_to_this if other.is_file() or other.is_symlink()]
            for old in files[_N_KEPT:]:
                old.unlink()
        except OSError as error:
            if not self._is_failing:
                logger.warning(
                    "Checkpoint %s cannot be written (%s): the job goes on without, and could only "
                    "be continued from an earlier one",
                    path,
                    error.strerror,
                )
            self._is_failing = True
        else:
            self._is_failing = False

    def newest_first(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of each checkpoint; what is none is passed over with a warning."""
        for path in self._paths():
            try:
                with open_regular(path) as file:
                    content = file.read()
            except OSError as error:
                logger.warning("Checkpoint %s is passed over: %s", path, error.strerror)
                continue
            yield str(path), content

    def _paths(self) -> list[Path]:
        paths = [path for path in self._folder.iterdir() if _FILE_NAME.fullmatch(path.name)]
        return sorted(paths, reverse=True)
