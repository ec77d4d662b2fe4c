"""Trains one LightGBM model for several related binary tasks, from an `/opt/ml` tree to a model.

    docker run -v $PWD/opt_ml:/opt/ml IMAGE            # as a container
    SAGEMAKER_BASE_DIR=./opt_ml python lightgbmmt_training.py   # anywhere else

The job reads the channels `train`, `val` and (optionally) `test` and the hyperparameters, imputes
and maps features, trains trees that all tasks share, and writes the model directory and the
evaluation of each split. README.md says the rest; `run_job` below is the table of contents.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processing.failure import run_reported
from processing.packages import check_loadable, install_missing
from processing.paths import JobPaths, check_model_directory, failure_file

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def listen_for_stop() -> threading.Event:
    """An event that is set by SIGTERM, which process 1 would not even notice otherwise."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    return stop


def provide_packages() -> None:
    """Installs what is missing, and checks that what is there can be loaded.

    Raises:
        PackageError: Something is missing and cannot be installed, or cannot be loaded.
    """
    install_missing(REQUIREMENTS, os.environ)
    check_loadable("lightgbm")


if __name__ == "__main__":
    STOP = listen_for_stop()
    # Between two of LightGBM's parallel loops its threads spin, by default for milliseconds, in
    # which our own passes over the rows would lack their core. libgomp reads it when it is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # In script mode, what is imported below may have to be installed first.
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if run_reported(provide_packages, failure_file(os.environ)):
        sys.exit(1)

from dataclasses import dataclass

import pandas as pd
from lightgbm import __version__ as lightgbm_version
from threadpoolctl import threadpool_limits

from hyperparams.schema import LightGBMMtModelHyperparameters
from hyperparams.sources import load_hyperparameters
from models.booster import SharedTreeBooster
from models.checkpoint import Checkpoint, newest_usable
from models.curves import plot_multitask_curves
from models.evaluation import chosen_thresholds, compute_multitask_metrics, summary
from models.factory import ModelFactory
from models.intercept import intercept_shifts
from models.multitask_model import MultiTaskModel, predict_multitask
from models.progress import log_tuner_metrics
from models.task_rows import LabelledRows
from models.training_loop import finish
from models.training_loop import train as train_trees
from models.training_state import TrainingState
from processing.artifacts import PrecomputedArtifacts, load_artifacts
from processing.atomic import StagedDirectory
from processing.checkpoint_store import CheckpointStore
from processing.environment import environment_flag
from processing.evaluation_output import write_evaluation
from processing.features import feature_table
from processing.fingerprint import fingerprint
from processing.label_arrays import label_arrays
from processing.model_directory import MODEL_DIRECTORY_FILES, MODEL_FILE, save_artifacts
from processing.platform import check_input_mode, check_single_host
from processing.preprocessing import Preprocessing, RiskTableSettings, preprocess
from processing.splits import Channels, columns_to_read, find_channels, read_splits
from processing.tasks import create_task_indices, identify_task_columns
from processing.validation_labels import check_validation_labels
from processing.weights import warn_of_scale

__all__ = [
    "compute_multitask_metrics",
    "create_task_indices",
    "identify_task_columns",
    "main",
    "plot_multitask_curves",
    "predict_multitask",
    "save_artifacts",
]

logger = logging.getLogger("lightgbmmt_training")

EVALUATION_FILES = ("test.tar.gz", "val.tar.gz")


@dataclass(frozen=True)
class JobData:
    """What the job has read and made of its data."""

    splits: dict[str, pd.DataFrame]
    labels: dict[str, LabelledRows]
    tasks: list[str]
    preprocessing: Preprocessing
    data_format: str


