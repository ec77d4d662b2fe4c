"""The whole job on several hosts, against the same job on one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from host_jobs import HostJob, host_job
from jobs import (
    ROOT,
    booster,
    job_environment,
    metrics,
    model_file,
    model_json,
    predictions,
    run_job,
)
from trees import NUMERICAL, TASKS, hyperparameters, make_splits, write_tree

N_ROWS = 1200
# What every host needs to be told apart from one: samples of rows and features, unknown labels.
KNOBS: dict[str, Any] = {
    "loss_type": "adaptive_kd",
    "loss_patience": 1,
    "eval_frequency": 2,
    "bagging_fraction": 0.8,
    "feature_fraction": 0.7,
    "missing_labels": "mask",
    "sample_weight_name": "w",
    "early_stopping_rounds": 20,
    "checkpoint_frequency": 4,
    "loss_weight_update_frequency": 3,
}


def masked_splits() -> dict[str, pd.DataFrame]:
    """Tables with weights and unknown labels, in two classes of rows that are far apart."""
    rng = np.random.default_rng(7)
    splits = {}
    for name, table in make_splits(N_ROWS).items():
        weighted = table.assign(w=np.round(rng.random(len(table)) * 2 + 0.1, 2))
        weighted["isCard"] = weighted["isCard"].astype(float).mask(rng.random(len(table)) < 0.3)
        splits[name] = weighted
    return splits


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> HostJob:
    """A finished job of two hosts with Parquet files of their own, and checkpoints."""

    def checkpoints(base: Path, host: int) -> None:
        (base / "checkpoints").mkdir()
        del host

    job = host_job(
        tmp_path_factory.mktemp("sharded"),
        splits=masked_splits(),
        ending="parquet",
        n_files=3,
        sharded=("train", "val"),
        change=checkpoints,
        **KNOBS,
    )
    return job.run_well()


@pytest.fixture(scope="module")
def one_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same job on one host."""
    base = write_tree(
        tmp_path_factory.mktemp("one"), masked_splits(), hyperparameters(**KNOBS), "parquet"
    )
    run_job(base)
    return base


def test_only_the_first_host_writes_results(sharded: HostJob) -> None:
    assert model_file(sharded.base(0)).exists()
    assert {path.name for path in (sharded.base(0) / "output" / "data").iterdir()} == {
        path.name for path in (sharded.base(0) / "output" / "data").glob("*")
    }
    other = sharded.base(1)
    assert not [path for path in (other / "model").glob("**/*") if path.is_file()]
    assert not [path for path in (other / "output").glob("**/*") if path.is_file()]
    assert not list((other / "checkpoints").iterdir())


def test_what_is_counted_is_the_same_as_on_one_host(sharded: HostJob, one_host: Path) -> None:
    impute_found = pd.read_pickle(sharded.base() / "model" / "impute_dict.pkl")
    impute_expected = pd.read_pickle(one_host / "model" / "impute_dict.pkl")
    assert list(impute_found) == NUMERICAL
    for name in NUMERICAL:
        assert impute_found[name] == pytest.approx(impute_expected[name], rel=1e-12)
    tables_found = pd.read_pickle(sharded.base() / "model" / "risk_table_map.pkl")
    tables_expected = pd.read_pickle(one_host / "model" / "risk_table_map.pkl")
    for column, table in tables_expected.items():
        assert tables_found[column]["default_bin"] == pytest.approx(table["default_bin"], rel=1e-12)
        assert tables_found[column]["bins"] == pytest.approx(table["bins"], rel=1e-12)


@pytest.mark.parametrize("split", ["val", "test"])
def test_predictions_are_of_the_rows_in_order_and_those_of_stock_lightgbm(
    sharded: HostJob, split: str
) -> None:
    table = masked_splits()[split]
    found = predictions(sharded.base(), split)
    assert found["id"].tolist() == table["id"].tolist()
    np.testing.assert_array_equal(found["isFraud_true"], table["isFraud"])
    np.testing.assert_array_equal(found["isCard_true"], table["isCard"])
    model = lgb.Booster(model_file=str(model_file(sharded.base())))
    impute = pd.read_pickle(sharded.base() / "model" / "impute_dict.pkl")
    risks = pd.read_pickle(sharded.base() / "model" / "risk_table_map.pkl")
    features = table[NUMERICAL].fillna(impute)
    for column, risk in risks.items():
        features[column] = table[column].map(risk["bins"]).fillna(risk["default_bin"])
    expected = model.predict(features.to_numpy(np.float32))
    np.testing.assert_allclose(found[[f"{task}_prob" for task in TASKS]], expected, atol=1e-6)


