"""Runs programs as processes of their own and measures them: wall time, memory, arrival of lines.

The program that measures must itself stay small and import nothing large: on Linux a process's
peak memory starts at that of the process which started it.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
_SHOWN_LINES = 40


class RunFailedError(Exception):
    """A process that was to be measured has ended with an error; the message has its output."""


@dataclass(frozen=True)
class Run:
    """What a process has taken.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, summed over threads.
        peak_memory: Largest resident memory, in bytes.
        lines: Standard output and error: seconds since the start at which each line arrived, and
            the line.
    """

    wall: float
    cpu: float
    peak_memory: int
    lines: tuple[tuple[float, str], ...]

    def seconds_until(self, start_of_line: str) -> float:
        """When the last line that starts like this arrived.

        Raises:
            RunFailedError: There is none.
        """
        arrivals = [seconds for seconds, line in self.lines if line.startswith(start_of_line)]
        if not arrivals:
            raise RunFailedError(f"no line starts with {start_of_line!r}:\n{_tail(self.lines)}")
        return arrivals[-1]


def run_process(command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> Run:
    """Runs a program to its end.

    Args:
        command: The program and its arguments.
        cwd: Its current folder.
        environ: Variables to set; of the caller's only those reach it that every program needs.

    Raises:
        RunFailedError: It has ended with an exit code other than 0, or by a signal.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    lines: list[tuple[float, str]] = []
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=kept | dict(environ or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        if process.stdout is not None:
            lines = [(time.perf_counter() - started, line.rstrip()) for line in process.stdout]
        # Popen.wait would drop the usage that only this call reports.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = f"exit code {process.returncode}: {' '.join(command)}\n{_tail(lines)}"
        raise RunFailedError(text)
    # Linux counts ru_maxrss in KiB.
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, tuple(lines))


def _tail(lines: Sequence[tuple[float, str]]) -> str:
    return "\n".join(line for _, line in lines[-_SHOWN_LINES:])