def main(stop: threading.Event | None = None) -> int:
    """Runs the job and returns its exit code; `stop` None: it listens for SIGTERM from now on."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    # On a new machine matplotlib would announce in the job's log that it has built its font cache.
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    requested = listen_for_stop() if stop is None else stop
    return run_reported(lambda: run_job(os.environ, requested), failure_file(os.environ))


def run_job(environ: Mapping[str, str], stop: threading.Event) -> None:
    """The whole job: read, preprocess, train, evaluate, write.

    Args:
        environ: Environment variables.
        stop: Is set when the job shall come to an end: it then finishes with the trees it has.

    Raises:
        UserError: A fault of the data, the hyperparameters or the environment.
    """
    paths = JobPaths.from_environment(environ)
    check_model_directory(paths)
    check_single_host(paths.resource_config)
    check_input_mode(paths.input_data_config)
    with (
        StagedDirectory(paths.model, MODEL_DIRECTORY_FILES) as model_directory,
        StagedDirectory(paths.output_data, EVALUATION_FILES) as evaluation_directory,
    ):
        hyperparams = load_hyperparameters(
            paths.native_hyperparameters, paths.job_hyperparameters, environ.get("REGION")
        )
        artifacts = load_precomputed(paths, environ, hyperparams)
        log_knobs_without_effect(hyperparams, artifacts)

        channels = find_channels(paths)
        tasks = identify_task_columns(channels.header(), hyperparams)
        hyperparams = hyperparams.with_tasks(tasks)
        data = prepare_data(channels, hyperparams, artifacts)

        state, model = train(paths, hyperparams, data, stop)

        evaluate(model, data, hyperparams, evaluation_directory)
        save_artifacts(
            model,
            data.preprocessing.risk_tables,
            data.preprocessing.impute_dict,
            model_directory.path(MODEL_FILE).parent,
            data.preprocessing.feature_columns,
            hyperparams,
            state,
        )
        evaluation_directory.publish()
        model_directory.publish()
    logger.info("Done: model in %s, evaluation in %s", paths.model, paths.output_data)


def load_precomputed(
    paths: JobPaths, environ: Mapping[str, str], hyperparams: LightGBMMtModelHyperparameters
) -> PrecomputedArtifacts:
    """Loads the artifacts that the `USE_PRECOMPUTED_*` variables ask for."""
    return load_artifacts(
        paths.model_artifacts_input,
        imputation=environment_flag(environ, "USE_PRECOMPUTED_IMPUTATION", default=False),
        risk_tables=environment_flag(environ, "USE_PRECOMPUTED_RISK_TABLES", default=False),
        features=environment_flag(environ, "USE_PRECOMPUTED_FEATURES", default=False),
        numerical=hyperparams.tab_field_list,
        categorical=hyperparams.cat_field_list,
    )


def log_knobs_without_effect(
    hyperparams: LightGBMMtModelHyperparameters, artifacts: PrecomputedArtifacts
) -> None:
    """Says which of the given hyperparameters do nothing in this job."""
    if hyperparams.ignored:
        logger.info("Ignored, for older jobs only: %s", ", ".join(hyperparams.ignored))
    idle = hyperparams.without_effect(risk_tables_given=artifacts.risk_tables is not None)
    for name, reason in idle.items():
        logger.info("%s has no effect: %s", name, reason)


def prepare_data(
    channels: Channels,
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
) -> JobData:
    """Reads all splits, checks them, and turns them into features and labels."""
    tasks = list(hyperparams.task_label_names or [])
    task_weights = hyperparams.task_weight_columns or {}
    sample_weight = hyperparams.sample_weight_name
    weights = dict.fromkeys([*([sample_weight] if sample_weight else []), *task_weights.values()])
    columns, numerical, categorical = columns_to_read(
        hyperparams.tab_field_list,
        hyperparams.cat_field_list,
        tasks,
        hyperparams.id_name,
        list(weights),
        artifacts,
    )
    splits = read_splits(
        channels, columns, allow_missing_labels=hyperparams.missing_labels == "mask"
    )
    create_task_indices(splits["train"], splits["val"], tasks)
    risk_settings = RiskTableSettings(
        hyperparams.risk_table_smoothing, hyperparams.risk_table_folds, hyperparams.seed
    )
    preprocessing = preprocess(
        splits, numerical, categorical, hyperparams.main_task_name, artifacts, risk_settings
    )
    labels = {
        name: LabelledRows(*label_arrays(df, tasks, sample_weight, task_weights))
        for name, df in splits.items()
    }
    warn_of_scale(labels["train"].weight, tasks)
    check_validation_labels(
        labels["val"].label,
        labels["val"].weight,
        tasks,
        hyperparams.main_task_name,
        hyperparams.early_stopping_metric if hyperparams.early_stopping_rounds else None,
    )
    return JobData(splits, labels, tasks, preprocessing, channels.data_format)


def train(
    paths: JobPaths,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
    stop: threading.Event,
) -> tuple[TrainingState, MultiTaskModel]:
    """Trains, going on from a checkpoint where there is one."""
    factory = ModelFactory(hyperparams)
    store = CheckpointStore(paths.checkpoints) if paths.checkpoints.is_dir() else None
    # One thread per block of rows is ours; a BLAS with threads of its own would only get in the
    # way, and its sums would depend on their number.
    with threadpool_limits(limits=1, user_api="blas"):
        booster, job_fingerprint = start_booster(factory, store, hyperparams, data)

        def save_checkpoint() -> None:
            if store is not None:
                checkpoint = Checkpoint(job_fingerprint, booster.trees, booster.state)
                store.save(len(booster.trees), checkpoint.to_bytes())

        callbacks = factory.create_callbacks(
            booster.state, stop.is_set, None if store is None else save_checkpoint
        )
        train_trees(booster, hyperparams.num_iterations, hyperparams.eval_frequency, callbacks)
        save_checkpoint()
        finish(booster)
        log_similarity(booster.state)
    return booster.state, finished_model(factory, booster, hyperparams, data)


def start_booster(
    factory: ModelFactory,
    store: CheckpointStore | None,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
) -> tuple[SharedTreeBooster, str]:
    """The booster, with the trees of the newest checkpoint, and the job's fingerprint."""
    feature_columns = data.preprocessing.feature_columns
    train_rows, valid_rows = data.labels["train"], data.labels["val"]
    train_features = feature_table(data.splits["train"], feature_columns)
    valid_features = feature_table(data.splits["val"], feature_columns)
    checkpoint, job_fingerprint = None, ""
    if store is not None:
        job_fingerprint = fingerprint(
            f"{factory.fingerprint_text()} lightgbm {lightgbm_version}",
            [train_features, valid_features],
            [train_rows.label, train_rows.weight, valid_rows.label, valid_rows.weight],
        )
        checkpoint = newest_usable(
            store.newest_first(), job_fingerprint, hyperparams.num_iterations
        )
    state = factory.create_state() if checkpoint is None else checkpoint.state
    booster = factory.create_booster(train_features, train_rows, valid_features, valid_rows, state)
    if checkpoint is not None:
        booster.restore(checkpoint.trees, train_features, valid_features)
        logger.info("Going on from a checkpoint after iteration %d", len(checkpoint.trees))
    # The Dataset holds the binned features; the raw ones of the training rows have had their use.
    del data.splits["train"]
    return booster, job_fingerprint


