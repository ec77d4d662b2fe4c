"""The standard streams may be closed, lose their reader or be full: the job does not mind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from failure_cases import COMPLETE, failure_text, results, settings, small_tree
from jobs import SCRIPT, job_environment

WAYS = {
    "output closed": ">&-",
    "all closed": "<&- >&- 2>&-",
    "no reader of the output": "| true",
    "both to a full disk": ">/dev/full 2>&1",
}


def run_in_shell(base: Path, redirection: str) -> tuple[int, str]:
    """Exit code, and what has arrived at the standard error."""
    # With a pipe the shell would give the exit code of its last command.
    command = f'{{ "$0" "$1"; echo $? >exit_code; }} {redirection}'
    if "|" not in redirection:
        command = f'"$0" "$1" {redirection}; echo $? >exit_code'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(SCRIPT)],
        cwd=base,
        env=job_environment(base),
        capture_output=True,
        text=True,
        check=False,
    )
    return int((base / "exit_code").read_text()), done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_the_model_is_written(way: str, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    assert run_in_shell(base, WAYS[way]) == (0, "")
    assert results(base) == COMPLETE
    assert failure_text(base) is None
    model = (base / "model" / "lightgbmmt_model.txt").read_text()
    assert model.startswith("tree\n")
    assert "iteration 1" not in model


@pytest.mark.parametrize("way", WAYS)
def test_the_reason_is_kept(way: str, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    settings(seed="x")(base)
    exit_code, stderr = run_in_shell(base, WAYS[way])
    assert exit_code == 1
    failure = failure_text(base)
    assert failure is not None
    assert failure.startswith("seed must be an integer")
    assert stderr == ("" if "2>&" in WAYS[way] else failure)
    assert "Traceback" not in failure + stderr
    assert results(base) == []


def test_a_terminal_that_goes_away_does_not_end_the_job(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", num_iterations=200)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=base,
        env=job_environment(base),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while b"iteration" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert process.wait() == 0
    assert results(base) == COMPLETE
