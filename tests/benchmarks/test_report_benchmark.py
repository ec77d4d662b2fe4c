"""The program that times the report runs, and times every part."""

import sys

import pytest

from benchmarks import report
from benchmarks.report_job import PARTS


@pytest.mark.long
def test_every_part_of_the_report_is_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "--quick", "--runs", "1"])
    report.main()
    table = capsys.readouterr().out
    for part, _, _ in PARTS:
        assert f"10,000 x 34, 3 tasks: {part} |" in table
    assert "**no**" not in table, "targets are for other sizes"
