"""Runs the training job on the splits of a table, from files to files."""

import io
import json
import logging
import tarfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lightgbmmt_training
from benchmarks.peers import LEARNING_RATE, MOST_TREES, NUM_LEAVES, PATIENCE, Peer, Splits
from benchmarks.tables import Table
from examples.tree import write_splits
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters

Job = Callable[[Table, Splits, int, Mapping[str, object]], NDArray[np.float64]]
"""From table, splits, seed and settings to the job's probabilities of the test rows."""


def run_job(
    table: Table,
    splits: Splits,
    seed: int,
    n_threads: int,
    settings: Mapping[str, object],
) -> NDArray[np.float64]:
    """Trains by `lightgbmmt_training.run_job` and reads the predictions that it has written.

    Args:
        table: The table, for its columns.
        splits: Rows of `train`, `val` and `test`.
        seed: Seed of the job.
        n_threads: Threads of the job.
        settings: Hyperparameters that differ from the benchmark's, which are the job's defaults
            but for the early stopping that all models have.

    Returns:
        Probabilities of the test rows, shape (n, K).
    """
    hyperparameters = {
        "tab_field_list": table.numerical,
        "cat_field_list": table.categorical,
        "label_name": table.tasks[0],
        "task_label_names": table.tasks,
        "loss_type": "fixed",
        "num_leaves": NUM_LEAVES,
        "learning_rate": LEARNING_RATE,
        "num_iterations": MOST_TREES,
        "early_stopping_rounds": PATIENCE,
        "early_stopping_metric": "mean_logloss",
        "seed": seed,
        "num_threads": n_threads,
        **settings,
    }
    with TemporaryDirectory() as folder:
        base = Path(folder)
        write_splits(base, splits, hyperparameters, "parquet")
        logging.disable(logging.WARNING)
        try:
            lightgbmmt_training.run_job({"SAGEMAKER_BASE_DIR": folder}, threading.Event())
        finally:
            logging.disable(logging.NOTSET)
        predictions = _read_predictions(base / "output" / "data" / "test.tar.gz")
    return predictions[[f"{task}_prob" for task in table.tasks]].to_numpy(dtype=np.float64)


def as_peer(job: Job, settings: Mapping[str, object]) -> Peer:
    """The job with some settings, called as a peer is; it has its number of threads already."""

    def predict(table: Table, splits: Splits, seed: int, _: int) -> NDArray[np.float64]:
        return job(table, splits, seed, settings)

    return predict


def parse_settings(assignments: list[str]) -> dict[str, object]:
    """Reads `name=value` pairs; a value is JSON, or else text.

    Raises:
        ValueError: A pair has no `=`.
    """
    settings: dict[str, object] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"wanted name=value, got {assignment!r}")
        try:
            settings[name] = json.loads(text)
        except json.JSONDecodeError:
            settings[name] = text
    return settings


def lambda_l2(settings: Mapping[str, object]) -> float:
    """The regularization of the job's leaf values with these settings."""
    default = LightGBMMtModelHyperparameters.model_fields["lambda_l2"].default
    return float(str(settings.get("lambda_l2", default)))


def _read_predictions(archive: Path) -> pd.DataFrame:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("test/predictions.parquet")
        if member is None:
            raise ValueError(f"{archive} holds no file test/predictions.parquet")
        return pd.read_parquet(io.BytesIO(member.read()))
