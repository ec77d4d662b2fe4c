"""How exceptions become an exit code, one line on stderr and a failure file."""

import errno
import logging
from pathlib import Path

import pytest

from exceptions import DataError, PackageError
from processing.job.failure import OUT_OF_MEMORY, FailureReport, run_alone, run_reported


def run(
    error: BaseException, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, stderr and failure file of a job that ends with an error."""

    def job() -> None:
        raise error

    exit_code = run_reported(job, FailureReport(folder / "output" / "failure"))
    return exit_code, capsys.readouterr().err, (folder / "output" / "failure").read_text("utf-8")


def test_a_job_that_returns_has_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_reported(lambda: None, FailureReport(tmp_path / "failure")) == 0
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_results_of_an_earlier_run_are_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = tuple(tmp_path / folder / "result" for folder in ("model", "data", "none"))
    for mark in marks[:2]:
        mark.parent.mkdir()
        mark.touch()

    def job() -> None:
        raise DataError("2 problems\na\nb")

    report = FailureReport(tmp_path / "failure", marks)
    assert run_reported(job, report) == 1
    assert capsys.readouterr().err == "2 problems\n"
    note = f"What is in {tmp_path}/data and {tmp_path}/model is from an earlier run."
    assert report.read() == f"2 problems\n{note}\na\nb\n"


def test_a_job_alone_clears_the_failure_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    failure = tmp_path / "output" / "failure"
    failure.write_text("old")
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert run_alone(environ, lambda report: int(report.file.exists())) == 0


def test_a_second_job_is_refused_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "output").mkdir()
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}

    def first(report: FailureReport) -> int:
        report.file.write_text("the first one's")
        assert run_alone(environ, lambda _: pytest.fail("the second one has run")) == 1
        assert report.read() == "the first one's"
        return 0

    assert run_alone(environ, first) == 0
    assert capsys.readouterr().err == (
        f"another job is at work on {tmp_path}: wait for its end, or give this one a base "
        "directory of its own (SAGEMAKER_BASE_DIR)\n"
    )
    assert run_alone(environ, lambda _: 0) == 0


@pytest.mark.parametrize("known", [False, True])
def test_no_memory_behind_another_error_is_told(
    known: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = PackageError("x cannot be loaded")
    error.__cause__ = ImportError("x.so: failed to map segment from shared object")
    if not known:
        error.__cause__ = None

    def job() -> None:
        raise error

    run_reported(job, FailureReport(tmp_path / "failure"))
    cause = f"{OUT_OF_MEMORY}\n" if known else "x cannot be loaded\n"
    assert capsys.readouterr().err == cause


def test_a_fault_of_the_user_is_its_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = DataError("2 problems: a; b\na\nb")
    assert run(error, tmp_path, capsys) == (1, "2 problems: a; b\n", "2 problems: a; b\na\nb\n")


def test_a_fault_of_ours_is_one_line_and_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    exit_code, stderr, failure = run(KeyError("a\n b"), tmp_path, capsys)
    assert exit_code == 1
    assert stderr == "internal error: KeyError: 'a\\n b'\n"
    assert failure.startswith(f"{stderr}Traceback (most recent call last):\n")
    assert failure.endswith("KeyError: 'a\\n b'\n")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (MemoryError(), "the job ran out of memory: use a larger machine"),
        (RuntimeError("can't start new thread"), "the job ran out of memory: "),
        (ValueError("std::bad_alloc"), "the job ran out of memory: "),
        (OSError(errno.ENOSPC, "No space", "/opt/ml/model/x"), "the disk is full: /opt/ml/model/x"),
        (OSError(errno.ENOSPC, "No space"), "the disk is full (No space)"),
        (OSError(errno.EROFS, "Read-only", "/m"), "a folder that must be written is read-only: /m"),
        (FileExistsError(errno.EEXIST, "File exists", "/m"), "a folder is needed where there is a"),
    ],
)
def test_what_the_machine_refuses_needs_no_traceback(
    error: Exception, cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, stderr, failure = run(error, tmp_path, capsys)
    assert exit_code == 1
    assert stderr.startswith(cause)
    assert failure == stderr


def test_a_long_cause_is_cut_to_what_the_platform_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, stderr, failure = run(DataError("x" * 2000), tmp_path, capsys)
    assert failure == stderr == "x" * 1020 + " ...\n"


def test_a_cause_that_is_no_unicode_is_written_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, failure = run(DataError("train/\udcff.csv"), tmp_path, capsys)
    assert failure == "train/\\udcff.csv\n"


def test_without_a_failure_file_the_line_is_still_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def job() -> None:
        raise DataError("no rows")

    (tmp_path / "output").touch()
    assert run_reported(job, FailureReport(tmp_path / "output" / "failure")) == 1
    assert capsys.readouterr().err == "no rows\n"
    assert "output/failure cannot be written" in caplog.text


def test_being_stopped_from_outside_is_no_failure(tmp_path: Path) -> None:
    def job() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_reported(job, FailureReport(tmp_path / "failure"))
    assert list(tmp_path.iterdir()) == []
