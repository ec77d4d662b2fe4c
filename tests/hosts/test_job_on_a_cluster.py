"""A job on a Dask cluster that is there already."""

from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster
from jobs import predictions, run_script
from trees import TASKS, hyperparameters, make_splits, write_tree


@pytest.mark.long
def test_the_workers_of_a_cluster_train_the_model_of_one_host(tmp_path: Path) -> None:
    """Twice on the same workers: they leave LightGBM's network at the end of a job."""
    knobs = {"cat_field_list": [], "use_quantized_grad": False}
    trees = [
        write_tree(tmp_path / name, make_splits(), hyperparameters(**knobs))
        for name in ("cluster", "again", "one")
    ]
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster:
        address = cluster.scheduler_address
        for base in trees[:2]:
            done = run_script(base, DASK_SCHEDULER_ADDRESS=address)
            assert done.returncode == 0, done.stderr + done.stdout
    assert "on 2 workers" in done.stdout
    assert run_script(trees[2]).returncode == 0
    for split in ("val", "test"):
        first, again, one = (predictions(base, split) for base in trees)
        assert first.equals(again)
        assert first["id"].tolist() == one["id"].tolist()
        for task in TASKS:
            assert np.corrcoef(first[f"{task}_prob"], one[f"{task}_prob"])[0, 1] > 0.999
