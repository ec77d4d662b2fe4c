"""Constraints and an initial model in a job of several hosts."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from host_jobs import host_job
from jobs import booster, model_file, run_job
from trees import hyperparameters, make_splits, write_tree

KNOBS: dict[str, Any] = {
    "monotone_constraints": {"isFraud": {"amount": 1, "age": -1}, "isDebit": {"balance": -1}},
    "num_leaves": 15,
    "min_data_in_leaf": 5,
}


def test_constraints_hold_for_the_old_trees_and_those_of_all_hosts(tmp_path: Path) -> None:
    first = write_tree(tmp_path / "first", make_splits(400), hyperparameters(**KNOBS))
    run_job(first)

    def channel(base: Path, host: int) -> None:
        if host == 0:
            shutil.copytree(first / "model", base / "input" / "data" / "model")

    job = host_job(
        tmp_path / "hosts",
        splits=make_splits(600, seed=5),
        ending="csv",
        n_files=2,
        sharded=("train", "val"),
        change=channel,
        **KNOBS,
    )
    base = job.run_well().base()
    old, found = booster(first), booster(base)
    assert found.current_iteration() == old.current_iteration() + 10
    trees = model_file(first).read_text().split("\nTree=0\n")[1].split("end of trees")[0]
    assert trees in model_file(base).read_text()
    names = found.feature_name()
    train = make_splits(600, seed=5)["train"]
    rng = np.random.default_rng(0)
    for task, feature, direction in ((0, "amount", 1), (0, "age", -1), (2, "balance", -1)):
        grid = np.unique(train[feature].dropna().to_numpy(np.float64))
        rows = np.zeros((20 * len(grid), len(names)))
        for index, name in enumerate(names):
            known = train[name].dropna() if name in ("amount", "age", "balance") else [0.1, 0.5]
            rows[:, index] = np.repeat(rng.choice(np.asarray(known, float), 20), len(grid))
        rows[:, names.index(feature)] = np.tile(grid, 20)
        scores = found.predict(rows, raw_score=True)[:, task].reshape(20, len(grid))
        assert (np.diff(scores, axis=1) * direction >= 0).all(), feature
