"""The job on a real table: AI4I 2020, 10,000 machines, one task of failure and four kinds of it."""

from pathlib import Path

import numpy as np
import pytest
from jobs import ROOT, metrics, run_job
from trees import write_hyperparameters

from examples import ai4i2020

CSV = ROOT.parent / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"


@pytest.mark.skipif(not CSV.exists(), reason=f"the AI4I 2020 table is not there: {CSV}")
def test_mean_test_scores_of_three_random_splits(tmp_path: Path) -> None:
    aucs, precisions = [], []
    for seed in range(3):
        base = tmp_path / str(seed)
        ai4i2020.write_tree(CSV, base, seed)
        # One thread, because tests share the cores; the number does not change the model.
        write_hyperparameters(base, {**ai4i2020.hyperparameters(seed=seed), "num_threads": 1})
        run_job(base)
        aggregate = metrics(base, "test")["aggregate"]
        aucs.append(aggregate["mean_auc_roc"])
        precisions.append(aggregate["mean_average_precision"])
    assert np.mean(aucs) >= 0.985, f"AUC by split: {aucs}"
    assert np.mean(precisions) >= 0.70, f"average precision by split: {precisions}"
