"""A job in a child process: however it dies, somebody is left who tells why.

Libraries end a process by themselves when memory runs out (OpenBLAS, OpenMP, C++), and so does the
system; no handler of the process's own would run then. The parent is small, because it starts the
child before anything heavy is imported.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from processing.job.failure import (
    OUT_OF_MEMORY,
    FailureReport,
    explain,
    memory_limit,
    tells_of_no_memory,
)
from processing.job.streams import say

REPORTED = 3
"""Exit code of a child that has reported its failure, which no library's own exit can be."""

_PR_SET_PDEATHSIG = 1
_SHOWN_CHARACTERS = 4000
_SECONDS_AT_LIMIT = 5
_SPARE_BYTES = 2 * 2**20
"""A process that stays so close to the limit of its address space cannot come to an end: CPython
(3.11) tries for ever to handle an exception when there is no memory for it."""
_PIPE_CHARACTERS = 65536


def supervised(run: Callable[[FailureReport], int], report: FailureReport) -> int:
    """Runs a job in a child process, and reports its end if it cannot do so itself.

    SIGTERM reaches the child, and so does Ctrl-C. The child dies with this process. What libraries
    write to the standard error becomes part of the log; the line that the job ends with is alone
    there.

    Args:
        run: The job, which gets its report; its exit code is 1 if it has reported a failure,
            otherwise 0.
        report: Where to report. A file that is there at the child's end has been written by it.

    Returns:
        The job's exit code, 0 or 1; the child does not return.
    """
    library = ctypes.CDLL(None)  # before the fork: the child may lack the memory for it
    parent = os.getpid()
    errors, errors_end = os.pipe()
    alive, alive_end = os.pipe()
    # Here the child leaves its last line, which it may still die over, for the parent to say.
    last_line = os.memfd_create("last line")
    forwarded = {signal.SIGTERM, signal.SIGINT}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, forwarded)
    try:
        child = os.fork()
    except OSError as error:
        report.write(*explain(error))
        return 1
    if child == 0:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(REPORTED)
        os.close(errors)
        os.close(alive)
        os.dup2(errors_end, 2)
        os.close(errors_end)
        # What the caller let wait still waits: the job knows when it is ready for it.
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        stream = os.fdopen(last_line, "w", encoding="utf-8", errors="backslashreplace")
        _leave(run(replace(report, stream=stream)))
    os.close(errors_end)
    os.close(alive_end)
    interrupted = False

    def forward(number: int, _frame: FrameType | None) -> None:
        # A terminal sends SIGINT to the child as well; SIGTERM besides does no harm.
        nonlocal interrupted
        interrupted = interrupted or number == signal.SIGINT
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    for number in forwarded:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forwarded)
    said = _relay(errors, alive, child)
    _, status = os.waitpid(child, 0)
    for number in forwarded:
        signal.signal(number, signal.SIG_IGN)
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code == -signal.SIGINT and interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(parent, signal.SIGINT)
    line = os.pread(last_line, _PIPE_CHARACTERS, 0).decode().rstrip("\n")
    if exit_code != 0:
        _report_for(exit_code, line, said, report)
    return 0 if exit_code == 0 else 1


def _leave(exit_code: int) -> NoReturn:
    """Ends the child at once, whatever threads are waiting for.

    Arrow's reader (26) can wait for itself for ever at a process's own end, if it has met a fault.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(REPORTED if exit_code else 0)


def _relay(errors: int, alive: int, child: int) -> str:
    """Hand what the child writes on to the log until it has ended; give the last of it back."""
    said, seconds_at_limit = b"", 0
    limit = memory_limit()
    while True:
        ready, _, _ = select.select([errors, alive], [], [], None if limit is None else 1.0)
        if not ready and limit is not None:
            at_limit = _address_space(child) > limit - _SPARE_BYTES
            seconds_at_limit = seconds_at_limit + 1 if at_limit else 0
            if seconds_at_limit == _SECONDS_AT_LIMIT:
                os.kill(child, signal.SIGKILL)
            continue
        # A process that the child has started may hold `errors`, but not `alive`.
        chunk = os.read(errors, _PIPE_CHARACTERS) if errors in ready else b""
        if not chunk:
            return said.decode(errors="backslashreplace")
        said = (said + chunk)[-_SHOWN_CHARACTERS:]
        with contextlib.suppress(OSError):
            os.write(1, chunk)


def _address_space(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


def _report_for(exit_code: int, line: str, said: str, report: FailureReport) -> None:
    """Say why the child has failed, and write it down if the child has not come to that."""
    written = report.read()
    if written or exit_code == REPORTED:
        say(line or written.partition("\n")[0])
        return
    if line or tells_of_no_memory(said):
        report.write(line or OUT_OF_MEMORY, said)
        return
    how = f"was ended by {signal.Signals(-exit_code).name}" if exit_code < 0 else "ended"
    if exit_code == -signal.SIGKILL or memory_limit() is not None:
        report.write(f"the job {how}, most likely because it {OUT_OF_MEMORY[8:]}", said)
    else:
        report.write(f"internal error: the job {how} without a reason (code {exit_code})", said)
