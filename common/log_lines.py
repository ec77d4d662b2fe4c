"""Lines of a log that nothing in a name or a value can forge, and that every terminal can take."""

import copy
import io
import logging
import sys
from typing import TextIO

from common.messages import printable


class PrintableFormatter(logging.Formatter):
    r"""Writes the message of a record alone, without control characters.

    Line breaks of the message itself stay; in the texts that are filled into it they are written
    as `\n`, because these come from data, files and other libraries.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        shown = copy.copy(record)
        if isinstance(record.args, tuple):
            shown.args = tuple(_one_line(value) for value in record.args)
        lines = super().format(shown).split("\n")
        return "\n".join(printable(line) for line in lines)


def _one_line(value: object) -> object:
    # Tables and the like are made by the program, and may have several lines.
    if isinstance(value, str | BaseException) or hasattr(value, "__fspath__"):
        return str(value).rstrip("\n").replace("\n", "\\n")
    return value


def log_to_stdout(handler: "logging.StreamHandler[TextIO] | None" = None) -> None:
    """Sets up the log of a program on its standard output, unless the process has one.

    Characters that the output's encoding lacks, such as an emoji in ASCII, are written escaped.

    Args:
        handler: writes to the standard output; None: a plain one.
    """
    writer = logging.StreamHandler(sys.stdout) if handler is None else handler
    if isinstance(writer.stream, io.TextIOWrapper):
        writer.stream.reconfigure(errors="backslashreplace")
    writer.setFormatter(PrintableFormatter())
    logging.basicConfig(handlers=[writer], level=logging.INFO)
    # On a new machine matplotlib would announce in the log that it has built its font cache.
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
