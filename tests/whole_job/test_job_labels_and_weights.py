"""Missing labels and row weights, through the whole job."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import metrics, model_file, model_json, predictions, run_job
from sklearn.metrics import log_loss, roc_auc_score
from trees import MAIN_TASK, TASKS, hyperparameters, make_splits, write_tree

NUMBERS = ["a", "b", "c", "d"]


def run(base: Path, splits: dict[str, pd.DataFrame], values: dict[str, Any]) -> Path:
    run_job(write_tree(base, splits, values))
    return base


def model_bytes(base: Path) -> bytes:
    return model_file(base).read_bytes()


def grid_splits(n_rows: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Splits whose features have few values, so that weights do not move the bins."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(0, 12, (2 * n_rows, 4)).astype(float), columns=NUMBERS)
    score = table["a"] - table["b"] * (table["c"] > 5)
    for i, task in enumerate(TASKS):
        noisy = score + i * table["d"] / 4 + rng.normal(0, 3, len(table))
        table[task] = (noisy > 4 + i).astype(int)
    table["weight"] = rng.integers(1, 4, len(table))
    return {"train": table[:n_rows], "val": table[n_rows:]}


@pytest.mark.parametrize("loss_type", ["fixed", "adaptive", "adaptive_kd"])
def test_rows_without_any_label_count_for_nothing(tmp_path: Path, loss_type: str) -> None:
    splits = make_splits(600)
    dropped = np.random.default_rng(1).random(600) < 0.3
    masked = splits["train"].astype(dict.fromkeys(TASKS, "Int64"))
    masked.loc[dropped, TASKS] = pd.NA
    values = hyperparameters(missing_labels="mask", loss_type=loss_type, loss_patience=1)
    run(tmp_path / "masked", {**splits, "train": masked}, values)
    run(tmp_path / "dropped", {**splits, "train": splits["train"][~dropped]}, values)
    assert model_bytes(tmp_path / "masked") == model_bytes(tmp_path / "dropped")


def test_a_masked_label_leaves_its_task_only(tmp_path: Path) -> None:
    splits = make_splits(900)
    masked = {name: df.astype({TASKS[1]: "Int64"}) for name, df in splits.items()}
    rng = np.random.default_rng(2)
    for table in masked.values():
        table.loc[table.index[rng.random(len(table)) < 0.4], TASKS[1]] = pd.NA
    values = hyperparameters(missing_labels="mask", loss_type="adaptive")
    base = run(tmp_path, masked, values)
    found = predictions(base, "val")
    known = masked["val"][TASKS[1]].notna().to_numpy()
    assert (found[f"{TASKS[1]}_true"].notna() == known).all()
    assert found[f"{TASKS[1]}_prob"].notna().all()
    assert found[f"{TASKS[0]}_true"].notna().all()
    of_task = metrics(base, "val")[f"task_1_{TASKS[1]}"]
    assert of_task["n_rows"] == known.sum()
    expected = roc_auc_score(
        masked["val"][TASKS[1]][known].astype(int), found[f"{TASKS[1]}_prob"][known]
    )
    assert of_task["auc_roc"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("loss_type", ["fixed", "adaptive_kd"])
@pytest.mark.parametrize("split_gradient", ["projection", "weighted_sum"])
def test_integer_weights_equal_repeated_rows(
    tmp_path: Path, loss_type: str, split_gradient: str
) -> None:
    splits = grid_splits(3000)
    train = splits["train"]
    repeated = train.loc[train.index.repeat(train["weight"])]
    values = hyperparameters(
        tab_field_list=NUMBERS,
        cat_field_list=[],
        loss_type=loss_type,
        loss_split_gradient=split_gradient,
        loss_weight_lr=0.0,
        # LightGBM counts rows by their hessian, in units of the mean one.
        min_data_in_leaf=0,
        use_quantized_grad=False,
        num_iterations=30,
    )
    run(tmp_path / "weighted", splits, {**values, "sample_weight_name": "weight"})
    run(tmp_path / "repeated", {**splits, "train": repeated}, values)
    weighted = predictions(tmp_path / "weighted", "val")
    plain = predictions(tmp_path / "repeated", "val")
    for task in TASKS:
        np.testing.assert_allclose(weighted[f"{task}_prob"], plain[f"{task}_prob"], atol=1e-6)


def test_weights_count_in_the_validation_metrics(tmp_path: Path) -> None:
    splits = grid_splits(1000)
    values = hyperparameters(
        tab_field_list=NUMBERS,
        cat_field_list=[],
        sample_weight_name="weight",
        num_iterations=10,
        eval_frequency=10,
    )
    base = run(tmp_path, splits, values)
    found, val = predictions(base, "val"), splits["val"]
    reported = metrics(base, "val")
    state = model_json(base, "training_state.json")
    losses = []
    for i, task in enumerate(TASKS):
        prob = found[f"{task}_prob"]
        auc = roc_auc_score(val[task], prob, sample_weight=val["weight"])
        losses.append(log_loss(val[task], prob, sample_weight=val["weight"]))
        assert reported[f"task_{i}_{task}"]["auc_roc"] == pytest.approx(auc, abs=1e-12)
        assert reported[f"task_{i}_{task}"]["log_loss"] == pytest.approx(losses[-1], abs=1e-9)
        assert state["task_performances"][str(i)] == [pytest.approx(auc, abs=1e-9)]
    assert state["mean_loglosses"] == [pytest.approx(np.mean(losses), abs=1e-9)]


def test_a_task_weight_column_weighs_its_task_only(tmp_path: Path) -> None:
    """A task weight of 0 masks the row for this task: the same model as with an empty label."""
    splits = grid_splits(1000)
    switched_off = splits["train"]["weight"] == 3
    weighted = {name: df.assign(own=1.0) for name, df in splits.items()}
    weighted["train"].loc[switched_off, "own"] = 0.0
    masked = {name: df.astype({TASKS[2]: "Int64"}) for name, df in splits.items()}
    masked["train"].loc[switched_off, TASKS[2]] = pd.NA
    values = hyperparameters(tab_field_list=NUMBERS, cat_field_list=[], loss_type="adaptive")
    own_weight = {TASKS[2]: "own"}
    run(tmp_path / "weighted", weighted, {**values, "task_weight_columns": own_weight})
    run(tmp_path / "masked", masked, {**values, "missing_labels": "mask"})
    run(tmp_path / "neither", splits, values)
    assert model_bytes(tmp_path / "weighted") == model_bytes(tmp_path / "masked")
    assert model_bytes(tmp_path / "weighted") != model_bytes(tmp_path / "neither")


def test_an_empty_label_is_an_error_by_default(tmp_path: Path) -> None:
    splits = make_splits(200)
    splits["val"] = splits["val"].astype({MAIN_TASK: "Int64"})
    splits["val"].loc[splits["val"].index[3], MAIN_TASK] = pd.NA
    with pytest.raises(ValueError, match=r"val.*isFraud.*missing"):
        run(tmp_path, splits, hyperparameters())


def test_weights_too_small_to_learn_from_do_not_go_unnoticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    splits = {name: df.assign(weight=1e-6) for name, df in make_splits(300).items()}
    base = run(tmp_path, splits, hyperparameters(num_iterations=3, sample_weight_name="weight"))
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert any(text.startswith("Row weights average 1e-06 in task 0") for text in warnings)
    assert any(text.startswith("None of the trees (3) has a split") for text in warnings)
    for task in TASKS:
        assert np.ptp(predictions(base, "val")[f"{task}_prob"]) == 0
