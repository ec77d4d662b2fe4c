"""Batch scoring against the same by hand: time in pairs, and the memory of many rows."""

import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.speed_bench import Bench, TableSpec, job_settings, told
from benchmarks.speed_report import Row, medians
from benchmarks.timing import CHECKOUT, Run, by_turns, run_process

_GB = 1e9
_TASKS = 3


@dataclass(frozen=True)
class BatchSizes:
    """Sizes of the tables; the rows to be scored are those of the second and third."""

    trained: TableSpec
    csv: TableSpec
    parquet_trained: TableSpec
    parquet: TableSpec
    trees: int


FULL = BatchSizes(
    trained=TableSpec(100_000, 20_000, _TASKS, "csv", n_categorical=4, missing=0.05),
    csv=TableSpec(1_000_000, 1_000, _TASKS, "csv", n_categorical=4, missing=0.05),
    parquet_trained=TableSpec(100_000, 20_000, _TASKS),
    parquet=TableSpec(10_000_000, 1_000, _TASKS),
    trees=100,
)
QUICK = BatchSizes(
    trained=TableSpec(5_000, 1_000, _TASKS, "csv", n_categorical=4, missing=0.05),
    csv=TableSpec(20_000, 1_000, _TASKS, "csv", n_categorical=4, missing=0.05),
    parquet_trained=TableSpec(5_000, 1_000, _TASKS),
    parquet=TableSpec(50_000, 1_000, _TASKS),
    trees=20,
)


def measure_batch(bench: Bench, sizes: BatchSizes) -> list[Row]:
    """Wall time in pairs from CSV to CSV; peak memory from Parquet to Parquet."""
    model = trained_model(bench, sizes.trained, sizes.trees)
    rows = bench.table(sizes.csv) / "train"
    output, by_hand = bench.folder / "scored", bench.folder / "scored-by-hand"
    rounds = by_turns(
        {
            "batch": partial(_batch, bench, "batch, csv", model, rows, output),
            "by hand": partial(
                bench.run_program,
                "by hand, csv",
                "scoring_by_hand",
                model=model,
                rows=rows,
                output=by_hand,
            ),
        },
        bench.n_pairs,
    )
    pairs = [(each["batch"], each["by hand"]) for each in rounds]
    ours, theirs = medians([(batch.wall, hand.wall) for batch, hand in pairs])
    memory = tuple(batch.peak_memory / _GB for batch, _ in pairs)
    hand_memory = median(hand.peak_memory for _, hand in pairs) / _GB
    spec = sizes.csv
    name = f"batch, {spec.rows:,} x {spec.n_numerical + spec.n_categorical} CSV"
    ratios = tuple(batch.wall / hand.wall for batch, hand in pairs)
    return [
        Row(1, f"{name}, wall / by hand", ratios, limit=0.6, note=f"{ours:.1f} s, {theirs:.1f} s"),
        Row(1, f"{name}, peak memory", memory, "GB", note=f"by hand: {hand_memory:.2f} GB"),
        *_many_rows(bench, sizes),
    ]


def _many_rows(bench: Bench, sizes: BatchSizes) -> list[Row]:
    model = trained_model(bench, sizes.parquet_trained, sizes.trees)
    spec = sizes.parquet
    rows = bench.table(spec) / "train"
    run = _batch(bench, "batch, parquet", model, rows, bench.folder / "scored-parquet")
    name = f"batch, {spec.rows:,} x {spec.n_numerical} PARQUET"
    return [
        Row(2, f"{name}, peak memory", (run.peak_memory / _GB,), "GB", limit=1.0),
        Row(2, f"{name}, wall", (run.wall,), "s", note=f"{spec.rows / run.wall:,.0f} rows/s"),
    ]


def trained_model(bench: Bench, spec: TableSpec, n_trees: int) -> Path:
    """The model directory of a job on a made table."""
    name = f"model of {spec.file_format}"
    bench.run_job(name, bench.table(spec), job_settings(spec, _TASKS, n_trees))
    return bench.job_folder(name) / "model"


def _batch(bench: Bench, name: str, model: Path, rows: Path, output: Path) -> Run:
    shutil.rmtree(output, ignore_errors=True)
    script = str(CHECKOUT / "lightgbmmt_model_inference.py")
    places = ["--model", str(model), "--input", str(rows), "--output", str(output)]
    return told(name, run_process([sys.executable, script, *places], bench.folder))
