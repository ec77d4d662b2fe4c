"""The files by which a pipeline sees how a batch step has ended."""

from datetime import UTC, datetime
from pathlib import Path

from processing.writing.atomic import remove_partial_files, write_text
from scoring.batch.places import FAILURE
from scoring.batch.settings import FORMATS

SUCCESS, HEALTH = "_SUCCESS", "_HEALTH"


def start_output(folder: Path) -> None:
    """Make the folder ready: no marker of an earlier run stays, its predictions do until the end.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for marker in (SUCCESS, HEALTH, FAILURE):
        (folder / marker).unlink(missing_ok=True)
    remove_partial_files(folder)


def predictions_file(folder: Path, output_format: str) -> Path:
    """Where the predictions go."""
    return folder / f"predictions.{output_format}"


def mark_success(folder: Path, output_format: str) -> None:
    """Say that the predictions are there; those of an earlier run in another format go.

    Raises:
        OSError: the folder cannot be written.
    """
    for other in FORMATS:
        if other != output_format:
            predictions_file(folder, other).unlink(missing_ok=True)
    write_text(folder / HEALTH, f"healthy: {datetime.now(UTC).isoformat(timespec='seconds')}\n")
    write_text(folder / SUCCESS, "")
