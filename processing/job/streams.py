"""The standard streams of a job, which may be closed or lose their reader without harm."""

import logging
import os
import sys
from typing import TextIO


def open_standard_streams() -> None:
    """Lets closed standard streams lead nowhere.

    With `>&-` the next file that is opened would become the standard output, and what a library
    prints would end up in it; `sys.stdout` would be None.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)


def _writer(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes the log; when nobody can read it any more, the job goes on without."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A reader that has gone or a full disk ends the log and not the job."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)
            return
        _lead_nowhere(self.stream)


def say(line: str, stream: TextIO | None = None) -> None:
    """Writes the one line on the standard error; without a reader it is in the failure file."""
    for writer, text in ((sys.stdout, ""), (stream or sys.stderr, f"{line}\n")):
        try:
            writer.write(text)
            writer.flush()
        except OSError:
            _lead_nowhere(writer)


def _lead_nowhere(stream: TextIO) -> None:
    """Let what a stream still holds go, or it would be an error when the process ends."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), stream.fileno())
