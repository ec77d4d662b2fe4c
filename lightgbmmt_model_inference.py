"""Scores files of raw rows with a model that `lightgbmmt_training.py` has written.

    python lightgbmmt_model_inference.py --model model --input new_rows --output scored

Without these arguments it works as a SageMaker processing step: the model is below
`/opt/ml/processing/input/model`, the rows below `.../input/eval_data`, and the predictions go to
`.../output/eval`. docs/scoring.md says the rest; `run_batch` below is the table of contents.
"""

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from common.log_lines import log_to_stdout
from exceptions import UserError
from processing.job.failure import FailureReport, run_reported
from processing.job.packages import check_loadable, install_missing
from processing.job.stop import RaisedStop, StoppedError
from processing.job.streams import LogHandler, open_standard_streams
from processing.job.supervisor import supervised
from processing.writing.atomic import remove_partial_files, written_aside
from scoring.batch.places import BatchPlaces

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def run_script() -> int:
    """The script: a process that watches over another one, in which this module runs the step."""
    stop = RaisedStop("stopped by SIGTERM before all rows were scored")
    stop.hold()
    open_standard_streams()
    log_to_stdout(LogHandler(sys.stdout))
    places = BatchPlaces.of(sys.argv[1:], os.environ)

    def load_and_run() -> None:
        stop.listen()
        try:
            # In a framework container, what the module imports may have to be installed first.
            stop.may_be_raised = True
            stop.check()
            install_missing(REQUIREMENTS, os.environ)
            stop.may_be_raised = False
            check_loadable("lightgbm")
            module = importlib.import_module(Path(__file__).stem)
            module.run_batch(places, os.environ, stop)
        except StoppedError as stopped:
            stop.may_be_raised = False
            raise UserError(str(stopped)) from None
        finally:
            stop.may_be_raised = False

    report = FailureReport(places.failure)
    report.clear()
    exit_code = supervised(lambda inner: run_reported(load_and_run, inner), report)
    if exit_code:
        # A step that was killed has left what it had written so far.
        remove_partial_files(places.output)
    return exit_code


if __name__ == "__main__":
    sys.exit(run_script())

from processing.reading.channels import find_channel_files
from processing.reading.data_files import read_headers
from scoring.batch.markers import mark_success, predictions_file, start_output
from scoring.batch.pipeline import check_columns, open_output, score_files
from scoring.batch.settings import BatchSettings
from scoring.model_directory import load_scorer

logger = logging.getLogger("lightgbmmt_model_inference")


def run_batch(
    places: BatchPlaces, environ: Mapping[str, str], stop: RaisedStop | None = None
) -> None:
    """The whole step: check, load, score block by block, write, mark.

    Args:
        places: Where the model and the rows are, and where the predictions go.
        environ: Environment variables.
        stop: May be raised until all rows are scored; None: there is none.

    Raises:
        UserError: A fault of the rows, the model or the environment.
        StoppedError: It was stopped.
    """
    stop = stop or RaisedStop("")
    stop.may_be_raised = True
    stop.check()
    places.check()
    start_output(places.output)
    settings = BatchSettings.from_environment(environ)

    scorer = load_scorer(
        places.model,
        rows_are_imputed=settings.rows_are_imputed,
        rows_are_mapped=settings.rows_are_mapped,
    )
    settings.check_tasks(scorer.tasks)

    channel = find_channel_files("input", places.rows)
    headers = read_headers(channel)
    output_format = settings.output_format or channel.file_format
    check_columns(headers, scorer, settings, output_format)

    target = predictions_file(places.output, output_format)
    with written_aside(target) as aside, aside.open("wb") as sink:
        output = open_output(sink, channel, headers, scorer, settings)
        n_rows = score_files(channel, headers, scorer, settings, output)
        stop.may_be_raised = False
        stop.check()
    mark_success(places.output, output_format)
    logger.info("Done: %s rows scored, predictions in %s", f"{n_rows:,}", target)
