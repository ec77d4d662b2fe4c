"""SIGTERM at any moment of a batch step: a complete result, or none and the reason."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from batch_steps import SCRIPT, make_step, names, output
from jobs import job_environment

SECONDS_TO_END = 60.0
COMPLETE = ["_HEALTH", "_SUCCESS", "predictions.csv"]
STOPPED = "stopped by SIGTERM before all rows were scored\n"


def start(step: Path, *before: str) -> "subprocess.Popen[str]":
    """Starts the step as a process group of its own."""
    return subprocess.Popen(
        [sys.executable, *before, str(SCRIPT)],
        cwd=step,
        env=job_environment(step),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def runs(group: int) -> bool:
    """Whether a process of a group has not ended."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            state, _, own = file.read_text().rpartition(") ")[2].split()[:3]
            if int(own) == group and state not in "ZX":
                return True
    return False


def end(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """What the step prints until it has ended, with all its processes."""
    try:
        printed = process.communicate(timeout=SECONDS_TO_END)
        assert not runs(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return printed


@pytest.mark.long
@pytest.mark.parametrize("to_group", [False, True], ids=["process", "group"])
@pytest.mark.parametrize("milliseconds", [0, 20, 50, 100, 200, 400, 800, 1300])
def test_a_stop_soon_after_the_start(
    milliseconds: int, to_group: bool, finished_job: Path, tmp_path: Path
) -> None:
    """A service manager sends the signal to all processes, of which the first hands it on."""
    step = make_step(finished_job, tmp_path)
    process = start(step)
    time.sleep(milliseconds / 1000)
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGTERM)
    stdout, stderr = end(process)
    expected: dict[int, tuple[str, Sequence[str]]] = {
        # Python itself was not ready yet.
        -signal.SIGTERM: ("", []),
        1: (STOPPED, ["_FAILURE"]),
        0: ("", COMPLETE),
    }
    assert (stderr, names(output(step))) == expected[process.returncode], stdout


# The script, which gets SIGTERM whenever it does what has one of these names, once it handles it:
# calls a function (`module:function`), or asks the system for something (`os.remove:file`; an
# `open:file` is one for writing).
INTERRUPTED = """
import os, re, runpy, signal, sys

wanted = re.compile("|".join(sys.argv[1].split()))

def stop_at(name):
    if wanted.fullmatch(name) and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        signal.raise_signal(signal.SIGTERM)

def audit(event, args):
    if event in ("os.rename", "os.remove") or (event == "open" and "w" in str(args[1])):
        stop_at(f"{event}:{os.path.basename(str(args[0]))}")

def trace(frame, event, argument):
    stop_at(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_name}")

if re.match("open|os", sys.argv[1]):
    sys.addaudithook(audit)
else:
    sys.settrace(trace)
sys.argv = sys.argv[2:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""

PARTIAL = ".lightgbmmt-partial"
WRITING = rf"open:\.predictions\.csv{PARTIAL}"


@pytest.mark.parametrize(
    "moments",
    [
        r"processing\.job\.packages:install_missing",
        # In the callback of a weak reference, whose exceptions Python tells and forgets.
        r"importlib\._bootstrap:cb",
        r"lightgbm\.basic:<module>",
        # Where whatever is raised means that the file is broken.
        r"processing\.untrusted\.safe_pickle:run",
        r"scoring\.batch\.pipeline:score_files",
        WRITING,
        rf"{WRITING} os\.remove:\.predictions\.csv{PARTIAL}",
        rf"{WRITING} open:\._FAILURE{PARTIAL}",
        rf"{WRITING} os\.rename:\._FAILURE{PARTIAL}",
    ],
)
def test_a_stop_before_all_rows_are_scored(
    moments: str, finished_job: Path, tmp_path: Path
) -> None:
    step = make_step(finished_job, tmp_path)
    process = start(step, "-c", INTERRUPTED, moments)
    _, stderr = end(process)
    assert (process.returncode, stderr) == (1, STOPPED)
    assert names(output(step)) == ["_FAILURE"]
    assert (output(step) / "_FAILURE").read_text() == STOPPED


@pytest.mark.parametrize(
    "moment",
    [
        rf"os\.rename:\.predictions\.csv{PARTIAL}",
        r"scoring\.batch\.markers:mark_success",
        rf"open:\._HEALTH{PARTIAL}",
        rf"os\.rename:\._SUCCESS{PARTIAL}",
        r"processing\.job\.supervisor:_leave",
    ],
)
def test_a_stop_after_that_comes_too_late(moment: str, finished_job: Path, tmp_path: Path) -> None:
    step = make_step(finished_job, tmp_path)
    process = start(step, "-c", INTERRUPTED, moment)
    stdout, stderr = end(process)
    assert (process.returncode, stderr) == (0, "")
    assert names(output(step)) == COMPLETE
    assert "Traceback" not in stdout


def test_a_stop_while_a_fault_is_told_does_not_hide_it(finished_job: Path, tmp_path: Path) -> None:
    step = make_step(finished_job, tmp_path)
    (step / "processing" / "input" / "model" / "model.tar.gz").unlink()
    process = start(step, "-c", INTERRUPTED, rf"open:\._FAILURE{PARTIAL}")
    _, stderr = end(process)
    assert process.returncode == 1
    assert (output(step) / "_FAILURE").read_text() == stderr != STOPPED
    assert names(output(step)) == ["_FAILURE"]
