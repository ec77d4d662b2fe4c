"""Runs programs as processes of their own, by turns, and measures them: time, memory, lines.

The program that measures must itself stay small and import nothing large: on Linux a process's
peak memory starts at that of the process which started it.

A program to be measured is a module with a function that takes plain values and ends with
`run_as_program(function)`: `python -m benchmarks.MODULE '{"rows": 5}'` calls it and prints what it
returns as one line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

CHECKOUT = Path(__file__).resolve().parents[1]
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
_SHOWN_LINES = 40

T = TypeVar("T")


class RunFailedError(Exception):
    """A process that was to be measured has ended with an error; the message has its output."""


@dataclass(frozen=True)
class Run:
    """What a process has taken."""

    wall: float  # seconds from its start to its end
    cpu: float  # seconds of processor time, summed over threads
    peak_memory: int  # largest resident memory, in bytes
    lines: tuple[tuple[float, str], ...]  # of both outputs, with the seconds at which they arrived

    def seconds_until(self, start_of_line: str) -> float:
        """When the last line that starts like this arrived; `RunFailedError` if there is none."""
        arrivals = [seconds for seconds, line in self.lines if line.startswith(start_of_line)]
        if not arrivals:
            raise RunFailedError(f"no line starts with {start_of_line!r}:\n{_tail(self.lines)}")
        return arrivals[-1]

    def result(self) -> Any:
        """What the function of `run_as_program` has returned."""
        return json.loads(self.lines[-1][1])


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


def run_module(module: str, **values: object) -> Run:
    """Runs a module that ends with `run_as_program`, with these values."""
    arguments = json.dumps(values, default=str)
    return run_process([sys.executable, "-m", f"benchmarks.{module}", arguments], CHECKOUT)


def run_as_program(function: Callable[..., object]) -> None:
    """Calls the function with the values of the command line and prints what it returns."""
    print(json.dumps(function(**json.loads(sys.argv[1]))))


def by_turns(runners: Mapping[str, Callable[[], T]], rounds: int) -> list[dict[str, T]]:
    """Runs what is compared by turns, so that the machine's moods meet all; results by round."""
    return [{name: run() for name, run in runners.items()} for _ in range(rounds)]


def say(text: str) -> None:
    """Tells the person who waits; the standard output holds the report alone."""
    print(text, file=sys.stderr, flush=True)


def _tail(lines: Sequence[tuple[float, str]]) -> str:
    return "\n".join(line for _, line in lines[-_SHOWN_LINES:])
