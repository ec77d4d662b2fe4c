"""A batch step that is stopped or killed: a marker with the reason, and nothing half-written."""

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_steps import SCRIPT, make_step, names, output, rows_file, run
from jobs import job_environment


@pytest.fixture
def scoring(finished_job: Path, tmp_path: Path) -> "tuple[Path, subprocess.Popen[str]]":
    """A step with so many rows that it is still at work, and its process."""
    step = make_step(finished_job, tmp_path)
    rows_file(step).unlink()
    with gzip.open(rows_file(step).with_suffix(".csv.gz"), "wt", compresslevel=1) as file:
        file.write("id,amount,age,balance,country,channel\n")
        for _ in range(200):
            file.write("1,2.5,3,4,DE,web\n" * 20_000)
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=step,
        env=job_environment(step),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = output(step) / ".predictions.csv.lightgbmmt-partial"
    while not (partial.exists() and partial.stat().st_size > 1000):
        assert process.poll() is None
        time.sleep(0.02)
    return step, process


def test_stopped_by_a_signal(scoring: "tuple[Path, subprocess.Popen[str]]") -> None:
    step, process = scoring
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (1, "stopped by SIGTERM before all rows were scored\n")
    assert names(output(step)) == ["_FAILURE"]


def test_killed_for_its_memory(scoring: "tuple[Path, subprocess.Popen[str]]") -> None:
    """The system kills the largest process, which is the one that scores."""
    step, process = scoring
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.startswith("the job was ended by SIGKILL, most likely because it ran out of mem")
    assert len(stderr.splitlines()) == 1
    assert names(output(step)) == ["_FAILURE"]
    assert (output(step) / "_FAILURE").read_text().startswith(stderr)


def test_one_line_on_stderr(finished_job: Path, tmp_path: Path) -> None:
    step = make_step(finished_job, tmp_path)
    (step / "processing" / "input" / "model" / "model.tar.gz").unlink()
    finished = run(step)
    assert finished.returncode == 1
    assert finished.stderr == (output(step) / "_FAILURE").read_text()
    assert len(finished.stderr.splitlines()) == 1
