"""How a job ends: exit code, one line on stderr, and the failure file."""

import contextlib
import errno
import logging
import re
import resource
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from common.messages import printable
from exceptions import BusyError, UserError
from processing.job.lock import sole_job
from processing.job.paths import base_directory, failure_file, result_marks
from processing.job.streams import say
from processing.writing.atomic import write_text

logger = logging.getLogger(__name__)

SHOWN_CHARACTERS = 1024
"""The platform shows this much of the failure file."""

OUT_OF_MEMORY = "the job ran out of memory: use a larger machine or fewer rows and columns"


@dataclass(frozen=True)
class FailureReport:
    """Where a failure is reported.

    Attributes:
        file: The failure file.
        marks: Files that are there if an earlier run has left results.
        stream: Where the one line goes; None: to the standard error.
    """

    file: Path
    marks: tuple[Path, ...] = ()
    stream: TextIO | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "FailureReport":
        """The report of the job with these variables."""
        return cls(failure_file(environ), result_marks(environ))

    def clear(self) -> None:
        """Removes the failure file of an earlier job."""
        # A folder that cannot be read or written is the job's own business to find out.
        with contextlib.suppress(OSError):
            self.file.unlink(missing_ok=True)

    def read(self) -> str:
        """What the file says; nothing if it is not there."""
        try:
            return self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def write(self, cause: str, details: str) -> None:
        """Writes the cause to stderr, and with the details to the failure file and the log."""
        cause, details = printable(cause), "\n".join(map(printable, details.split("\n")))
        if len(cause) > SHOWN_CHARACTERS:
            cause = cause[: SHOWN_CHARACTERS - 4] + " ..."
        say(cause, self.stream)
        lines = [cause, *self._earlier_results(), details]
        self._write_file("\n".join(lines).rstrip("\n") + "\n")
        if details:
            logger.error(details.rstrip())

    @contextlib.contextmanager
    def written_meanwhile(self, cause: str) -> Iterator[None]:
        """Has a cause in the file in case that the process is killed in the block."""
        if self.file.parent.is_dir():
            self._write_file(f"{cause}\n")
        yield
        self.clear()

    def _write_file(self, text: str) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.file, text)
        except OSError as error:
            logger.warning("The failure file %s cannot be written: %s", self.file, error)

    def _earlier_results(self) -> list[str]:
        folders = sorted({str(mark.parent) for mark in self.marks if mark.exists()})
        if not folders:
            return []
        note = f"What is in {' and '.join(folders)} is from an earlier run."
        logger.warning("%s", note)
        return [printable(note)]


def run_alone(environ: Mapping[str, str], run: Callable[[FailureReport], int]) -> int:
    """Runs a job if no other one is at work on its base directory, where nothing is touched then.

    Args:
        environ: Environment variables of the job.
        run: Gets the report, cleared; gives the exit code.

    Returns:
        Exit code: 0 or 1.
    """
    report = FailureReport.from_environment(environ)
    try:
        with sole_job(base_directory(environ)):
            report.clear()
            return run(report)
    except BusyError as error:
        say(str(error))
        return 1


def run_reported(job: Callable[[], object], report: FailureReport) -> int:
    """Runs the job and reports how it ended.

    This is the one place where an exception becomes an exit code. A fault of the user's is told by
    its type and gets a message; any other gets its traceback as well.

    Args:
        job: Returns if everything that was asked for was done.
        report: Written if the job fails: first the cause in one line.

    Returns:
        Exit code: 0 or 1.
    """
    try:
        job()
    except Exception as error:  # the last resort, which reports all there is
        cause, details = explain(error)
        logger.debug("The job failed", exc_info=error)
        report.write(cause, details)
        return 1
    return 0


def explain(error: Exception) -> tuple[str, str]:
    """The cause in one line, and what follows it: more lines, or for our faults the traceback."""
    if _is_no_memory(error):
        return OUT_OF_MEMORY, ""
    if isinstance(error, UserError):
        first, _, rest = str(error).partition("\n")
        return first, rest
    if isinstance(error, OSError) and error.errno in _RESOURCE_FAULTS:
        place = f": {error.filename}" if error.filename else ""
        return f"{_RESOURCE_FAULTS[error.errno]}{place} ({error.strerror})", ""
    if is_near_memory_limit():
        return OUT_OF_MEMORY, "".join(traceback.format_exception(error))
    kind = type(error).__name__
    cause = f"internal error: {kind}: {' '.join(str(error).split())}"
    return cause, "".join(traceback.format_exception(error))


def tells_of_no_memory(text: str) -> bool:
    """Whether that is how a library puts it that there is no memory."""
    return any(known in text for known in _NO_MEMORY)


def memory_limit() -> int | None:
    """Bytes of address space that the process may have (`ulimit -v`); None: any number."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def is_near_memory_limit() -> bool:
    """Whether the process has had most of the address space that it may have.

    Libraries then fail in all kinds of ways, of which many do not name the cause.
    """
    limit = memory_limit()
    if limit is None:
        return False
    peak = re.search(r"VmPeak:\s*(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return peak is not None and int(peak[1]) * 1024 > _NEAR_LIMIT * limit


def _is_no_memory(error: BaseException) -> bool:
    """Whether an error, or one that it comes from, says that there is no memory."""
    if isinstance(error, MemoryError) or tells_of_no_memory(str(error)):
        return True
    # An import that fails halfway is told in the importing package's own words.
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return origin is not None and _is_no_memory(origin)


_NEAR_LIMIT = 0.8

# Python, LightGBM (4.7) and C++, threads, the loader, the system, OpenBLAS (twice), Arrow, libgomp.
_NO_MEMORY = (
    "MemoryError",
    "std::bad_alloc",
    "can't start new thread",
    "failed to map segment from shared object",
    "Cannot allocate memory",
    "cannot allocate memory",
    "Memory allocation still failed",
    "pthread_create failed",
    "Failed to launch worker thread",
    "Thread creation failed",
)

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
    errno.EFBIG: "a file is larger than the limit on file sizes (ulimit -f)",
    errno.EAGAIN: "no further process can be started",
}
