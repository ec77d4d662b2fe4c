"""Where the job reads and writes."""

import json
import re
from pathlib import Path

import pytest

from exceptions import DataError, UserError
from processing.job.paths import JobPaths, check_checkpoint_folder, check_result_folders


def test_default_places_are_below_opt_ml() -> None:
    paths = JobPaths.from_environment({})
    base = Path("/opt/ml")
    assert paths.base == base
    assert paths.train == base / "input/data/train"
    assert paths.model_artifacts_input == base / "input/data/model_artifacts_input"
    assert paths.model == base / "model"
    assert paths.output_data == base / "output/data"
    assert paths.failure == base / "output/failure"
    assert paths.native_hyperparameters == base / "code/hyperparams"
    assert paths.job_hyperparameters == base / "input/config/hyperparameters.json"
    assert paths.resource_config == base / "input/config/resourceconfig.json"


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [
        ("SM_CHANNEL_TRAIN", "train"),
        ("SM_CHANNEL_VAL", "val"),
        ("SM_CHANNEL_VALIDATION", "val"),
        ("SM_CHANNEL_TEST", "test"),
        ("SM_CHANNEL_MODEL_ARTIFACTS_INPUT", "model_artifacts_input"),
        ("SM_MODEL_DIR", "model"),
        ("SM_OUTPUT_DATA_DIR", "output_data"),
    ],
)
def test_variables_win_over_the_default_places(
    tmp_path: Path, variable: str, attribute: str
) -> None:
    base = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    moved = JobPaths.from_environment({**base, variable: "/elsewhere"})
    unset = JobPaths.from_environment({**base, variable: ""})
    assert getattr(moved, attribute) == Path("/elsewhere")
    assert unset == JobPaths.from_environment(base)


def test_the_base_moves_everything(tmp_path: Path) -> None:
    for optional in ("test", "model"):
        (tmp_path / "input/data" / optional).mkdir(parents=True)
    paths = JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    places = [getattr(paths, name) for name in paths.__dataclass_fields__]
    assert all(place.is_relative_to(tmp_path) for place in places)


def test_test_channel_is_none_when_absent(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert JobPaths.from_environment(environ).test is None
    (tmp_path / "input/data/test").mkdir(parents=True)
    assert JobPaths.from_environment(environ).test == tmp_path / "input/data/test"


def test_validation_is_another_name_of_val(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    data = tmp_path / "input/data"
    assert JobPaths.from_environment(environ).val == data / "val"
    (data / "validation").mkdir(parents=True)
    assert JobPaths.from_environment(environ).val == data / "validation"
    (data / "val").mkdir()
    with pytest.raises(DataError, match=r"one validation channel is wanted, but both .* exist"):
        JobPaths.from_environment(environ)


def test_two_variables_for_validation_must_agree() -> None:
    environ = {"SM_CHANNEL_VAL": "/a", "SM_CHANNEL_VALIDATION": "/a"}
    assert JobPaths.from_environment(environ).val == Path("/a")
    with pytest.raises(DataError, match="SM_CHANNEL_VALIDATION name two: /a, /b"):
        JobPaths.from_environment({**environ, "SM_CHANNEL_VALIDATION": "/b"})


@pytest.mark.parametrize(
    ("config", "folder"),
    [
        (None, "checkpoints"),
        ({"S3Uri": "s3://bucket/x"}, "checkpoints"),
        ({"S3Uri": "s3://bucket/x", "LocalPath": "/elsewhere"}, "/elsewhere"),
        ({"LocalPath": "inner"}, "inner"),
    ],
)
def test_checkpoint_folder(tmp_path: Path, config: dict[str, str] | None, folder: str) -> None:
    if config is not None:
        _write_checkpoint_config(tmp_path, json.dumps(config))
    paths = JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    assert paths.checkpoints == tmp_path / folder


@pytest.mark.parametrize("content", ["{", "[]", '{"LocalPath": 3}', '{"LocalPath": ""}', "\udcff"])
def test_malformed_checkpoint_config_is_refused(tmp_path: Path, content: str) -> None:
    _write_checkpoint_config(tmp_path, content)
    with pytest.raises(UserError, match=r"checkpointconfig\.json"):
        JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path)})


def _write_checkpoint_config(base: Path, content: str) -> None:
    config = base / "input/config/checkpointconfig.json"
    config.parent.mkdir(parents=True)
    config.write_bytes(content.encode(errors="surrogateescape"))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SM_OUTPUT_DATA_DIR": "model"}, "the model directory {}/model is also the evaluation "),
        ({"SM_OUTPUT_DATA_DIR": "link"}, "the model directory {}/model is also the evaluation "),
        (
            {"SM_OUTPUT_DATA_DIR": "model/data"},
            "the model directory {}/model holds the evaluation directory {}/model/data: ",
        ),
        (
            {"SM_MODEL_DIR": "output/data/model"},
            "the model directory {0}/output/data/model is inside of the evaluation directory ",
        ),
        ({"SM_MODEL_DIR": "."}, "the model directory {} holds the evaluation directory "),
        (
            {"SM_OUTPUT_DATA_DIR": "input/data/val"},
            "the evaluation directory {}/input/data/val is also the validation channel: ",
        ),
        (
            {"SM_MODEL_DIR": "input/data/train/m"},
            "the model directory {}/input/data/train/m is inside of the training channel ",
        ),
        (
            {"SM_CHANNEL_MODEL_ARTIFACTS_INPUT": "model"},
            "the model directory {}/model is also the channel of precomputed artifacts: ",
        ),
    ],
)
def test_result_folders_that_overlap_are_refused(
    variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("model")
    environ = {name: str(tmp_path / place) for name, place in variables.items()}
    paths = JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path), **environ})
    with pytest.raises(UserError, match=re.escape(message.format(tmp_path, tmp_path))):
        check_result_folders(paths)


def test_the_default_folders_do_not_overlap(tmp_path: Path) -> None:
    check_result_folders(JobPaths.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path)}))


def test_a_checkpoint_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    check_checkpoint_folder(tmp_path / "missing")
    check_checkpoint_folder(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"checkpoint directory .*/file is no folder"):
        check_checkpoint_folder(tmp_path / "file")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"/link is a link to nowhere, which does not exist"):
        check_checkpoint_folder(tmp_path / "link")
