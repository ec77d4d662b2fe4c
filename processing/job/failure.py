"""How a job ends: exit code, one line on stderr, and the failure file."""

import contextlib
import errno
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from common.messages import printable
from exceptions import UserError
from processing.writing.atomic import write_text

logger = logging.getLogger(__name__)

SHOWN_CHARACTERS = 1024
"""The platform shows this much of the failure file."""


def run_reported(job: Callable[[], object], failure_file: Path) -> int:
    """Runs the job and reports how it ended.

    This is the one place where an exception becomes an exit code. A fault of the user's is told by
    its type and gets a message; any other gets its traceback as well.

    Args:
        job: Returns if everything that was asked for was done.
        failure_file: Written if the job fails: first the cause in one line. One that an earlier job
            left is removed.

    Returns:
        Exit code: 0 or 1.
    """
    try:
        # A folder that cannot be read or written is the job's own business to find out.
        with contextlib.suppress(OSError):
            failure_file.unlink(missing_ok=True)
        job()
    except Exception as error:  # the last resort, which reports all there is
        cause, details = explain(error)
        logger.debug("The job failed", exc_info=error)
        _report(cause, details, failure_file)
        return 1
    return 0


def explain(error: Exception) -> tuple[str, str]:
    """The cause in one line, and what follows it: more lines, or for our faults the traceback."""
    if isinstance(error, UserError):
        first, _, rest = str(error).partition("\n")
        return first, rest
    if isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY):
        return "the job ran out of memory: use a larger machine or fewer rows and columns", ""
    if isinstance(error, OSError) and error.errno in _RESOURCE_FAULTS:
        place = f": {error.filename}" if error.filename else ""
        return f"{_RESOURCE_FAULTS[error.errno]}{place} ({error.strerror})", ""
    kind = type(error).__name__
    cause = f"internal error: {kind}: {' '.join(str(error).split())}"
    return cause, "".join(traceback.format_exception(error))


# How LightGBM (4.7) and threads put it.
_NO_MEMORY = ("std::bad_alloc", "can't start new thread")

_RESOURCE_FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "no permission to use a file or folder",
    errno.EPERM: "no permission to use a file or folder",
    errno.EROFS: "a folder that must be written is read-only",
    errno.EEXIST: "a folder is needed where there is a file",
    errno.ENOTDIR: "a folder is needed where there is a file",
    errno.EIO: "a disk does not answer",
    errno.ENOMEM: "the job ran out of memory",
    errno.EMFILE: "too many files are open",
}


def _report(cause: str, details: str, failure_file: Path) -> None:
    cause, details = printable(cause), "\n".join(map(printable, details.split("\n")))
    if len(cause) > SHOWN_CHARACTERS:
        cause = cause[: SHOWN_CHARACTERS - 4] + " ..."
    sys.stdout.flush()
    sys.stderr.write(f"{cause}\n")
    text = f"{cause}\n{details}".rstrip("\n") + "\n"
    try:
        failure_file.parent.mkdir(parents=True, exist_ok=True)
        write_text(failure_file, text)
    except OSError as error:
        logger.warning("The failure file %s cannot be written: %s", failure_file, error)
    if details:
        logger.error(details.rstrip())
