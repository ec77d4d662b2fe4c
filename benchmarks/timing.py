"""Runs programs as processes of their own, by turns, and measures them: time, memory, lines.

The program that measures must itself stay small: on Linux a process's peak memory starts at that
of its parent. A module to be measured ends with `run_as_program(function of plain values)`.
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
AI4I = CHECKOUT.parent / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")

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
    """Runs a program to its end; `RunFailedError` if that is not exit code 0.

    Of the caller's variables only those reach it that every program needs, and `environ`.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environ = kept | dict(environ or {})
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, env=environ, **pipes) as process:
        lines = [(time.perf_counter() - started, line.rstrip()) for line in process.stdout or ()]
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
    """Calls the function with the values of the command line, prints as JSON what it returns."""
    print(json.dumps(function(**json.loads(sys.argv[1]))))


def by_turns(runners: Mapping[str, Callable[[], T]], rounds: int) -> list[dict[str, T]]:
    """Runs what is compared by turns, so that the machine's moods meet all; results by round."""
    return [{name: run() for name, run in runners.items()} for _ in range(rounds)]


def say(text: str) -> None:
    """Tells the person who waits; the standard output holds the report alone."""
    print(text, file=sys.stderr, flush=True)


def _tail(lines: Sequence[tuple[float, str]]) -> str:
    return "\n".join(line for _, line in lines[-40:])
