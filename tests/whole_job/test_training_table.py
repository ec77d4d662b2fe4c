"""How long a job keeps what it trains with."""

import gc
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd
import pytest
from distributed import LocalCluster
from jobs import run_job
from trees import MAIN_TASK, hyperparameters, make_splits, write_tree

from models.engine.structure import StructureGrower
from models.engine.task_rows import TaskScores

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


def things_of_training() -> list[Any]:
    """Scores, derivatives, bins and what grows trees, as far as somebody holds them."""
    gc.collect()
    kinds = (TaskScores, StructureGrower, lgb.Dataset)
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]


@pytest.mark.parametrize("on_a_cluster", [False, True])
def test_scores_derivatives_and_bins_are_gone_when_rows_are_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, on_a_cluster: bool
) -> None:
    of_others = things_of_training()  # what fixtures of other tests hold
    held: list[int] = []
    predicted = lgb.Booster.predict

    def predict(self: lgb.Booster, *args: Any, **kwargs: Any) -> Any:
        """Looks around whenever the finished model is asked."""
        known = set(map(id, of_others))
        held.append(sum(id(thing) not in known for thing in things_of_training()))
        return predicted(self, *args, **kwargs)

    base = write_tree(tmp_path, make_splits(), hyperparameters())
    monkeypatch.setattr(lgb.Booster, "predict", predict)
    if on_a_cluster:
        # The worker is a thread of this process, so that its objects are to be seen.
        with LocalCluster(
            n_workers=1, processes=False, protocol="tcp", dashboard_address=None
        ) as cluster:
            run_job(base, DASK_SCHEDULER_ADDRESS=cluster.scheduler_address)
    else:
        run_job(base)
    assert held
    assert set(held) == {0}
