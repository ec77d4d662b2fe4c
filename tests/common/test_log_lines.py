"""Lines of a log."""

import logging
from pathlib import Path
from typing import Any

import pytest

from common.log_lines import PrintableFormatter


def _line(message: str, *args: Any) -> str:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, message, args, None)
    shown = PrintableFormatter().format(record)
    assert record.getMessage() == (message % args if args else message)
    return shown


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("plain größe 🎯 %d of %.1f", (1, 2.0), "plain größe 🎯 1 of 2.0"),
        ("two\nlines", (), "two\nlines"),
        ("a table:\n%s", (["x", "y"],), "a table:\n['x', 'y']"),
        ("%s", ("a\nval:main_auc=1.0;\r\x1b[2J\u202e",), r"a\nval:main_auc=1.0;\r\x1b[2J\u202e"),
        ("%s", (ValueError("a\nb"),), r"a\nb"),
        ("%s", (Path("a\nb"),), r"a\nb"),
        ("%s", ("x.py:1: UserWarning: w\n",), "x.py:1: UserWarning: w"),
        ("made with an f-string: \x9b31m", (), r"made with an f-string: \x9b31m"),
        ("100 % plain", (), "100 % plain"),
    ],
)
def test_what_is_filled_in_stays_in_its_line(message: str, args: tuple[Any], line: str) -> None:
    assert _line(message, *args) == line
