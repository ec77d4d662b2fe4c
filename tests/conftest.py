"""Fixtures of the tests that run the whole job."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs import run_job
from trees import hyperparameters, make_splits, write_tree


@pytest.fixture(scope="session")
def finished_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a job that has run, for tests that only look at it."""
    base = write_tree(tmp_path_factory.mktemp("finished"), make_splits(), hyperparameters())
    run_job(base)
    return base


@pytest.fixture
def job_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log of jobs that run in this process, as much of it as users see."""
    with caplog.at_level(logging.INFO):
        yield caplog
