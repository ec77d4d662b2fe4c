"""One job at a time on a base directory."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from exceptions import BusyError

_N_TRIES = 11
_SECONDS_BETWEEN_TRIES = 0.1
"""A job that has been killed this moment may still be on its way out."""

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def sole_job(base: Path) -> Iterator[None]:
    """Keeps other jobs away from a base directory; they are refused at once.

    The lock is on the folder itself: nothing is written, so that a read-only folder has one, too,
    containers that mount the same folder share it, and the system takes it away with the process,
    however that ends.

    Args:
        base: The folder. Where it cannot be opened there is no lock: the job will say what it
            misses there.

    Raises:
        BusyError: Another job is at work there.
    """
    try:
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        _lock(folder, base)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, base: Path) -> None:
    try:
        for _ in range(_N_TRIES - 1):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(_SECONDS_BETWEEN_TRIES)
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BusyError(
            f"another job is at work on {base}: wait for its end, or give this one a base "
            "directory of its own (SAGEMAKER_BASE_DIR)"
        ) from error
    except OSError as error:
        # Some network file systems have no locks, or none for folders.
        logger.warning(
            "%s cannot be locked (%s): nothing keeps a second job away", base, error.strerror
        )
