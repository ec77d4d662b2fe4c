"""What docs/scoring.md tells to run in batch is run from there."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from botocore.validate import ParamValidator
from jobs import ROOT, job_environment, predictions
from recipes import recipes
from scoring_cases import probabilities, read_exactly
from trees import TASKS

PAGE = "docs/scoring.md"


def recipe(language: str, part: str) -> str:
    """The recipe of the page that has this in it."""
    (found,) = (text for text in recipes(PAGE, language) if part in text)
    return found


@pytest.fixture
def folder(finished_job: Path, tmp_path: Path) -> Path:
    """Where the recipes are run: a finished job and new rows."""
    (tmp_path / "opt_ml").symlink_to(finished_job)
    shutil.copytree(finished_job / "input" / "data" / "test", tmp_path / "new_rows")
    return tmp_path


def expected(finished_job: Path) -> "np.ndarray[Any, Any]":
    """The job's own predictions, as pandas reads them."""
    return predictions(finished_job, "test")[[f"{task}_prob" for task in TASKS]].to_numpy()


def test_the_command(folder: Path, finished_job: Path) -> None:
    script = "lightgbmmt_model_inference.py"
    command = recipe("sh", script).replace(f"python {script}", f"{sys.executable} {ROOT / script}")
    subprocess.run(["bash", "-ec", command], cwd=folder, env=job_environment(folder), check=True)
    found = read_exactly(folder / "scored" / "predictions.csv", "csv")
    np.testing.assert_allclose(probabilities(found, TASKS), expected(finished_job), rtol=1e-14)


class Client:
    """Stands for the service: checks the request by the service's own description of it."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}

    def create_processing_job(self, **request: Any) -> None:
        """What the client of boto3 sends."""
        client = boto3.session.Session().client("sagemaker", region_name="eu-west-1")
        shape = client.meta.service_model.operation_model("CreateProcessingJob").input_shape
        errors = ParamValidator().validate(request, shape)
        assert not errors.has_errors(), errors.generate_report()
        self.request = request


def test_the_processing_job(
    folder: Path, finished_job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is valid, and the step that it describes runs in the tree that it describes."""
    client = Client()
    monkeypatch.setattr(boto3, "client", lambda service, region_name: client)
    exec(recipe("python", "create_processing_job"), {})  # noqa: S102 - our own page
    request = client.request
    sources = {"model.tar.gz": finished_job / "model", "new/": folder / "new_rows"}
    for one in request["ProcessingInputs"]:
        place = folder / Path(one["S3Input"]["LocalPath"]).relative_to("/opt/ml")
        (source,) = (path for end, path in sources.items() if one["S3Input"]["S3Uri"].endswith(end))
        shutil.copytree(source, place)
    (output,) = request["ProcessingOutputConfig"]["Outputs"]
    scored = folder / Path(output["S3Output"]["LocalPath"]).relative_to("/opt/ml")
    scored.mkdir(parents=True)
    application = request["AppSpecification"]
    python, script = application["ContainerEntrypoint"]
    assert (python, Path(script).parent) == ("python", Path("/opt/program"))
    finished = subprocess.run(
        [sys.executable, str(ROOT / Path(script).name), *application["ContainerArguments"]],
        cwd=folder,
        env=job_environment(folder, **request["Environment"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert {path.name for path in scored.iterdir()} == {"predictions.csv", "_SUCCESS", "_HEALTH"}
    found = read_exactly(scored / "predictions.csv", "csv")
    np.testing.assert_allclose(probabilities(found, TASKS), expected(finished_job), rtol=1e-14)
    assert "isFraud_reason_2" in found


def test_from_python(folder: Path, finished_job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "new_rows" / "part-0.csv"
    text = pd.read_csv(file, dtype="str", keep_default_na=False)
    text.to_parquet(file.with_suffix(".parquet"), index=False)
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(recipe("python", "load_scorer"), found)  # noqa: S102 - our own page
    np.testing.assert_allclose(found["probabilities"], expected(finished_job), rtol=1e-14)
    assert found["reasons"].feature.shape == (300, 3, 2)


def test_the_older_calibration_step_reads_the_validation_predictions(finished_job: Path) -> None:
    """It takes, per task, a column of labels and one of scores from a CSV file with a header."""
    table = predictions(finished_job, "val")
    assert list(table.columns) == [
        "id",
        *(f"{task}_{what}" for task in TASKS for what in ("true", "prob")),
    ]
    for task in TASKS:
        assert set(table[f"{task}_true"]) == {0, 1}
        assert table[f"{task}_prob"].between(0, 1).all()
