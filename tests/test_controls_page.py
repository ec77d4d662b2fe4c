"""docs/controls.md: its jobs run, and its recipes show what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import booster, job_environment, run_job
from recipes import ROOT, recipes

from benchmarks.controls_data import applications
from examples.tree import write_splits

PAGE = "docs/controls.md"
JOBS: list[dict[str, Any]] = [json.loads(text) for text in recipes(PAGE, "json")]
QUICK = {"num_iterations": 10, "num_leaves": 7, "num_threads": 1}


def job_of(control: str) -> dict[str, Any]:
    """The first job of the page that uses a control."""
    return next(values for values in JOBS if control in values) | QUICK


def splits(seed: int = 0) -> dict[str, pd.DataFrame]:
    rows = applications(900, seed).rows
    rows["region"] = np.random.default_rng(seed).choice(["north", "south"], len(rows))
    return {"train": rows[:500], "val": rows[500:700], "test": rows[700:]}


def run(base: Path, values: dict[str, Any], seed: int = 0) -> Path:
    write_splits(base, splits(seed), values)
    run_job(base)
    return base


@pytest.mark.parametrize("number", range(len(JOBS)))
def test_every_job_of_the_page_runs(number: int, tmp_path: Path) -> None:
    run(tmp_path, JOBS[number] | QUICK)


def test_the_page_shows_how_to_check_a_constraint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe,) = recipes(PAGE, "python")
    bound = run(tmp_path / "bound", job_of("monotone_constraints") | {"num_leaves": 15})
    monkeypatch.chdir(bound)
    exec(recipe, {})  # noqa: S102 - our own page
    assert "income never raises the risk of default, late, write_off" in capsys.readouterr().out
    free = job_of("monotone_constraints") | {"num_leaves": 15, "monotone_constraints": None}
    monkeypatch.chdir(run(tmp_path / "free", free))
    with pytest.raises(AssertionError):
        exec(recipe, {})  # noqa: S102


def test_the_page_shows_how_to_go_on_from_a_model(tmp_path: Path) -> None:
    values = job_of("task_base_rates") | {"task_base_rates": None}
    first = run(tmp_path / "first", values)
    write_splits(tmp_path / "opt_ml", splits(1), values)
    (recipe,) = recipes(PAGE, "sh")
    environ = job_environment(tmp_path, CHECKOUT=str(ROOT))
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    subprocess.run(["bash", "-ec", recipe], cwd=tmp_path, env=environ, check=True, timeout=300)
    assert booster(first).current_iteration() == 10
    assert booster(tmp_path / "opt_ml").current_iteration() == 20
