"""Fourth step: the page that shows what has been found."""

import contextlib
import hashlib
import logging
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from common.result_names import REPORT_FILE
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.training_state import TrainingState
from models.report.page import Report, render
from models.trees.multitask_model import MultiTaskModel
from processing.writing.atomic import write_text
from processing.writing.staged_directory import StagedDirectory
from steps.inputs import weight_columns

_PACKAGES = ("lightgbm", "numpy", "pandas", "pyarrow", "scikit-learn")
_MOST_WARNINGS = 100


@contextlib.contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Give a list that takes up every warning that is logged in the block, each text once."""
    texts: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in texts and len(texts) < _MOST_WARNINGS:
                texts.append(text)

    handler = Notes(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield texts
    finally:
        logging.getLogger().removeHandler(handler)


def write_report(
    metrics: Mapping[str, Mapping[str, Any]],
    state: TrainingState,
    model: MultiTaskModel,
    hyperparams: LightGBMMtModelHyperparameters,
    warnings: list[str],
    directory: StagedDirectory,
    *,
    scored_only: bool,
) -> None:
    """Writes `report.html`.

    Args:
        metrics: The metrics of each split that has labels.
        state: How the training went.
        model: The finished model.
        hyperparams: What it was trained with.
        warnings: What the job has warned of.
        directory: Where to write it.
        scored_only: There is a test split without labels.
    """
    report = Report(
        metrics=metrics,
        state=state.to_checkpoint_dict(),
        settings=hyperparams.model_dump(),
        given=sorted(hyperparams.model_fields_set),
        weight_columns=weight_columns(hyperparams),
        warnings=warnings,
        scored_only=scored_only,
        model_digest=hashlib.sha256(model.model_to_string().encode()).hexdigest(),
        versions={
            "Python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    )
    write_text(directory.path(REPORT_FILE), render(report))
