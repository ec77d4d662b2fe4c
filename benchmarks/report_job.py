"""Runs a job in this process and times what the report and its figures cost in it."""

import logging
import os
import time
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import lightgbmmt_training
from benchmarks.timing import run_as_program
from models.evaluation import metrics
from processing.job.stop import StopRequest
from steps import evaluation, inputs, job_data

PARTS: tuple[tuple[str, ModuleType, str], ...] = (
    ("drift", inputs, "drift_of_features"),
    ("drift", inputs, "sample_of_training"),
    ("drift", inputs, "positives_outside"),
    ("drift", evaluation, "bins_of_scores"),
    ("drift", evaluation, "split_figures"),
    ("intervals, alerts, calibration, curves", metrics, "task_figures"),
    ("previous model", metrics, "compare_with_previous"),
    ("TreeSHAP", job_data, "feature_importance"),
    ("page", lightgbmmt_training, "write_report"),
)


def run(base: str, environ: dict[str, str]) -> dict[str, float]:
    """Runs the job; seconds by part, and of the `whole` job without the start of Python.

    Args:
        base: Stands for `/opt/ml`.
        environ: Variables that name the channels.
    """
    logging.disable(logging.INFO)
    seconds: dict[str, float] = {}
    for part, module, name in PARTS:
        setattr(module, name, _timed(getattr(module, name), part, seconds))
    started = time.perf_counter()
    lightgbmmt_training.run_job(
        {**os.environ, **environ, "SAGEMAKER_BASE_DIR": base}, StopRequest()
    )
    return {**seconds, "whole": time.perf_counter() - started}


def _timed(
    function: Callable[..., Any], part: str, seconds: dict[str, float]
) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **values: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **values)
        finally:
            seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - started

    return call


if __name__ == "__main__":
    run_as_program(run)
