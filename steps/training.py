"""Second step: from features and labels to a trained model."""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd
from lightgbm import __version__ as lightgbm_version
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.booster import SharedTreeBooster
from models.engine.training_state import TrainingState
from models.training.checkpoint import Checkpoint, newest_usable
from models.training.factory import NOT_IN_THE_TREES, ModelFactory
from models.training.intercept import intercept_shifts
from models.training.progress import mean_of_defined
from models.training.training_loop import finish
from models.training.training_loop import train as train_trees
from models.trees.multitask_model import MultiTaskModel
from processing.job.paths import JobPaths
from processing.writing.checkpoint_store import CheckpointStore
from steps.initial_model import InitialModel
from steps.job_data import JobData

logger = logging.getLogger(__name__)


def train(
    paths: JobPaths,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
    initial: InitialModel | None,
    is_stop_requested: Callable[[], bool],
) -> tuple[TrainingState, MultiTaskModel]:
    """Trains, going on from a checkpoint where there is one, and from an initial model."""
    factory = ModelFactory(hyperparams, data.preprocessing.feature_sources)
    if hyperparams.num_threads > factory.n_threads:
        logger.info(
            "num_threads is %d, but the machine has %d processors: %d threads are used",
            hyperparams.num_threads,
            factory.n_threads,
            factory.n_threads,
        )
    store = CheckpointStore(paths.checkpoints) if paths.checkpoints.is_dir() else None
    # One thread per block of rows is ours; a BLAS with threads of its own would only get in the
    # way, and its sums would depend on their number.
    with threadpool_limits(limits=1, user_api="blas"):
        booster, job_fingerprint = start_booster(factory, store, hyperparams, data, initial)

        def save_checkpoint() -> None:
            if store is not None:
                checkpoint = Checkpoint(job_fingerprint, booster.trees, booster.state)
                store.save(len(booster.trees), checkpoint.to_bytes())

        callbacks = factory.create_callbacks(
            booster.state, is_stop_requested, None if store is None else save_checkpoint
        )
        train_trees(booster, hyperparams.num_iterations, hyperparams.eval_frequency, callbacks)
        save_checkpoint()
        finish(booster)
        log_similarity(booster.state)
    model = finished_model(factory, booster, hyperparams, data)
    booster.end()
    return booster.state, model


def start_booster(
    factory: ModelFactory,
    store: CheckpointStore | None,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
    initial: InitialModel | None,
) -> tuple[SharedTreeBooster, str]:
    """The booster, with the trees of the newest checkpoint, and the job's fingerprint."""
    checkpoint, job_fingerprint = None, ""
    initial_trees = [] if initial is None else initial.trees
    if store is not None:
        going_on = "" if initial is None else f" initial model {initial.digest}"
        job_fingerprint = data.fingerprint(
            f"{factory.fingerprint_text()} lightgbm {lightgbm_version}{going_on}"
        )
        checkpoint = newest_usable(
            store.newest_first(), job_fingerprint, hyperparams.num_iterations, NOT_IN_THE_TREES
        )
    state = factory.create_state() if checkpoint is None else checkpoint.state
    state.initial_trees = len(initial_trees)
    has_trees = checkpoint is not None or bool(initial_trees)
    booster = data.create_booster(factory, state, initial_trees, keep_features=has_trees)
    if checkpoint is not None:
        booster.restore(checkpoint.trees)
        logger.info("Going on from a checkpoint after iteration %d", len(checkpoint.trees))
    elif initial is not None:
        log_initial_scores(booster)
    if has_trees:
        booster.drop_features()
        data.drop_training_rows()
    return booster, job_fingerprint


def log_initial_scores(booster: SharedTreeBooster) -> None:
    """Logs what the initial model is worth on the validation rows of this job."""
    task_auc, mean_logloss = booster.evaluate()
    logger.info(
        "Before the first new tree: val AUC main %.4f mean %.4f, mean log-loss %.4f",
        task_auc[booster.state.main_task],
        mean_of_defined(task_auc),
        mean_logloss,
    )


def finished_model(
    factory: ModelFactory,
    booster: SharedTreeBooster,
    hyperparams: LightGBMMtModelHyperparameters,
    data: JobData,
) -> MultiTaskModel:
    """The model, with its intercepts calibrated or moved to the true base rates."""
    feature_columns = data.preprocessing.feature_columns
    if hyperparams.task_base_rates:
        shift_intercepts(booster.state, booster.prior_shift, "task_base_rates")
    model = factory.create_model(booster, feature_columns)
    if not hyperparams.calibrate_intercept:
        return model
    prob = data.predict(model, "val")
    shifts = intercept_shifts(prob, data.labels["val"], booster.class_weights)
    shift_intercepts(booster.state, shifts, "calibrate_intercept")
    return factory.create_model(booster, feature_columns)


def shift_intercepts(state: TrainingState, shifts: NDArray[np.float64], knob: str) -> None:
    """Notes what each task's log-odds in the model file are raised by, and tells the log."""
    state.intercept_shift = shifts.tolist()
    for task, shift in zip(state.task_names, shifts, strict=True):
        logger.info("Log-odds of %s shifted by %+.4f (%s)", task, shift, knob)


def log_similarity(state: TrainingState) -> None:
    """Logs the task-by-task similarity matrix."""
    names = state.task_names
    matrix = pd.DataFrame(state.task_similarity, index=names, columns=names).round(3)
    # Whole, where pandas would cut what is wider than a terminal.
    with pd.option_context(
        "display.max_columns", None, "display.max_rows", None, "display.expand_frame_repr", False
    ):
        logger.info("Similarity of the tasks' predictions (1 = the same):\n%s", matrix)
