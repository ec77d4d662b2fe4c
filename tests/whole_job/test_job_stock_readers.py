"""Who has the model directory needs nothing of this project: stock readers give the same."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from jobs import ROOT, booster, run_job
from prepared_rows import write_prepared_rows
from trees import FORMATS, TASKS, hyperparameters, make_splits, write_tree


def outsider(base: Path, *args: str) -> dict[str, float]:
    """Largest difference to the predictions, by split; with `--tools` also by tool."""
    with tempfile.TemporaryDirectory() as folder:
        write_prepared_rows(base, Path(folder))
        done = subprocess.run(
            [sys.executable, "-I", str(ROOT / "tests" / "outsider.py"), str(base), folder, *args],
            cwd=base,
            capture_output=True,
            text=True,
            check=True,
        )
    differences: dict[str, float] = json.loads(done.stdout)
    return differences


def splits_with_unseen_categories() -> dict[str, pd.DataFrame]:
    splits = make_splits(400)
    codes = {"web": 1, "app": 2}
    for name, table in splits.items():
        numbers = table["channel"].map(codes).astype("float64")
        splits[name] = table.assign(channel=numbers.where(table["age"] > 100))
    test = splits["test"]
    splits["test"] = test.assign(country=test["country"].replace({"FR": "XX"}))
    return splits


@pytest.mark.parametrize(
    ("ending", "risk_tables"), [*((ending, "main") for ending in FORMATS), ("csv", "per_task")]
)
def test_stock_lightgbm_predicts_the_same_from_prepared_rows(
    tmp_path: Path, ending: str, risk_tables: str
) -> None:
    knobs = hyperparameters(
        num_iterations=30, num_leaves=15, bagging_fraction=0.8, risk_tables=risk_tables
    )
    run_job(write_tree(tmp_path, splits_with_unseen_categories(), knobs, ending))
    differences = outsider(tmp_path)
    assert set(differences) == {"val", "test"}
    assert max(differences.values()) < 1e-6


def test_numbers_halfway_between_training_values_go_the_same_way(tmp_path: Path) -> None:
    # Where LightGBM puts its thresholds: those who score have 34.8, the job has its float32.
    splits = make_splits(600)
    for name, table in splits.items():
        tenths = 2 * (table["age"] // 10) + (1 if name == "train" else 0)
        splits[name] = table.assign(age=tenths / 10, balance=-tenths / 1000)
    knobs = hyperparameters(num_iterations=30, num_leaves=31, min_data_in_leaf=1)
    run_job(write_tree(tmp_path, splits, knobs))
    assert max(outsider(tmp_path).values()) < 1e-6


def test_treelite_and_shap_read_the_file_and_agree(finished_job: Path) -> None:
    differences = outsider(finished_job, "--tools")
    assert len(differences) == 7
    assert max(differences.values()) < 1e-6


def test_all_trees_of_an_iteration_share_their_structure(finished_job: Path) -> None:
    trees = booster(finished_job).dump_model()["tree_info"]
    assert len(trees) == 10 * len(TASKS)

    def structure(node: dict[str, object]) -> object:
        if "split_feature" not in node:
            return node["leaf_count"]
        left, right = node["left_child"], node["right_child"]
        assert isinstance(left, dict)
        assert isinstance(right, dict)
        return node["split_feature"], node["threshold"], structure(left), structure(right)

    structures = [structure(tree["tree_structure"]) for tree in trees]
    for first in range(0, len(trees), len(TASKS)):
        assert structures[first] == structures[first + 1] == structures[first + 2]
    assert len({str(shape) for shape in structures}) == 10
