"""The program that measures the server runs; what it prints of a tiny model means nothing."""

import importlib.util
import sys
from pathlib import Path

import pytest
from jobs import ROOT

from benchmarks.timing import run_process


@pytest.mark.long
@pytest.mark.skipif(
    importlib.util.find_spec("flask") is None,
    reason="the server by hand needs Flask: requirements-bench.txt",
)
def test_the_server_is_measured_beside_one_by_hand(tmp_path: Path) -> None:
    options = ["--sections", "server", "--quick", "--workdir", str(tmp_path)]
    run = run_process([sys.executable, "-m", "benchmarks.scoring", *options], ROOT)
    rows = [line for _, line in run.lines if line.startswith("| 3 |")]
    assert len(rows) == 5
    assert "one row of JSON, p50" in rows[0]
    assert "errors: 0 and 0" in rows[-1]
