"""Every key of the files that programs read is named in the docs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs import ROOT, members
from report_cases import CASES, run_case

NAMED = set(re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs" / "report.md").read_text()))


@pytest.fixture(scope="module", params=["demo", "masked", "one_class"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert request.param in CASES
    return run_case(request.param, tmp_path_factory.mktemp("keys"))


def task_keys(metrics: dict[str, Any]) -> Iterator[str]:
    """Keys of every task's figures, and those of figures with parts."""
    for name, figures in metrics.items():
        if name.startswith("task_"):
            yield from figures


def test_the_keys_of_metrics_are_named(base: Path) -> None:
    metrics = json.loads(members(base, "val")["val/metrics.json"])
    top = {name for name in metrics if not name.startswith("task_")}
    assert len(metrics) > len(top)
    assert {*top, *task_keys(metrics)} - NAMED == set()
    means = set(metrics["aggregate"]) - {"n_defined_tasks"}
    assert means == {
        f"{kind}_{score}"
        for kind in ("mean", "median")
        for score in ("auc_roc", "average_precision", "f1_score")
    }


def test_the_keys_of_the_state_are_named(base: Path) -> None:
    state = json.loads((base / "model" / "training_state.json").read_text(encoding="utf-8"))
    assert set(state) - NAMED == set()
