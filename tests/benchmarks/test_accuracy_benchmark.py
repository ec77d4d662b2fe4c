"""The statistics and tables of the accuracy program, on numbers made by hand."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_1samp
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy import compare, find_tables, task_scores
from benchmarks.accuracy_job import alternatives, lambda_l2, parse_settings, run_job
from benchmarks.accuracy_labels import (
    VARIANTS,
    calibration_rows,
    calibration_table,
    masked_splits,
    masked_table,
)
from benchmarks.accuracy_report import JOB, comparison, paired_difference, summary
from benchmarks.peers import (
    SINGLE,
    Growth,
    Splits,
    installed_peers,
    single_lightgbm,
    takes_part,
)
from benchmarks.tables import SHARES, Table, built_in_tables, read_csv
from benchmarks.tables_generated import GENERATED
from benchmarks.tuning import GRID, tuned
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters

PEER = "a peer"


def _scores(job: list[list[float]], peer: list[list[float]], table: str = "t") -> pd.DataFrame:
    """Scores whose three metrics are equal; the values are per split and task."""
    rows = []
    for model, values in ((JOB, job), (PEER, peer)):
        for split, of_split in enumerate(values):
            for task, value in enumerate(of_split):
                metrics = dict.fromkeys(("auc", "ap", "logloss"), value)
                key = {"table": table, "resampled": False, "split": split, "task": f"task {task}"}
                rows.append(key | metrics | {"model": model})
    return pd.DataFrame(rows)


def _table(n_rows: int = 400, n_tasks: int = 3) -> Table:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, 3))
    columns = {f"x{i}": x[:, i] for i in range(3)}
    labels = {
        f"task_{k}": (x[:, 0] + 0.5 * rng.normal(size=n_rows) > 0.3).astype(int)
        for k in range(n_tasks)
    }
    return Table("small", pd.DataFrame(columns | labels), list(labels))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_interval_of_drawn_tables_is_that_of_the_t_test() -> None:
    differences = np.array([0.01, 0.03, -0.02, 0.04, 0.02])

    found = paired_difference(differences, resampled=False)

    wanted = ttest_1samp(differences, 0.0).confidence_interval(0.95)
    assert found.mean == pytest.approx(differences.mean())
    assert found.mean - found.half_width == pytest.approx(wanted.low)
    assert found.mean + found.half_width == pytest.approx(wanted.high)


def test_the_interval_of_one_resampled_table_is_wider_by_the_overlap_of_its_splits() -> None:
    differences = np.array([0.0, 1.0, 2.0, 1.0])

    drawn = paired_difference(differences, resampled=False)
    resampled = paired_difference(differences, resampled=True)

    wider = np.sqrt((1 / 4 + SHARES["test"] / SHARES["train"]) / (1 / 4))
    assert resampled.mean == drawn.mean == 1.0
    assert resampled.half_width == pytest.approx(wider * drawn.half_width)


def test_a_difference_shows_its_sign() -> None:
    assert str(paired_difference(np.array([-1.0, -1.0]), resampled=True)) == "-1.0000 ± 0.0000"
    assert str(paired_difference(np.array([0.5, 0.5]), resampled=True)) == "+0.5000 ± 0.0000"


def test_a_comparison_pairs_by_split_and_counts_the_tasks_won() -> None:
    # Task 0: means .8 and .7; task 1: means .5 and .6; task 2: equal.
    job = [[0.8, 0.4, 0.5], [0.8, 0.6, 0.5]]
    peer = [[0.7, 0.5, 0.5], [0.7, 0.7, 0.5]]

    head, rule, line = comparison(_scores(job, peer)).splitlines()

    assert len(_cells(head)) == len(_cells(rule)) == len(_cells(line)) == 9
    assert _cells(line)[:4] == ["t", PEER, "0.6000 / 0.6000", "+0.0000 ± 0.0000"]
    # A lower log-loss is better: what the job wins by AUC, it loses here.
    assert _cells(line)[-1] == "1:1, 1:1, 1:1"


def test_a_lower_log_loss_wins() -> None:
    line = comparison(_scores([[0.2, 0.3], [0.2, 0.3]], [[0.4, 0.4], [0.4, 0.4]])).splitlines()[-1]

    assert _cells(line)[-1] == "0:2, 0:2, 2:0"


def test_the_last_rows_take_the_tables_as_the_sample() -> None:
    one = _scores([[0.9], [0.9]], [[0.8], [0.8]], "one")
    two = _scores([[0.5], [0.7]], [[0.3], [0.3]], "two")

    lines = comparison(pd.concat([one, two])).splitlines()

    assert len(lines) == 2 + 3
    overall = _cells(lines[-1])
    assert overall[:3] == ["**all 2 tables**", PEER, "0.7500 / 0.5500"]
    assert overall[3] == str(paired_difference(np.array([0.1, 0.3]), resampled=False))


def test_a_summary_is_the_last_rows() -> None:
    scores = pd.concat([_scores([[0.9], [0.9]], [[0.8], [0.8]], name) for name in ("one", "two")])

    assert summary(scores).splitlines() == [
        line for line in comparison(scores).splitlines() if not line.startswith(("| one", "| two"))
    ]


def test_every_alternative_is_another_job() -> None:
    defaults = {
        "tab_field_list": ["x0"],
        "cat_field_list": [],
        "label_name": "task_0",
        "task_label_names": ["task_0", "task_1"],
        "loss_type": "fixed",
    }
    given: list[Mapping[str, object]] = []

    def job(
        table: Table, splits: Splits, seed: int, settings: Mapping[str, object]
    ) -> NDArray[np.float64]:
        given.append(settings)
        return np.full((1, 1), seed)

    peers = alternatives(job)
    for name, predict in peers.items():
        assert predict(_table(), {}, 7, 1) == 7
        assert name == ", ".join(f"{key}={value}" for key, value in given[-1].items())
    jobs = [LightGBMMtModelHyperparameters.parse(defaults | dict(each)) for each in ({}, *given)]
    assert all(a != b for i, a in enumerate(jobs) for b in jobs[:i])


def test_calibration_tells_a_mean_inside_the_interval_from_one_outside() -> None:
    label = np.repeat([[1, 1], [0, 0]], [300, 700], axis=0)
    # The 99 % interval of 300 in 1000 is about .263 to .339.
    prob = np.column_stack([np.full(1000, 0.33), np.full(1000, 0.35)])

    inside, outside = calibration_rows(label, prob, ["a", "b"])

    assert (inside["task"], inside["inside"]) == ("a", True)
    assert (outside["task"], outside["inside"]) == ("b", False)
    assert inside["ece"] == pytest.approx(0.03)
    assert outside["ece"] == pytest.approx(0.05)


def test_the_calibration_table_counts_and_subtracts() -> None:
    rows = [
        {
            "table": "t",
            "resampled": False,
            "split": split,
            "model": model,
            "task": task,
            "inside": model == SINGLE or task == "a",
            "ece": 0.02 if model == SINGLE else 0.05,
        }
        for split in range(3)
        for model in (SINGLE, *VARIANTS)
        for task in ("a", "b")
    ]

    _, _, *lines = calibration_table(pd.DataFrame(rows)).splitlines()

    assert [_cells(line)[1] for line in lines] == list(VARIANTS)
    wanted = ["3 of 6 / 6 of 6", "0.0500 / 0.0200", "+0.0300 ± 0.0000"]
    assert _cells(lines[0])[2:] == wanted


def test_masking_hides_two_fifths_of_one_task_and_no_test_label() -> None:
    table = _table(4000)

    splits, whole = masked_splits(table, 3), table.splits(3)

    for name, rows in splits.items():
        missing = rows.isna().mean()
        masked = 0.4 if name != "test" else 0.0
        assert missing["task_1"] == pytest.approx(masked, abs=0.05)
        assert missing.drop("task_1").eq(0).all()
        known = rows["task_1"].notna()
        assert rows.loc[known, "task_1"].eq(whole[name].loc[known, "task_1"]).all()


def test_masking_keeps_a_label_of_each_class() -> None:
    rows = _table(50).rows.assign(task_1=np.arange(50) % 8 == 0)
    table = Table("rare", rows.astype({"task_1": int}), ["task_0", "task_1"])

    for seed in range(20):
        splits = masked_splits(table, seed)
        assert all(splits[name]["task_1"].nunique() == 2 for name in ("train", "val"))


def test_the_table_of_masked_labels_compares_what_it_says() -> None:
    row = {
        "table": "t",
        "resampled": False,
        "others_whole": 0.9,
        "others_masked": 0.8,
        "task_whole": 0.75,
        "task_masked": 0.7,
        "single": 0.5,
        "single_alike": 0.6,
    }

    line = masked_table(pd.DataFrame([row, row])).splitlines()[-1]

    assert _cells(line) == [
        "t",
        "0.8000 / 0.9000",
        "-0.1000 ± 0.0000",
        "0.7000 / 0.7500 / 0.5000 / 0.6000",
        "+0.2000 ± 0.0000",
        "+0.1000 ± 0.0000",
    ]


def test_a_single_model_leaves_out_the_rows_whose_label_is_missing() -> None:
    table = _table()
    splits = table.splits(0)
    train = splits["train"]
    hidden = np.arange(len(train)) % 3 == 0
    masked = splits | {"train": train.assign(task_1=train["task_1"].mask(hidden))}
    alone = Table("alone", table.rows.drop(columns=["task_0", "task_2"]), ["task_1"])
    dropped = splits | {"train": train[~hidden]}

    found = single_lightgbm(alone, masked, 0, 1)

    np.testing.assert_array_equal(found, single_lightgbm(alone, dropped, 0, 1))
    assert not np.array_equal(found, single_lightgbm(alone, splits, 0, 1))


def test_regularized_single_models_differ_from_those_of_the_default() -> None:
    table = _table()
    peers = installed_peers(5.0)
    splits = table.splits(0)

    plain = peers[SINGLE](table, splits, 0, 1)
    regularized = peers[f"{SINGLE}, lambda_l2 5"](table, splits, 0, 1)

    assert plain.shape == regularized.shape == (len(splits["test"]), 3)
    assert np.abs(plain - 0.5).mean() > np.abs(regularized - 0.5).mean()


def test_settings_are_json_or_text() -> None:
    settings = parse_settings(["lambda_l2=2", "loss_type=adaptive", "seed=null"])

    assert settings == {"lambda_l2": 2, "loss_type": "adaptive", "seed": None}
    assert lambda_l2(settings) == 2.0
    assert lambda_l2({}) > 0
    with pytest.raises(ValueError, match=r"wanted name=value, got 'lambda_l2'"):
        parse_settings(["lambda_l2"])


def test_tables_are_found_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _table().rows.to_csv(tmp_path / "mine.csv", index=False)
    nowhere = tmp_path / "nowhere.csv"

    found = find_tables(nowhere, tmp_path, ["mine", "rare"])

    assert set(found) == {"mine", "rare"}
    assert found["mine"](0).tasks == ["task_0", "task_1", "task_2"]
    assert "AI4I 2020 is left out: there is no" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"no such table: \['theirs'\]; there are: \['digits'"):
        find_tables(nowhere, None, ["theirs"])


def test_a_csv_file_needs_two_tasks(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("x,task_a\n1,0\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"needs two columns that start with task_"):
        read_csv(path)


def test_splits_share_no_row_and_leave_none_out() -> None:
    table = _table(1000)

    splits = table.splits(0)

    assert {name: len(rows) for name, rows in splits.items()} == {
        name: 1000 * share for name, share in SHARES.items()
    }
    assert sorted(pd.concat(list(splits.values()))["x0"]) == sorted(table.rows["x0"])
    assert not splits["test"].equals(table.splits(1)["test"])
    assert splits["test"].equals(table.splits(0)["test"])


def test_a_task_without_positives_in_some_split_is_refused() -> None:
    rows = _table(50).rows.assign(task_1=[1, 1, *[0] * 48])

    with pytest.raises(ValueError, match="small: some task is too rare to be in every split"):
        Table("small", rows, ["task_0", "task_1"]).splits(0)


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_table_is_drawn_anew_for_every_seed(name: str) -> None:
    make = built_in_tables()[name]

    first, again, other = make(0), make(0), make(1)

    assert first.rows.equals(again.rows)
    assert not first.rows.equals(other.rows)
    assert not first.resampled
    assert first.rows[first.tasks].isin([0, 1]).all(axis=None)


def test_generated_tasks_are_related_as_their_table_says() -> None:
    def correlation(name: str) -> NDArray[np.float64]:
        table = built_in_tables()[name](0)
        return np.asarray(np.corrcoef(table.rows[table.tasks].to_numpy(dtype=np.float64).T))

    assert correlation("opposing")[0, 1] < -0.2
    assert correlation("opposing")[0, 2] > 0.2
    assert correlation("agreeing").min() > 0.1
    assert np.abs(correlation("unrelated") - np.eye(4)).max() < 0.1
    rare = built_in_tables()["rare"](0)
    positives = rare.splits(0)["train"][rare.tasks[1:]].sum()
    assert positives.between(15, 45).all()


def test_equal_models_differ_by_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    table = _table()

    models = {JOB: single_lightgbm, SINGLE: single_lightgbm}

    scores = compare({"small": lambda _: table}, models, 2, 1)

    line = _cells(comparison(scores).splitlines()[-1])
    assert line[0] == "small (400 x 3, 3 tasks)"
    assert line[3::2][:3] == ["+0.0000 ± 0.0000"] * 3
    assert line[-1] == "0:0, 0:0, 0:0"
    assert "small, split 1, this job:" in capsys.readouterr().err


def test_the_job_is_run_on_splits_with_missing_labels() -> None:
    table = _table()
    splits = masked_splits(table, 0)

    prob = run_job(table, splits, 0, 1, {"missing_labels": "mask", "num_iterations": 10})

    assert prob.shape == (len(splits["test"]), 3)
    auc = [roc_auc_score(splits["test"][task], prob[:, k]) for k, task in enumerate(table.tasks)]
    assert min(auc) > 0.75


def test_the_best_of_the_grid_is_chosen_on_the_validation_rows() -> None:
    table = _table()
    splits = table.splits(0)
    n_val = len(splits["val"])
    good, bad = Growth(0.05, 31), GRID[0]
    assert good in GRID
    assert good != bad

    def predict(
        table: Table, splits: Splits, _seed: int, _n_threads: int, growth: Growth
    ) -> NDArray[np.float64]:
        assert len(splits["test"]) == n_val + len(table.splits(0)["test"])
        label = splits["test"][table.tasks].to_numpy()
        right = np.arange(len(label)) < n_val if growth == good else np.arange(len(label)) >= n_val
        # What is right on the test rows alone must not be chosen.
        prob = np.where(right[:, None] == (label == 1), 0.9, 0.1)
        return prob + growth.learning_rate / 1e3

    chosen = tuned(predict)(table, splits, 0, 1)

    label = splits["test"][table.tasks].to_numpy()
    np.testing.assert_allclose(chosen, np.where(label == 1, 0.1, 0.9) + good.learning_rate / 1e3)


def test_blank_labels_are_left_out_of_the_scores() -> None:
    table = _table()
    rows = table.rows.copy()
    rows[table.tasks[1]] = rows[table.tasks[1]].astype(float).mask(rows.index % 3 == 0)
    blank = Table("blank", rows, table.tasks)
    splits = blank.splits(0)
    assert blank.has_blank_labels
    assert takes_part(SINGLE, blank)
    assert not takes_part("CatBoost MultiLogloss", blank)

    scores = list(task_scores(blank, splits["test"], single_lightgbm(blank, splits, 0, 1)))

    known = splits["test"][splits["test"][table.tasks[1]].notna()]
    alone = {**splits, "test": known}
    [expected] = [
        score
        for score in task_scores(blank, known, single_lightgbm(blank, alone, 0, 1))
        if score["task"] == table.tasks[1]
    ]
    assert scores[1]["auc"] == pytest.approx(expected["auc"])