def test_leaf_counts_are_exact(sharded: HostJob) -> None:
    n_rows = len(masked_splits()["train"])
    trees = booster(sharded.base()).dump_model()["tree_info"]
    roots = [tree["tree_structure"] for tree in trees]
    assert {root["internal_count"] for root in roots if "internal_count" in root} == {n_rows}


def test_the_same_hosts_and_data_give_the_same_bytes_also_from_a_checkpoint(
    sharded: HostJob,
) -> None:
    model = model_file(sharded.base()).read_bytes()
    saved = sorted((sharded.base() / "checkpoints").iterdir())
    assert len(saved) == 2
    saved[-1].unlink()
    sharded.clear()
    sharded.run_well(order=(1, 0))
    assert "Going on from a checkpoint after iteration" in sharded.outputs[sharded.names[0]]
    assert model_file(sharded.base()).read_bytes() == model


def test_more_hosts_than_files_share_the_rows_and_train_the_model_of_one(tmp_path: Path) -> None:
    """Three hosts with one CSV file each of train and val, of which all have all.

    What a sum rounds to can differ, and which of two splits that are all but equally good is
    taken, but not what is learned. The folds of risk tables are others, so there are none here.
    """
    knobs: dict[str, Any] = {
        "cat_field_list": [],
        "use_quantized_grad": False,
        "loss_type": "adaptive",
    }
    job = host_job(tmp_path, 3, **knobs).run_well()
    one = write_tree(tmp_path / "one", make_splits(), hyperparameters(**knobs))
    run_job(one)
    assert "train: 600 rows on 3 hosts" in job.outputs[job.names[0]]
    for split in ("val", "test"):
        found, expected = predictions(job.base(), split), predictions(one, split)
        assert found["id"].tolist() == expected["id"].tolist()
        for number, task in enumerate(TASKS):
            assert np.corrcoef(found[f"{task}_prob"], expected[f"{task}_prob"])[0, 1] > 0.999
            key = f"task_{number}_{task}"
            found_auc = metrics(job.base(), split)[key]["auc_roc"]
            assert found_auc == pytest.approx(metrics(one, split)[key]["auc_roc"], abs=0.005)
    np.testing.assert_allclose(
        model_json(job.base(), "weight_evolution.json"),
        model_json(one, "weight_evolution.json"),
        atol=1e-3,
    )


def test_faults_of_all_hosts_are_told_on_every_host(tmp_path: Path) -> None:
    def spoil(base: Path, host: int) -> None:
        file = next((base / "input" / "data" / "train").iterdir())
        lines = file.read_text().splitlines()
        fields = lines[3].split(",")
        fields[6 + host] = "7"
        lines[3] = ",".join(fields)
        file.write_text("\n".join(lines) + "\n")

    job = host_job(tmp_path, n_files=2, sharded=("train",), change=spoil)
    assert job.run() == [1, 1]
    failures = job.failures()
    assert failures[0] == failures[1]
    for host, task in enumerate(TASKS[:2]):
        assert f"on {job.names[host]}: train: wanted labels 0 or 1" in failures[0]
        assert (
            f"'{task}': 1 other values ('7' 1 times, first in train/part-{host}.csv, row 3"
            in (failures[0])
        )


def test_leaves_may_have_any_number_of_rows(tmp_path: Path) -> None:
    """LightGBM estimates a leaf's rows, and ends with a failed check where these are none."""
    job = host_job(tmp_path, min_data_in_leaf=0, num_leaves=31, num_iterations=60)
    job.run_well()
    assert booster(job.base()).current_iteration() == 60


def test_quantized_gradients_are_refused(tmp_path: Path) -> None:
    job = host_job(tmp_path, use_quantized_grad=True)
    assert job.run() == [1, 1]
    assert set(job.failures()) == {
        "use_quantized_grad is true, but LightGBM 4.7 crashes with it on several hosts or stops "
        "after a tree: set it to auto or false, or instance_count to 1"
    }


def test_a_job_of_one_host_imports_nothing_of_it(tmp_path: Path) -> None:
    base = write_tree(tmp_path, make_splits(), hyperparameters(num_iterations=2))
    code = (
        "import os, sys, threading, lightgbmmt_training as job;"
        "job.run_job(os.environ, threading.Event());"
        "sys.exit(bool({'dask', 'distributed', 'hosts'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=job_environment(base), check=False)
    assert done.returncode == 0
