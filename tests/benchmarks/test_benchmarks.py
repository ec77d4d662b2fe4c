"""The speed program and its parts, on tables too small to measure anything."""

import math
import subprocess
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from jobs import ROOT

from benchmarks import peer_training, plain_pandas, speed_data
from benchmarks.machine import machine_line
from benchmarks.speed_bench import FULL, QUICK, TableSpec, provide, slope, slopes, training_slope
from benchmarks.speed_data import read_matrix
from benchmarks.speed_report import Row, to_markdown
from benchmarks.timing import Run, RunFailedError, run_process

MATRIX = TableSpec(rows=3000, valid_rows=500, n_tasks=3)
MIXED = TableSpec(2000, 1000, 2, "csv", n_numerical=10, n_categorical=4, missing=0.05)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "matrix"
    speed_data.write(MATRIX, folder)
    return folder


def test_the_program_measures_a_job_and_names_what_it_leaves_out() -> None:
    options = ["--quick", "--large", "--sections", "3,5", "--ai4i", "nowhere.csv"]
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    *table, empty, machine = finished.stdout.splitlines()
    assert len(table) == 2 + 3
    assert all(line.startswith("|") and line.endswith("|") for line in table)
    assert len({line.count("|") for line in table}) == 1
    assert "PARQUET, 5 tasks, peak memory" in table[2]
    assert "| one run |" in table[2]
    assert "left out: needs `nowhere.csv`" in table[4]
    assert not empty
    assert "lightgbm 4" in machine
    assert finished.stderr.splitlines()[-1].startswith("largest job: ")
    cells = [[cell.strip() for cell in line.split("|")] for line in table[2:]]
    # Tiny tables are not judged.
    assert [row[3] + row[6] for row in cells] == ["", "", ""]
    assert 0.1 < float(cells[0][4].removesuffix(" GB")) < 1


def test_an_unknown_section_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks.speed", "--sections", "1,9"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "no such section: [9]" in finished.stderr


def test_a_process_is_measured_and_its_lines_arrive_one_by_one(tmp_path: Path) -> None:
    code = "import time; print('a 1', flush=True); b = bytes(5 * 10**7); time.sleep(.2); print('a')"
    run = run_process([sys.executable, "-c", code], tmp_path)
    assert [line for _, line in run.lines] == ["a 1", "a"]
    first, last = (seconds for seconds, _ in run.lines)
    assert 0 < first < last - 0.1 < run.wall
    assert run.seconds_until("a") == last
    assert run.peak_memory > 5 * 10**7
    with pytest.raises(RunFailedError, match="no line starts with 'b'"):
        run.seconds_until("b")


def test_a_process_gets_no_variables_but_those_that_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_MODEL_DIR", "/nowhere")
    code = "import os; print(sorted(n for n in os.environ if n.startswith('SM_')))"
    run = run_process([sys.executable, "-c", code], tmp_path, {"SM_OTHER": "1"})
    assert run.lines[0][1] == "['SM_OTHER']"


def test_a_failing_process_is_reported_with_its_output(tmp_path: Path) -> None:
    code = "import sys; print('so far'); sys.exit('no good')"
    with pytest.raises(RunFailedError, match=r"exit code 1: [^\n]*\n(so far\n)?no good"):
        run_process([sys.executable, "-c", code], tmp_path)


def test_slopes_leave_out_what_does_not_grow_with_the_trees() -> None:
    order = []

    def runner(name: str, start_up: float, per_tree: float, after: float) -> object:
        def run(n_trees: int) -> Run:
            order.append((name, n_trees))
            trained = start_up + per_tree * n_trees
            lines = [(0.1, "iteration of something else")] + [
                (start_up + per_tree * done, f"iteration {done}/{n_trees}  what follows")
                for done in range(1, n_trees + 1)
            ]
            return Run(trained + after * n_trees, 0.0, 0, (*lines, (trained, "Done")))

        return run

    runners = {"job": runner("job", 5, 0.25, 0.125), "other": runner("other", 1, 0.5, 0)}
    result = slopes(runners, (2, 10))  # type: ignore[arg-type]
    assert result["job"].training == pytest.approx(0.25)
    assert result["job"].whole == pytest.approx(0.375)
    assert result["other"].whole == result["other"].training == pytest.approx(0.5)
    assert order == [("job", 2), ("other", 2), ("job", 10), ("other", 10)]


@pytest.mark.parametrize(
    ("first_tree", "expected"), [(0, 0.5), (2, 0.5), (3, 0.25), (4, 0.25), (8, math.nan)]
)
def test_the_slope_of_one_run_starts_at_a_tree(first_tree: int, expected: float) -> None:
    lines = ((1.0, "iteration 2/8"), (3.0, "iteration 4/8"), (4.0, "iteration 8/8"), (5.0, "Done"))
    found = training_slope(Run(9.0, 0.0, 0, lines), first_tree)
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_long_run_that_was_not_longer_measures_nothing() -> None:
    assert slope(1.0, 2.0, (10, 20)) == pytest.approx(0.1)
    assert math.isnan(slope(2.0, 2.0, (10, 20)))


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (
            Row(1, "a", (0.95, 0.85, 0.89), "times", 0.9, "n"),
            "| 1 | a | ≤ 0.90 | 0.89 | 0.85 to 0.95 | yes | n |",
        ),
        (
            Row(1, "a", (0.901, 0.9, 0.95), "times", 0.9),
            "| 1 | a | ≤ 0.90 | 0.90 | 0.90 to 0.95 | **no** |  |",
        ),
        (Row(2, "b", (1.2,), "GB"), "| 2 | b |  | 1.20 GB | one run |  |  |"),
        (
            Row(4, "d", (0.5, math.nan, 0.7), "times", 0.9),
            "| 4 | d | ≤ 0.90 | 0.60 | 0.50 to 0.70 | lost in noise |  |",
        ),
        (Row(4, "e", (math.nan,), "times", 1), "| 4 | e | ≤ 1.00 |  |  | lost in noise |  |"),
        (Row(3, "c", (), "s", 3.0, "left out"), "| 3 | c | ≤ 3.00 s |  |  |  | left out |"),
    ],
)
def test_a_row_says_median_range_and_whether_the_target_is_met(row: Row, cells: str) -> None:
    assert to_markdown([row]).splitlines()[2] == cells


