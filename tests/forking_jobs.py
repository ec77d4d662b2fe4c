"""Runs many jobs in children that are forked when everything is imported: a crash hits one child.

    python tests/forking_jobs.py

reads lines, each the folder of a tree, and answers each with the exit code of its job, -9 after
`DEADLINE_SECONDS`. What the job writes goes to `stdout.txt` and `stderr.txt` in the folder.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEADLINE_SECONDS = 120
WAIT_SECONDS = 0.005


class ForkingJobs:
    """The other end: asks for jobs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, base: Path) -> int:
        """Runs the job of a tree to its end and gives its exit code, negative for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{base}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def forking_jobs(environ: dict[str, str]) -> Iterator[ForkingJobs]:
    """Starts the process that runs jobs, with the environment that all of them get."""
    with subprocess.Popen(
        [sys.executable, __file__],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ForkingJobs(process)


def main() -> None:
    """Runs a job for every line of the standard input."""
    sys.path[0] = str(ROOT)
    import lightgbmmt_training  # not needed at the other end

    for line in sys.stdin:
        base = Path(line.rstrip("\n"))
        child = os.fork()
        if child == 0:
            for descriptor, name in ((1, "stdout.txt"), (2, "stderr.txt")):
                os.dup2(os.open(base / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            os.environ["SAGEMAKER_BASE_DIR"] = str(base)
            exit_code = lightgbmmt_training.main()
            sys.stdout.flush()
            os._exit(exit_code)
        sys.stdout.write(f"{_exit_code(child)}\n")
        sys.stdout.flush()


def _exit_code(child: int) -> int:
    # Waits are counted and not the time that goes by, so that both may be suspended together.
    for _ in range(round(DEADLINE_SECONDS / WAIT_SECONDS)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(WAIT_SECONDS)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
