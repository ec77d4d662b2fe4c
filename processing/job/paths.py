"""Where the job reads and writes: `/opt/ml` and the variables that move parts of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.json_file import read_json_object
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
        base = _base(environ)
        data = base / "input" / "data"
        config = base / "input" / "config"

        def place(variable: str, default: Path) -> Path:
            return Path(environ.get(variable) or default)

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


def check_model_directory(paths: JobPaths) -> None:
    """Refuse a model directory that is also an input: its files are removed before they are read.

    Raises:
        UserError: they are the same folder.
    """
    inputs = {
        "the training channel": paths.train,
        "the validation channel": paths.val,
        "the test channel": paths.test,
        "the channel of precomputed artifacts": paths.model_artifacts_input,
        "the channel of the initial model": paths.initial_model,
    }
    for name, folder in inputs.items():
        if folder is not None and folder.resolve() == paths.model.resolve():
            raise UserError(
                f"the model directory {paths.model} is also {name}: its files would be removed "
                "before they are read; copy them elsewhere"
            )


def model_directory(environ: Mapping[str, str]) -> Path:
    """Where the model is written, and read from by what serves it."""
    return Path(environ.get("SM_MODEL_DIR") or _base(environ) / "model")


def failure_file(environ: Mapping[str, str]) -> Path:
    """Where the reason goes when the job fails, which must be known before anything else is."""
    return _base(environ) / "output" / "failure"


def resource_config(environ: Mapping[str, str]) -> Path:
    """The platform's list of hosts, which must be known before packages are installed."""
    return _base(environ) / "input" / "config" / "resourceconfig.json"


def _base(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("SAGEMAKER_BASE_DIR") or DEFAULT_BASE)


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