def finished_model(
    factory: ModelFactory,
    booster: SharedTreeBooster,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
) -> MultiTaskModel:
    """The model, with its intercepts calibrated if that is wanted."""
    feature_columns = data.preprocessing.feature_columns
    model = factory.create_model(booster, feature_columns)
    if not hyperparams.calibrate_intercept:
        return model
    prob = predict_multitask(model, data.splits["val"], feature_columns)
    shifts = intercept_shifts(prob, data.labels["val"], data.labels["train"])
    booster.state.intercept_shift = shifts.tolist()
    for task, shift in zip(data.tasks, shifts, strict=True):
        logger.info("Log-odds of %s shifted by %+.4f (calibrate_intercept)", task, shift)
    return factory.create_model(booster, feature_columns)


def log_similarity(state: TrainingState) -> None:
    """Logs the task-by-task similarity matrix."""
    names = state.task_names
    matrix = pd.DataFrame(state.task_similarity, index=names, columns=names)
    logger.info("Similarity of the tasks' predictions (1 = the same):\n%s", matrix.round(3))


def evaluate(
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
) -> None:
    """Evaluates the validation rows, and the test rows at the thresholds found on the former."""
    val_metrics = evaluate_split("val", model, data, hyperparams, directory, thresholds=None)
    if "test" in data.splits:
        thresholds = chosen_thresholds(val_metrics, data.tasks)
        evaluate_split("test", model, data, hyperparams, directory, thresholds)


def evaluate_split(
    split: str,
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
    thresholds: Mapping[int, float | None] | None,
) -> dict[str, dict[str, Any]]:
    """Predicts the rows of a split; writes predictions, metrics and curves; returns the metrics."""
    df, weight = data.splits[split], data.labels[split].weight
    y_true = {index: df[task].to_numpy() for index, task in enumerate(data.tasks)}
    y_prob = predict_multitask(model, df, data.preprocessing.feature_columns)
    weights = None if weight is None else dict(enumerate(weight.T))
    metrics = compute_multitask_metrics(
        y_true, y_prob, data.tasks, thresholds=thresholds, sample_weights=weights
    )
    log_tuner_metrics(split, summary(metrics, data.tasks, hyperparams.main_task_name))
    write_evaluation(
        directory.path(f"{split}.tar.gz"),
        split,
        ids=df[hyperparams.id_name],
        id_name=hyperparams.id_name,
        task_columns=data.tasks,
        y_true=y_true,
        y_prob=y_prob,
        metrics=metrics,
        data_format=data.data_format,
        plot=lambda folder: plot_multitask_curves(
            y_true, y_prob, data.tasks, folder, split, sample_weights=weights
        ),
    )
    return metrics


if __name__ == "__main__":
    sys.exit(main(STOP))
