"""How long a job keeps the table of its training rows."""

import gc
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd
import pytest
from jobs import run_job
from trees import MAIN_TASK, hyperparameters, make_splits, write_tree

N_ROWS = 777


def training_tables() -> int:
    """Tables of so many rows that somebody holds; a sample of the features has no labels."""
    gc.collect()
    found = [thing for thing in gc.get_objects() if isinstance(thing, pd.DataFrame)]
    return sum(len(table) == N_ROWS and MAIN_TASK in table for table in found)


def test_the_table_goes_once_it_is_binned_unless_there_are_trees_to_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    started = lgb.Booster.__init__

    def start(self: lgb.Booster, *args: Any, **kwargs: Any) -> None:
        """Looks around when training starts: it is then that LightGBM copies the bins."""
        if len(args) > 1:
            held.append(training_tables())
        started(self, *args, **kwargs)

    base = write_tree(tmp_path, make_splits(N_ROWS), hyperparameters())
    (base / "checkpoints").mkdir()
    monkeypatch.setattr(lgb.Booster, "__init__", start)
    run_job(base)
    run_job(base)  # goes on from the checkpoint of the first
    assert held == [0, 1]
