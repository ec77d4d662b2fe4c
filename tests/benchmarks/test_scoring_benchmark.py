"""The benchmark of scoring, on tables too small to measure anything."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import ROOT


def run(*options: str) -> list[str]:
    """Runs the program; the rows of its table."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring", "--quick", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [line for line in finished.stdout.splitlines() if line.startswith("|")][2:]


@pytest.mark.long
def test_batch_and_the_script_by_hand_do_the_same(tmp_path: Path) -> None:
    table = run("--sections", "batch", "--workdir", str(tmp_path))
    assert len(table) == 4
    assert all("batch, " in line for line in table)
    assert len(pd.read_parquet(tmp_path / "scored-parquet" / "predictions.parquet")) == 50_000
    ours = pd.read_csv(tmp_path / "scored" / "predictions.csv")
    by_hand = pd.read_csv(tmp_path / "scored-by-hand" / "predictions.csv")
    assert list(ours.columns) == list(by_hand.columns)
    assert len(ours) == len(by_hand) == 20_000
    for name in ours.columns[-3:]:
        np.testing.assert_allclose(ours[name], by_hand[name], atol=1e-6)


@pytest.mark.long
def test_both_servers_answer() -> None:
    """The program ends with an error if one of them refuses the demo's rows."""
    pytest.importorskip("flask")
    table = run("--sections", "server")
    assert len(table) == 5
    assert "errors: 0 and 0" in table[-1]