def test_a_table_is_the_same_each_time_and_made_once(tmp_path: Path) -> None:
    spec = TableSpec(300, 100, 2, n_numerical=8)
    path = provide(spec, tmp_path)
    made = path.stat().st_mtime_ns
    assert provide(spec, tmp_path).stat().st_mtime_ns == made
    speed_data.write(spec, tmp_path / "again")
    for file in ("train/part-00000.parquet", "val/part-00000.parquet"):
        assert (path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_a_large_table_comes_in_parts_of_a_million_rows(tmp_path: Path) -> None:
    spec = TableSpec(1_000_001, 10, 2, n_numerical=8)
    assert [len(part) for part in speed_data.parts(spec, "train")] == [1_000_000, 1]


def test_a_table_has_the_shape_asked_for(tmp_path: Path) -> None:
    speed_data.write(MIXED, tmp_path / "table")
    df = pd.read_csv(tmp_path / "table" / "train" / "part-00000.csv", dtype={"id": "str"})
    assert list(df.columns) == ["id", *MIXED.numerical, *MIXED.categorical, *MIXED.tasks]
    assert df["id"].tolist()[:2] == ["000000000", "000000001"]
    assert df[MIXED.numerical].isna().to_numpy().mean() == pytest.approx(0.05, abs=0.01)
    n_values = df[MIXED.categorical].nunique()
    assert n_values.iloc[0] == 10
    assert 300 < n_values.iloc[3] <= 1000
    assert df[MIXED.tasks].mean().tolist() == pytest.approx([0.2, 0.08], abs=0.03)


def test_the_single_task_run_is_stock_lightgbm_with_its_defaults(matrix: Path) -> None:
    booster = peer_training.train_single(matrix, "task_00", 5, 1, quantized=False)
    x, y = read_matrix(matrix / "train", ["task_00"])
    params = {"objective": "binary", "num_threads": 1, "verbosity": -1}
    stock = lgb.train(params, lgb.Dataset(x, y[:, 0]), 5)
    assert np.array_equal(booster.predict(x), stock.predict(x))
    assert all(tree["num_leaves"] == 31 for tree in booster.dump_model()["tree_info"])
    quantized = peer_training.train_single(matrix, "task_00", 5, 1, quantized=True)
    assert not np.array_equal(quantized.predict(x), stock.predict(x))


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_plain_script_learns_and_saves_its_models(tmp_path: Path, file_format: str) -> None:
    spec = TableSpec(**{**vars(MIXED), "file_format": file_format})
    speed_data.write(spec, tmp_path / "table")
    [train], [valid] = ([*(tmp_path / "table" / split).iterdir()] for split in ("train", "val"))
    aucs = plain_pandas.train_models(str(train), str(valid), str(tmp_path), n_trees=20, n_threads=1)
    assert aucs.keys() == set(MIXED.tasks)
    assert min(aucs.values()) > 0.6
    model = lgb.Booster(model_file=tmp_path / "task_01.txt")
    assert model.num_trees() == 20
    assert model.num_feature() == 14


def test_target_means_are_drawn_towards_the_mean_of_all() -> None:
    category = pd.Series(["a"] * 20 + ["b"] * 60, dtype="category")
    label = pd.Series([1] * 20 + [0] * 60)
    means = plain_pandas.target_means(category, label)
    assert means.to_dict() == pytest.approx({"a": 25 / 40, "b": 5 / 80})


def test_predictions_are_timed_by_turns(matrix: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.txt"
    peer_training.train_single(matrix, "task_00", 2, 1, quantized=False).save_model(model)
    x, _ = read_matrix(matrix / "train", [])
    pairs = peer_training.time_predictions(x, model, [model] * 3, n_pairs=2, n_threads=1)
    assert np.array(pairs).shape == (2, 2)
    assert np.all(np.array(pairs) > 0)


@pytest.mark.parametrize("peer", peer_training.PEERS)
def test_a_peer_trains_on_all_tasks(matrix: Path, peer: str) -> None:
    pytest.importorskip(peer)
    x, y = read_matrix(matrix / "train", MATRIX.tasks)
    seconds = peer_training.measure(peer_training.PEERS[peer], x, y, (1, 30), 1)
    assert seconds.keys() == {"build", "short", "long"}
    assert min(seconds.values()) > 0


def test_the_table_for_targets_has_the_sizes_that_they_name() -> None:
    assert (FULL.matrix.rows, FULL.matrix.n_numerical, FULL.matrix.valid_rows) == (
        500_000,
        30,
        50_000,
    )
    for sizes in (FULL, QUICK):
        assert max(sizes.task_counts) <= sizes.matrix.n_tasks
        assert sizes.whole.file_format == "parquet"


def test_the_machine_line_names_no_machine() -> None:
    line = machine_line(1)
    assert "1 of " in line
    assert "pandas 3" in line
