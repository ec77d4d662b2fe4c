"""Where hyperparameters come from: a native JSON file, and SageMaker's file of texts over it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.json_file import read_json_object
from common.messages import as_json
from common.strict_json import parse_json
from exceptions import HyperparameterError
from hyperparams.coercion import unquote
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES

REGIONS = ("NA", "EU", "FE")
_NULLS = {"null", "None"}


def load_hyperparameters(
    native_dir: Path, job_file: Path, region: str | None
) -> LightGBMMtModelHyperparameters:
    """Read both sources, lay the job's values over the native ones and validate the whole.

    Args:
        native_dir: folder of ``hyperparameters.json``; with a region,
            ``hyperparameters_<region>.json`` is read instead if it exists.
        job_file: the file in which SageMaker passes the job's hyperparameters as texts.
        region: value of the environment variable REGION; None or empty if it is not set.

    Raises:
        HyperparameterError: the region is unknown, neither file exists, a file cannot be read,
            or the values are incomplete, out of range or contradict each other.
    """
    native_file = _native_file(native_dir, region)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    native = read_json_object(native_file, HyperparameterError)
    job = read_json_object(job_file, HyperparameterError)
    if native is None and job is None:
        raise HyperparameterError(
            f"No hyperparameters: neither {native_file} nor {job_file} exists, one is needed"
        )
    if native is not None:
        values |= native
        origins |= dict.fromkeys(native, f"in {native_file}")
    if job is not None:
        job = decode_job_values(job)
        values |= job
        origins |= dict.fromkeys(job, f"in {job_file}")
    return LightGBMMtModelHyperparameters.parse(values, origins)


def _native_file(native_dir: Path, region: str | None) -> Path:
    default = native_dir / "hyperparameters.json"
    if not region:
        return default
    if region not in REGIONS:
        raise HyperparameterError(
            f"The environment variable REGION must be one of {', '.join(REGIONS)} or not set, "
            f"found {as_json(region)}"
        )
    regional = native_dir / f"hyperparameters_{region}.json"
    return regional if os.path.lexists(regional) else default


def decode_job_values(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Take SageMaker's own entries and one layer of encoding off the values of a job file.

    Two writers must be told apart, and nothing in the file says which it was: one writes
    ``str(value)``, script mode of the SageMaker SDK writes ``json.dumps(value)``. A bare ``null``
    or ``None`` is therefore no value; a column of that name, or one whose name begins and ends
    with quotes, has to be written as a JSON string. Numbers, flags and lists stay text here:
    the schema converts them. Values of ignored names have no schema, so JSON is read as JSON.

    Args:
        texts: content of the job file, by name.
    """
    return {
        name: _decode(name, value)
        for name, value in texts.items()
        if not name.startswith("sagemaker_") and name != "_tuning_objective_metric"
    }


def _decode(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.strip() in _NULLS:
        return None
    if name not in IGNORED_NAMES:
        return unquote(value)
    try:
        return parse_json(value)
    except ValueError:
        return value
