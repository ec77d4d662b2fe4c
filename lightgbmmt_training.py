"""Trains one LightGBM model for several related binary tasks, from an `/opt/ml` tree to a model.

    docker run -v $PWD/opt_ml:/opt/ml IMAGE            # as a container
    SAGEMAKER_BASE_DIR=./opt_ml python lightgbmmt_training.py   # anywhere else

The job reads the channels `train`, `val` and (optionally) `test` and the hyperparameters, imputes
and maps features, trains trees that all tasks share, and writes the model directory and the
evaluation of each split. README.md and docs/ say the rest; `run_job` below is the contents table.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from common.log_lines import log_to_stdout
from processing.job.failure import FailureReport, run_alone, run_reported
from processing.job.packages import check_loadable, check_room_for_packages, install_missing
from processing.job.platform import has_several_hosts
from processing.job.stop import StopRequest, listen_for_stop
from processing.job.streams import LogHandler, open_standard_streams
from processing.job.supervisor import supervised

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
HOSTS_REQUIREMENTS = Path(__file__).with_name("requirements-hosts.txt")


def run_script() -> int:
    """The script: a process that watches over another one, in which this module runs the job."""
    open_standard_streams()
    log_to_stdout(LogHandler(sys.stdout))
    stop = listen_for_stop()
    # Between two of LightGBM's parallel loops its threads spin, by default for milliseconds, in
    # which our own passes over the rows would lack their core. libgomp reads it when it is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # A notebook's backend, which its processes inherit, may not be installed here.
    os.environ["MPLBACKEND"] = "agg"
    # The rows are shared among our own threads; each of OpenBLAS's would take 40 MB for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def load_and_run() -> None:
        check_room_for_packages()
        # In script mode, what the module imports may have to be installed first.
        provide_packages()
        importlib.import_module(Path(__file__).stem).run_job(os.environ, stop)

    return run_alone(
        os.environ,
        lambda report: supervised(lambda inner: run_reported(load_and_run, inner), report),
    )


def provide_packages() -> None:
    """Installs what is missing, and checks that what is there can be loaded.

    Raises:
        PackageError: Something is missing and cannot be installed, or cannot be loaded.
    """
    install_missing(REQUIREMENTS, os.environ)
    if has_several_hosts(os.environ):
        install_missing(HOSTS_REQUIREMENTS, os.environ)
    check_loadable("lightgbm")


if __name__ == "__main__":
    sys.exit(run_script())

from common.result_names import (
    EVALUATION_FILES,
    MADE_FOR_A_MODEL,
    MODEL_DIRECTORY_FILES,
    MODEL_FILE,
)
from hyperparams.sources import load_hyperparameters
from models.evaluation.curves import plot_multitask_curves
from models.evaluation.metrics import compute_multitask_metrics
from models.trees.multitask_model import predict_multitask
from processing.dataset.tasks import create_task_indices, identify_task_columns
from processing.features.artifacts import check_can_be_read
from processing.job.paths import JobPaths, check_checkpoint_folder, check_result_folders
from processing.job.platform import check_input_mode
from processing.writing.model_directory import save_artifacts
from processing.writing.staged_directory import StagedDirectory
from processing.writing.staged_results import StagedResults
from steps.evaluation import evaluate
from steps.initial_model import initial_model
from steps.inputs import OneHost, load_precomputed, log_knobs_without_effect
from steps.job_data import JobInputs
from steps.report import noted_warnings, write_report
from steps.training import train

__all__ = [
    "compute_multitask_metrics",
    "create_task_indices",
    "identify_task_columns",
    "main",
    "plot_multitask_curves",
    "predict_multitask",
    "save_artifacts",
]

logger = logging.getLogger(__name__)


def main() -> int:
    """Runs the job in this process and returns its exit code."""
    log_to_stdout()
    stop = listen_for_stop()
    return run_alone(
        os.environ, lambda report: run_reported(lambda: run_job(os.environ, stop), report)
    )


def run_job(environ: Mapping[str, str], stop: StopRequest) -> None:
    """The whole job: read, preprocess, train, evaluate, write; on this host, or on several.

    Args:
        environ: Environment variables.
        stop: Is set when the job shall come to an end: it then finishes with the trees it has.

    Raises:
        UserError: A fault of the data, the hyperparameters or the environment.
    """
    paths = JobPaths.from_environment(environ)
    check_result_folders(paths)
    check_checkpoint_folder(paths.checkpoints)
    check_input_mode(paths.input_data_config)
    if has_several_hosts(environ):
        # Nothing of Dask is imported by a job of one host.
        from hosts.job import run_on_hosts  # noqa: PLC0415

        run_on_hosts(paths, environ, stop.is_set, partial(run_steps, paths, environ))
    else:
        run_steps(paths, environ, OneHost(), stop.is_set)


def run_steps(
    paths: JobPaths,
    environ: Mapping[str, str],
    inputs: JobInputs,
    is_stop_requested: Callable[[], bool],
) -> None:
    """The steps of a job, wherever its rows are.

    Args:
        paths: Where this host reads and writes.
        environ: Environment variables.
        inputs: Finds and prepares the data.
        is_stop_requested: Whether the job has been asked to stop.
    """
    evaluation_directory = StagedDirectory(paths.output_data, EVALUATION_FILES)
    model_directory = StagedDirectory(paths.model, MODEL_DIRECTORY_FILES, MADE_FOR_A_MODEL)
    with (
        noted_warnings() as warnings,
        StagedResults(evaluation_directory, model_directory) as results,
    ):
        hyperparams = load_hyperparameters(
            paths.native_hyperparameters, paths.job_hyperparameters, environ.get("REGION")
        )
        artifacts = load_precomputed(paths, environ, hyperparams)
        log_knobs_without_effect(hyperparams, artifacts, has_checkpoints=paths.checkpoints.is_dir())

        channels = inputs.find_data(paths, hyperparams, artifacts)
        tasks = identify_task_columns(channels.header(), hyperparams)
        hyperparams = hyperparams.with_tasks(tasks)
        initial = initial_model(paths, hyperparams, artifacts)
        data = inputs.prepare_data(channels, hyperparams, artifacts, initial)
        check_can_be_read(data.preprocessing.risk_tables)

        state, model = train(paths, hyperparams, data, initial, is_stop_requested)

        metrics = evaluate(model, data, hyperparams, evaluation_directory)
        write_report(
            metrics,
            state,
            model,
            hyperparams,
            warnings,
            evaluation_directory,
            scored_only="test" in data.splits and "test" not in metrics,
        )
        save_artifacts(
            model,
            data.preprocessing.risk_tables,
            data.preprocessing.impute_dict,
            model_directory.path(MODEL_FILE).parent,
            data.preprocessing.feature_columns,
            hyperparams,
            state,
        )
        with FailureReport(paths.failure).written_meanwhile(HALF_IN_PLACE):
            results.publish()
    logger.info("Done: model in %s, evaluation in %s", paths.model, paths.output_data)


HALF_IN_PLACE = (
    "the job was ended while it put its results in place: the model and the evaluation may be from "
    "two runs; start it again, which begins with the rest of them"
)
