"""A batch step as the older system's pipeline makes it: a tree, a process, its markers."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from jobs import ROOT, job_environment

from lightgbmmt_model_inference import run_batch
from processing.job.failure import FailureReport, run_reported
from scoring.batch.places import BatchPlaces

SCRIPT = ROOT / "lightgbmmt_model_inference.py"


def make_step(finished_job: Path, folder: Path) -> Path:
    """What the step definition mounts: a packed model, the rows, an empty folder for the output."""
    processing = folder / "processing"
    (processing / "input" / "model").mkdir(parents=True)
    with tarfile.open(processing / "input" / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(finished_job / "model", ".")
    shutil.copytree(finished_job / "input" / "data" / "test", processing / "input" / "eval_data")
    (processing / "output" / "eval").mkdir(parents=True)
    return folder


def run(step: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Runs the step as the container does."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=step,
        env=job_environment(step, **environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run_in_this_process(places: BatchPlaces, environ: Mapping[str, str]) -> int:
    """Runs the step without the parent that watches over it, and gives the exit code."""
    report = FailureReport(places.failure)
    report.clear()
    return run_reported(lambda: run_batch(places, environ), report)


def output(step: Path) -> Path:
    """Where the step writes."""
    return step / "processing" / "output" / "eval"


def rows_file(step: Path) -> Path:
    """The only file of rows."""
    return step / "processing" / "input" / "eval_data" / "part-0.csv"


def names(folder: Path) -> list[str]:
    """All files of a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())
