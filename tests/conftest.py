"""Fixtures of the tests that run the whole job."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from jobs import run_job
from report_cases import PARAMETERS, run_case
from servers import Server, serving
from trees import hyperparameters, make_splits, write_tree

from scoring.model_directory import load_scorer
from scoring.scorer import Scorer


@pytest.fixture(scope="session")
def finished_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a job that has run, for tests that only look at it."""
    base = write_tree(tmp_path_factory.mktemp("finished"), make_splits(), hyperparameters())
    run_job(base)
    return base


@pytest.fixture(scope="session")
def scorer(finished_job: Path) -> Scorer:
    """The model of `finished_job`."""
    return load_scorer(finished_job / "model")


@pytest.fixture(scope="session")
def rows(finished_job: Path) -> pa.Table:
    """The rows of the test split of `finished_job`, every column as text."""
    file = finished_job / "input" / "data" / "test" / "part-0.csv"
    names = file.read_text(encoding="utf-8").partition("\n")[0].split(",")
    return pa_csv.read_csv(
        file, convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    )


@pytest.fixture(scope="session")
def raw_rows() -> pd.DataFrame:
    """The same rows as a DataFrame, with the types that they were made with."""
    return make_splits()["test"].reset_index(drop=True)


@pytest.fixture(scope="session")
def server(finished_job: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the model of `finished_job`, for tests that leave it as they found it."""
    with serving(finished_job, tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture
def job_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log of jobs that run in this process, as much of it as users see."""
    with caplog.at_level(logging.INFO):
        yield caplog


@pytest.fixture(scope="session", params=PARAMETERS)
def report_job(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Name and tree of a job whose report is looked at."""
    return request.param, run_case(request.param, tmp_path_factory.mktemp(request.param))
