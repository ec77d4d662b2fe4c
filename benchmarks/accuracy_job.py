"""Runs the training job on the splits of a table, from files to files."""

import io
import json
import logging
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import lightgbmmt_training
from benchmarks.peers import LEARNING_RATE, MOST_TREES, NUM_LEAVES, PATIENCE, Floats, Peer, Splits
from benchmarks.tables import Table
from examples.tree import write_splits
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from processing.job.stop import StopRequest

# From table, splits, seed and settings to the job's probabilities of the test rows.
Job = Callable[[Table, Splits, int, Mapping[str, object]], Floats]
# Settings that could have been the defaults.
ALTERNATIVES: list[dict[str, object]] = [{"lambda_l2": value} for value in (0, 2, 4, 10)]
ALTERNATIVES += [{"min_data_in_leaf": 5}, {"use_quantized_grad": False}]
ALTERNATIVES += [{"loss_split_gradient": "weighted_sum"}, {"loss_type": "adaptive"}]
ALTERNATIVES += [{"risk_tables": "main"}, {"risk_tables": "per_task"}]


def run_job(
    table: Table, splits: Splits, seed: int, n_threads: int, settings: Mapping[str, object]
) -> Floats:
    """Trains by `lightgbmmt_training.run_job`; gives the test rows' probabilities, shape (n, K).

    The settings come on top of the job's defaults and of the early stopping that all models have.
    """
    hyperparameters = {
        "tab_field_list": table.numerical,
        "cat_field_list": table.categorical,
        "label_name": table.tasks[0],
        "task_label_names": table.tasks,
        "loss_type": "fixed",
        **{"num_leaves": NUM_LEAVES, "learning_rate": LEARNING_RATE, "num_iterations": MOST_TREES},
        **{"early_stopping_rounds": PATIENCE, "early_stopping_metric": "mean_logloss"},
        **{"seed": seed, "num_threads": n_threads},
        "missing_labels": "mask" if table.has_blank_labels else "error",
        **settings,
    }
    with TemporaryDirectory() as folder:
        write_splits(Path(folder), splits, hyperparameters, "parquet")
        content = train_in(Path(folder), "test.tar.gz", "test/predictions.parquet")
    predictions = pd.read_parquet(io.BytesIO(content))
    return predictions[[f"{task}_prob" for task in table.tasks]].to_numpy(dtype=float)


def train_in(base: Path, archive: str, member: str) -> bytes:
    """Runs the job quietly on an `/opt/ml` tree and returns a file of its evaluation."""
    logging.disable(logging.WARNING)
    try:
        lightgbmmt_training.run_job({"SAGEMAKER_BASE_DIR": str(base)}, StopRequest())
    finally:
        logging.disable(logging.NOTSET)
    with tarfile.open(base / "output" / "data" / archive) as tar:
        file = tar.extractfile(member)
        if file is None:
            raise ValueError(f"{archive} holds no file {member}")
        return file.read()


def as_peer(job: Job, settings: Mapping[str, object]) -> Peer:
    """The job with some settings, in the form of what it is compared with."""
    return lambda table, splits, seed, _n_threads: job(table, splits, seed, settings)


def alternatives(job: Job) -> dict[str, Peer]:
    """The job with other settings, by what they are, as peers of the job with its defaults."""
    return {
        ", ".join(f"{name}={value}" for name, value in settings.items()): as_peer(job, settings)
        for settings in ALTERNATIVES
    }


def parse_settings(assignments: list[str]) -> dict[str, object]:
    """Reads `name=value` pairs; a value is JSON, or else text."""
    settings: dict[str, object] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"wanted name=value, got {assignment!r}")
        settings[name] = text
        with suppress(json.JSONDecodeError):
            settings[name] = json.loads(text)
    return settings


def lambda_l2(settings: Mapping[str, object]) -> float:
    """The regularization of the job's leaf values with these settings."""
    default = LightGBMMtModelHyperparameters.model_fields["lambda_l2"].default
    return float(str(settings.get("lambda_l2", default)))
