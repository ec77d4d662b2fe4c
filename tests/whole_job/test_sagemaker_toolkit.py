"""SageMaker's own toolkit starts the script: script mode, with its variables and its arguments."""

import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from failure_cases import (
    SPLITS,
    Damage,
    channel,
    config,
    failure_text,
    removed,
    results,
    small_tree,
    steps,
    tables,
    values,
)
from jobs import ROOT, job_environment, model_file, run_job

from common.result_names import MODEL_DIRECTORY_FILES

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sagemaker_training") is None,
    reason="the toolkit is not installed: requirements-toolkit.txt, which needs a C compiler",
)

# What the folder that is `source_dir` in script mode holds.
SOURCE = (
    "lightgbmmt_training.py",
    "exceptions.py",
    "requirements.txt",
    "common",
    "hyperparams",
    "models",
    "processing",
    "scoring",
    "steps",
)
KNOBS: dict[str, Any] = {"learning_rate": 0.25, "loss_type": "adaptive", "lambda_l2": 0.5}


def job_files(source: Path) -> Damage:
    """What SageMaker writes for a job in script mode; all hyperparameters are text."""

    def write(base: Path) -> None:
        native = json.loads((base / "code/hyperparams/hyperparameters.json").read_text())
        texts = {name: json.dumps(value) for name, value in native.items()}
        texts |= {
            "sagemaker_program": json.dumps("lightgbmmt_training.py"),
            "sagemaker_submit_directory": json.dumps(str(source)),
            "sagemaker_container_log_level": "20",
            "sagemaker_job_name": json.dumps("job-1"),
            "sagemaker_region": json.dumps("us-east-1"),
        }
        config("hyperparameters.json", texts)(base)
        config("resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})(base)
        channels = {split: {"TrainingInputMode": "File"} for split in SPLITS}
        config("inputdataconfig.json", channels)(base)

    return steps(write, removed("code"))


def run_toolkit(base: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the toolkit's `train` command, without a network where that can be had."""
    train = Path(sys.executable).with_name("train")
    unshare = shutil.which("unshare")
    offline = [unshare, "--net"] if unshare else []
    if offline and subprocess.run([*offline, "true"], check=False).returncode:
        offline = []
    return subprocess.run(
        [*offline, str(train)],
        cwd=base,
        # The toolkit hands the requirements to pip, which finds all of them installed.
        env=job_environment(
            base,
            SM_STUDIO_LOCAL_MODE="true",
            PIP_NO_INDEX="1",
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            AWS_EC2_METADATA_DISABLED="true",
        ),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The archive that the SageMaker SDK makes of `source_dir`."""
    archive = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in SOURCE:
            tar.add(
                ROOT / name,
                name,
                filter=lambda member: None if "__pycache__" in member.name else member,
            )
    return archive


def test_script_mode_trains_like_the_native_job(source: Path, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", **KNOBS)
    native = shutil.copytree(base, tmp_path / "native")
    run_job(native)
    job_files(source)(base)
    done = run_toolkit(base)
    assert done.returncode == 0, done.stdout + done.stderr
    assert model_file(base).read_bytes() == model_file(native).read_bytes()
    assert (base / "output" / "success").exists()
    assert failure_text(base) is None
    assert set(results(base)) == {f"model/{name}" for name in MODEL_DIRECTORY_FILES} | {
        "output/data/report.html",
        "output/data/val.tar.gz",
        "output/data/test.tar.gz",
    }


def test_a_fault_of_the_data_is_the_reason_that_the_platform_shows(
    source: Path, tmp_path: Path
) -> None:
    base = small_tree(tmp_path / "base")
    steps(tables(values(isCard="2"), "val"), job_files(source))(base)
    done = run_toolkit(base)
    cause = "val: wanted labels 0 or 1, found column 'isCard': 1 other values ('2' 1 times"
    assert done.returncode == 1
    assert (failure_text(base) or "").startswith(cause)
    assert cause in done.stderr
    assert results(base) == []
    assert channel(base, "val").exists()
