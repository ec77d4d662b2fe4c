"""Where the job reads and writes: `/opt/ml` and the variables that move parts of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.json_file import read_json_object
from common.result_names import EVALUATION_FILES, MODEL_FILE
from exceptions import DataError, UserError

DEFAULT_BASE = "/opt/ml"


@dataclass(frozen=True)
class JobPaths:
    """All places of one job.

    Only the choice between two names looks at the disk here; whether a place exists is checked
    by the step that needs it.

    Attributes:
        base: the folder that all default places are below.
        train: training channel.
        val: validation channel.
        test: test channel, None if the job has none.
        model_artifacts_input: channel with precomputed artifacts.
        initial_model: channel with the model that training goes on from, None if there is none.
        model: the model directory, written.
        output_data: the evaluation directory, written.
        failure: the file that holds the reason when the job fails.
        checkpoints: the checkpoint directory.
        native_hyperparameters: folder of the native hyperparameter files.
        job_hyperparameters: the platform's hyperparameter file, whose values are strings.
        resource_config: the platform's list of hosts.
        input_data_config: the platform's list of channels.
    """

    base: Path
    train: Path
    val: Path
    test: Path | None
    model_artifacts_input: Path
    initial_model: Path | None
    model: Path
    output_data: Path
    failure: Path
    checkpoints: Path
    native_hyperparameters: Path
    job_hyperparameters: Path
    resource_config: Path
    input_data_config: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "JobPaths":
        """Resolve the paths. A variable that is set to an empty text counts as not set.

        Raises:
            DataError: the validation channel is there under both of its names.
            UserError: `checkpointconfig.json` is not what the platform writes.
        """
        base = base_directory(environ)
        data = base / "input" / "data"
        config = base / "input" / "config"

        def place(variable: str, default: Path) -> Path:
            return _place(environ, variable, default)

        test = place("SM_CHANNEL_TEST", data / "test")
        initial = place("SM_CHANNEL_MODEL", data / "model")
        has_initial = bool(environ.get("SM_CHANNEL_MODEL")) or initial.exists()
        has_test = bool(environ.get("SM_CHANNEL_TEST")) or test.exists()
        return cls(
            base=base,
            train=place("SM_CHANNEL_TRAIN", data / "train"),
            val=_validation_channel(environ, data),
            test=test if has_test else None,
            model_artifacts_input=place(
                "SM_CHANNEL_MODEL_ARTIFACTS_INPUT", data / "model_artifacts_input"
            ),
            initial_model=initial if has_initial else None,
            model=model_directory(environ),
            output_data=place("SM_OUTPUT_DATA_DIR", base / "output" / "data"),
            failure=failure_file(environ),
            checkpoints=_checkpoint_folder(base, config / "checkpointconfig.json"),
            native_hyperparameters=base / "code" / "hyperparams",
            job_hyperparameters=config / "hyperparameters.json",
            resource_config=resource_config(environ),
            input_data_config=config / "inputdataconfig.json",
        )


def check_result_folders(paths: JobPaths) -> None:
    """Refuses result folders that overlap with each other or with what is read.

    They are replaced as a whole, and hold other files of the same names.

    Raises:
        UserError: One of two folders is the other, or is inside of it.
    """
    results = {"the model directory": paths.model, "the evaluation directory": paths.output_data}
    others = results | {
        "the training channel": paths.train,
        "the validation channel": paths.val,
        "the test channel": paths.test,
        "the channel of precomputed artifacts": paths.model_artifacts_input,
        "the channel of the initial model": paths.initial_model,
        "the folder of hyperparameters": paths.native_hyperparameters,
        "the folder of the platform's files": paths.job_hyperparameters.parent,
    }
    for name, folder in results.items():
        for other_name, other in others.items():
            if other is None or other_name == name:
                continue
            one, two = folder.resolve(), other.resolve()
            if one == two:
                raise UserError(f"{name} {folder} is also {other_name}: give it one of its own")
            if two in one.parents:
                raise UserError(f"{name} {folder} is inside of {other_name} {other}: move it out")
            if one in two.parents:
                raise UserError(f"{name} {folder} holds {other_name} {other}: move it out")


def check_checkpoint_folder(folder: Path) -> None:
    """Refuses a place for checkpoints that is there and cannot hold any.

    Raises:
        UserError: It is a file or a link to nothing.
    """
    if folder.is_symlink() and not folder.exists():
        what = f"is a link to {folder.readlink()}, which does not exist"
    elif folder.exists() and not folder.is_dir():
        what = "is no folder"
    else:
        return
    raise UserError(
        f"the checkpoint directory {folder} {what}: make it a folder, or remove it to train without"
    )


def model_directory(environ: Mapping[str, str]) -> Path:
    """Where the model is written, and read from by what serves it."""
    return _place(environ, "SM_MODEL_DIR", base_directory(environ) / "model")


def failure_file(environ: Mapping[str, str]) -> Path:
    """Where the reason goes when the job fails, which must be known before anything else is."""
    return base_directory(environ) / "output" / "failure"


def resource_config(environ: Mapping[str, str]) -> Path:
    """The platform's list of hosts, which must be known before packages are installed."""
    return base_directory(environ) / "input" / "config" / "resourceconfig.json"


def result_marks(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Files that are there if a run has left its results."""
    base = base_directory(environ)
    return (
        model_directory(environ) / MODEL_FILE,
        *(
            _place(environ, "SM_OUTPUT_DATA_DIR", base / "output" / "data") / name
            for name in EVALUATION_FILES
        ),
    )


def base_directory(environ: Mapping[str, str]) -> Path:
    """The folder that all default places are below."""
    return Path(environ.get("SAGEMAKER_BASE_DIR") or DEFAULT_BASE)


def _place(environ: Mapping[str, str], variable: str, default: Path) -> Path:
    return Path(environ.get(variable) or default)


def _validation_channel(environ: Mapping[str, str], data: Path) -> Path:
    named = {
        value
        for variable in ("SM_CHANNEL_VAL", "SM_CHANNEL_VALIDATION")
        if (value := environ.get(variable))
    }
    if len(named) > 1:
        raise DataError(
            "one validation channel is wanted, but SM_CHANNEL_VAL and SM_CHANNEL_VALIDATION name "
            f"two: {', '.join(sorted(named))}"
        )
    if named:
        return Path(named.pop())
    val, validation = data / "val", data / "validation"
    if val.exists() and validation.exists():
        raise DataError(
            f"one validation channel is wanted, but both {val} and {validation} exist: remove one"
        )
    return validation if validation.exists() else val


def _checkpoint_folder(base: Path, config_file: Path) -> Path:
    config = read_json_object(config_file) or {}
    local_path = config.get("LocalPath")
    if local_path is None:
        return base / "checkpoints"
    if not isinstance(local_path, str) or not local_path:
        raise UserError(
            f'{config_file}: wanted {{"LocalPath": "<folder>"}}, found {str(config)[:100]!r}'
        )
    return base / local_path
