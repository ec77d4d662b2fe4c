"""What a job of several hosts gives on a real amount of rows, against the same job on one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from host_jobs import HostJob, host_job
from jobs import booster, metrics, model_json, predictions, run_job
from recipes import recipes
from trees import NUMERICAL, hyperparameters, make_splits, write_tree

N_ROWS, N_FEATURES, N_TASKS = 60_000, 30, 5
FEATURES = [f"f{number}" for number in range(N_FEATURES)]
TASKS = [f"task_{number}" for number in range(N_TASKS)]
KEYS = [f"task_{number}_{task}" for number, task in enumerate(TASKS)]
KNOBS: dict[str, Any] = {
    "tab_field_list": FEATURES,
    "cat_field_list": [],
    "label_name": TASKS[0],
    "task_label_names": TASKS,
    "loss_type": "adaptive",
    "num_leaves": 31,
    "use_quantized_grad": False,  # several hosts do not quantize
}
BOUNDED_BY_HESSIANS: dict[str, Any] = json.loads(recipes("docs/hosts.md", "json")[1])


def related_tasks(n_rows: int, seed: int) -> pd.DataFrame:
    """Numbers, of which a tenth are missing in two columns, and tasks that share features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    shared = x[:, 0] + x[:, 1] * x[:, 2]
    table = pd.DataFrame(x, columns=FEATURES)
    for number, task in enumerate(TASKS):
        own = x[:, 3 + number] + np.abs(x[:, 8 + number])
        table[task] = (shared + own + rng.logistic(size=n_rows) > 3).astype(np.int8)
    for name in FEATURES[:2]:
        table[name] = table[name].mask(rng.random(n_rows) < 0.1)
    table.insert(0, "id", np.arange(n_rows))
    return table


def many_rows(seed: int) -> dict[str, pd.DataFrame]:
    """The splits of a table."""
    ends = [0, N_ROWS, N_ROWS + N_ROWS // 4, N_ROWS + N_ROWS // 4 + 500]
    table = related_tasks(ends[-1], seed)
    names = ("train", "val", "test")
    return {name: table[ends[i] : ends[i + 1]] for i, name in enumerate(names)}


def both(folder: Path, splits: dict[str, pd.DataFrame], **knobs: Any) -> tuple[HostJob, Path]:
    """The same job on two hosts, with two files each of train and val, and on one."""
    job = host_job(
        folder,
        splits=splits,
        ending="parquet",
        n_files=4,
        sharded=("train", "val"),
        **knobs,
    ).run_well()
    one = write_tree(folder / "one", splits, hyperparameters(**knobs), "parquet")
    run_job(one)
    return job, one


def assert_same_splits(found: Path, expected: Path) -> None:
    """All trees have the same features and thresholds, and values that differ by rounding."""
    trees = [booster(base).trees_to_dataframe() for base in (found, expected)]
    columns = ["node_index", "split_feature", "threshold", "count"]
    pd.testing.assert_frame_equal(trees[0][columns], trees[1][columns])
    np.testing.assert_allclose(trees[0]["value"], trees[1]["value"], rtol=1e-4, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_rows_give_as_good_a_model_as_on_one_host(tmp_path: Path, seed: int) -> None:
    splits = many_rows(seed)
    job, one = both(tmp_path, splits, num_iterations=100, seed=seed, **KNOBS)

    found, expected = (metrics(base, "val")["aggregate"] for base in (job.base(), one))
    assert found["mean_auc_roc"] == pytest.approx(expected["mean_auc_roc"], abs=0.002)
    log_losses = [
        np.mean([metrics(base, "val")[key]["log_loss"] for key in KEYS])
        for base in (job.base(), one)
    ]
    assert log_losses[0] == pytest.approx(log_losses[1], rel=0.005)
    impute = [pd.read_pickle(base / "model" / "impute_dict.pkl") for base in (job.base(), one)]
    assert impute[0] == pytest.approx(impute[1], rel=1e-12)
    weights = [model_json(base, "weight_evolution.json") for base in (job.base(), one)]
    assert np.ptp(weights[1], axis=0).max() > 0.01  # there is something to agree on
    # Leaves of about min_data_in_leaf rows are estimated: some splits differ, and what follows.
    np.testing.assert_allclose(weights[0], weights[1], atol=5e-3)

    probs = predictions(job.base(), "test")[[f"{task}_prob" for task in TASKS]]
    features = splits["test"][FEATURES].fillna(impute[0]).to_numpy(np.float32)
    np.testing.assert_allclose(probs, booster(job.base()).predict(features), atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_leaves_bounded_by_hessians_are_those_of_one_host(tmp_path: Path, seed: int) -> None:
    knobs = KNOBS | {"num_iterations": 100, "seed": seed} | BOUNDED_BY_HESSIANS
    job, one = both(tmp_path, many_rows(seed), **knobs)
    assert_same_splits(job.base(), one)
    weights = [model_json(base, "weight_evolution.json") for base in (job.base(), one)]
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-6)


def test_leaves_bounded_by_hessians_are_those_of_one_host_with_fewer_features_than_hosts(
    tmp_path: Path,
) -> None:
    """The hosts share out the making of bins by feature."""
    knobs: dict[str, Any] = {
        "tab_field_list": NUMERICAL[:1],
        "cat_field_list": [],
        "loss_type": "adaptive",
        **BOUNDED_BY_HESSIANS,
    }
    one = write_tree(tmp_path / "one", make_splits(), hyperparameters(**knobs))
    run_job(one)
    assert_same_splits(host_job(tmp_path, 3, **knobs).run_well().base(), one)


@pytest.mark.long
def test_base_rates_are_those_of_one_host(tmp_path: Path) -> None:
    table = related_tasks(3_000, 4)
    splits = {"train": table[:1999], "val": table[1999:2600], "test": table[2600:]}
    # No split is worth it: what is predicted are the base rates.
    job, one = both(tmp_path, splits, min_gain_to_split=1e9, **KNOBS)
    found, expected = (predictions(base, "test") for base in (job.base(), one))
    for task in TASKS:
        np.testing.assert_allclose(found[f"{task}_prob"], expected[f"{task}_prob"], rtol=1e-12)
        assert expected[f"{task}_prob"][0] == pytest.approx(table[task][:1999].mean(), rel=1e-9)
