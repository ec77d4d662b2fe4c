"""Running the job on a tree, and reading what it leaves."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd

import lightgbmmt_training
from processing.job.stop import StopRequest

ROOT = Path(lightgbmmt_training.__file__).parent
SCRIPT = ROOT / "lightgbmmt_training.py"


def run_job(base: Path, **environ: str) -> None:
    """Runs the job in this process: everything but signals, exit code and failure file."""
    lightgbmmt_training.run_job({"SAGEMAKER_BASE_DIR": str(base), **environ}, StopRequest())


def job_environment(base: Path, **environ: str) -> dict[str, str]:
    """Environment of a process of the job: nothing of the caller's that would steer it."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
        if name in os.environ
    }
    return {**kept, "SAGEMAKER_BASE_DIR": str(base), **environ}


def start_script(base: Path, *args: str, **environ: str) -> "subprocess.Popen[str]":
    """Starts the script as a process of its own, from a folder that is not the checkout."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *args],
        cwd=base,
        env=job_environment(base, **environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_script(base: Path, *args: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Runs the script to its end, which need not be a good one."""
    process = start_script(base, *args, **environ)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def model_file(base: Path) -> Path:
    """The model file of a finished job."""
    return base / "model" / "lightgbmmt_model.txt"


def booster(base: Path) -> lgb.Booster:
    """The model file as stock LightGBM reads it."""
    return lgb.Booster(model_file=str(model_file(base)))


def model_json(base: Path, name: str) -> Any:
    """A JSON file of the model directory."""
    return json.loads((base / "model" / name).read_text(encoding="utf-8"))


def members(base: Path, split: str) -> dict[str, bytes]:
    """Names and contents of a split's evaluation archive."""
    content = {}
    with tarfile.open(base / "output" / "data" / f"{split}.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None, f"{member.name} is no file"
            content[member.name] = file.read()
    return content


def metrics(base: Path, split: str) -> Any:
    """A split's `metrics.json`."""
    return json.loads(members(base, split)[f"{split}/metrics.json"])


def predictions(base: Path, split: str) -> pd.DataFrame:
    """A split's predictions, whatever their format; columns of text are left as they are."""
    found = members(base, split)
    (name,) = (name for name in found if name.startswith(f"{split}/predictions."))
    content = io.BytesIO(found[name])
    if name.endswith(".parquet"):
        return pd.read_parquet(content)
    separator = "\t" if name.endswith(".tsv") else ","
    header = pd.read_csv(content, sep=separator, nrows=0)
    content.seek(0)
    return pd.read_csv(content, sep=separator, dtype={header.columns[0]: "str"})
