"""SIGTERM: the job ends with a complete model, and started again it goes on where it was."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from failure_cases import COMPLETE, config, failure_text, results, small_tree
from jobs import SCRIPT, job_environment, model_file, model_json, run_job

ITERATIONS = 300
COMPARED = ("lightgbmmt_model.txt", "weight_evolution.json", "feature_importance.json")
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


def long_tree(base: Path) -> Path:
    """A tree of a job that takes long enough to be stopped."""
    return small_tree(base, num_iterations=ITERATIONS, loss_type="adaptive", bagging_fraction=0.7)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that has run to its end."""
    base = long_tree(tmp_path_factory.mktemp("uninterrupted") / "base")
    run_job(base)
    return base


def start(base: Path, *before: str) -> "subprocess.Popen[str]":
    """Starts the script, whose log can be read."""
    return subprocess.Popen(
        [*before, sys.executable, str(SCRIPT), "train"],
        cwd=base,
        env=job_environment(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def status_of(process_id: int, name: str) -> str:
    """A line of what the system tells about a process."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name}:")).partition(":")[2].strip()


def start_alone(base: Path) -> tuple["subprocess.Popen[str]", int]:
    """The script as a process like any other."""
    process = start(base)
    return process, process.pid


def start_as_process_1(base: Path) -> tuple["subprocess.Popen[str]", int]:
    """The script as process 1 of a PID namespace, which gets no signal that it does not handle."""
    unshare = shutil.which("unshare")
    options = ["--pid", "--fork", "--kill-child"]
    if unshare is None or subprocess.run([unshare, *options, "true"], check=False).returncode:
        pytest.skip("PID namespaces are not permitted here")
    process = start(base, unshare, *options)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):
        time.sleep(0.01)
    (script,) = map(int, found)
    assert status_of(script, "NSpid").split()[-1] == "1"
    return process, script


def wait_for_handler(_process: "subprocess.Popen[str]", process_id: int) -> None:
    """Returns when the process handles SIGTERM, which is long before it reads any data."""
    while not int(status_of(process_id, "SigCgt"), 16) & SIGTERM_BIT:
        time.sleep(0.001)


def wait_for_line(beginning: str) -> Callable[["subprocess.Popen[str]", int], None]:
    """Returns when the log has a line that begins so."""

    def wait(process: "subprocess.Popen[str]", _process_id: int) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(beginning):
                return
        pytest.fail(f"the job has ended without a line {beginning!r}")

    return wait


MOMENTS = {
    "before anything is imported": wait_for_handler,
    "in training": wait_for_line("iteration "),
    "in the evaluation": wait_for_line("Similarity"),
}
STARTS = {"alone": start_alone, "as process 1": start_as_process_1}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("how", STARTS)
def test_sigterm_ends_the_job_well_and_it_can_go_on(
    how: str, moment: str, uninterrupted: Path, tmp_path: Path
) -> None:
    base = long_tree(tmp_path / "base")
    (base / "checkpoints").mkdir()
    process, process_id = STARTS[how](base)
    MOMENTS[moment](process, process_id)
    os.kill(process_id, signal.SIGTERM)
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert results(base) == COMPLETE
    assert failure_text(base) is None
    done = model_json(base, "training_state.json")["current_iteration"]
    if moment == "in the evaluation":
        assert done == ITERATIONS
    else:
        assert f"Stopped on request after iteration {done}\n" in stdout
        assert done == 1 if moment == "before anything is imported" else 1 < done < ITERATIONS
    assert model_file(base).read_text().count("\nTree=") == done * 3
    newest = max((base / "checkpoints").iterdir())
    assert newest.name == f"checkpoint-{done:08d}.npz"

    run_job(base)
    for name in COMPARED:
        assert (base / "model" / name).read_bytes() == (uninterrupted / "model" / name).read_bytes()


def test_sigterm_before_a_fault_is_found_does_not_hide_it(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    config("hyperparameters.json", {"seed": "x"})(base)
    process, process_id = start_as_process_1(base)
    wait_for_handler(process, process_id)
    os.kill(process_id, signal.SIGTERM)
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert stderr.startswith("seed must be an integer")
    assert failure_text(base) == stderr
    assert results(base) == []


# The script, whose handler of SIGTERM is interrupted by another one before each of its lines.
INTERRUPTED_HANDLER = """
import os, runpy, signal, sys

def trace_calls(frame, event, argument):
    if frame.f_code.co_name == "set" and "stop" in frame.f_globals["__name__"]:
        return interrupt
    if frame.f_code.co_name == "set" and frame.f_globals["__name__"] == "threading":
        return interrupt if "stop" in frame.f_back.f_globals["__name__"] else None

def interrupt(frame, event, argument):
    signal.raise_signal(signal.SIGTERM)
    return interrupt

sys.settrace(trace_calls)
sys.argv = sys.argv[2:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_sigterm_while_another_is_being_handled_blocks_nothing(tmp_path: Path) -> None:
    """A handler that takes a lock would wait for ever for the one that it interrupts."""
    base = small_tree(tmp_path / "base", num_iterations=100_000)
    process = start(base, sys.executable, "-c", INTERRUPTED_HANDLER)
    wait_for_line("iteration ")(process, process.pid)
    process.terminate()
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert results(base) == COMPLETE
    assert "Stopped on request after iteration" in stdout
