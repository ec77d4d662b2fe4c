"""Memory or threads run out, wherever that is met: the sentence, exit code 1, and no hang."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from failure_cases import COMPLETE, failure_text, results, small_tree
from jobs import SCRIPT, job_environment

SECONDS = 120
"""A few, where no other tests run beside this one."""

LIMITED = """
import os, resource, sys
for name, limit in zip(sys.argv[2::2], map(int, sys.argv[3::2])):
    resource.setrlimit(getattr(resource, name), (limit, limit))
os.execv(sys.executable, [sys.executable, sys.argv[1]])
"""


def run_limited(base: Path, *limits: object) -> "subprocess.CompletedProcess[str]":
    """Runs the script with limits of the system, given as names and numbers."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(SCRIPT), *map(str, limits)],
        cwd=base,
        env=job_environment(base),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def assert_told(base: Path, done: "subprocess.CompletedProcess[str]", reason: str) -> None:
    """The job has ended with the reason as it should, or well."""
    if done.returncode == 0:
        assert done.stderr == ""
        assert results(base) == COMPLETE
        return
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert (failure_text(base) or "").startswith(done.stderr)
    # A process that is ended by a library leaves its staging beside the results, never in them.
    assert [name for name in results(base) if not name.endswith("-partial")] == []


@pytest.mark.parametrize(
    "megabytes",
    [60, 150, 300, 450, 550, 600, 650, 700, 760, 820, 900, 1500],
)
def test_address_space_runs_out(megabytes: int, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", "parquet", num_threads=2)
    done = run_limited(base, "RLIMIT_AS", megabytes * 10**6)
    assert_told(base, done, "ran out of memory")
    # Where the packages alone do not fit it cannot end well.
    assert done.returncode == 1 or megabytes > 512


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_no_thread_can_be_started(ending: str, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", ending, num_threads=2)
    # A thread's stack is as large as the process's may be: there is no room for another one.
    done = run_limited(base, "RLIMIT_STACK", 8 << 30, "RLIMIT_AS", 6 << 30)
    assert done.returncode == 1
    assert_told(base, done, "ran out of memory")


@pytest.mark.parametrize("n_bytes", [200, 2_000, 10_000])
def test_a_limit_on_file_sizes_is_named(n_bytes: int, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    done = run_limited(base, "RLIMIT_FSIZE", n_bytes)
    assert done.returncode == 1
    assert_told(base, done, f"a file is larger than the limit on file sizes (ulimit -f): {base}/")


def test_a_process_that_is_killed_is_told_by_its_parent(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", num_iterations=3000)
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=base,
        env=job_environment(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("iteration"):
            pass
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert stderr == (
        "the job was ended by SIGKILL, most likely because it ran out of memory: use a larger "
        "machine or fewer rows and columns\n"
    )
    assert failure_text(base) == stderr
    # A process that is ended by a library leaves its staging beside the results, never in them.
    assert [name for name in results(base) if not name.endswith("-partial")] == []
