"""Target 6: prediction with the model file, against K single-task models."""

import json
from statistics import median

from benchmarks.speed_bench import Bench, job_settings
from benchmarks.speed_report import Row

_TASKS = 3


def measure(bench: Bench) -> list[Row]:
    """Trains both kinds of model, then predicts with stock LightGBM in one process."""
    spec, n_trees = bench.sizes.matrix, bench.sizes.trees
    table = bench.table(spec)
    job = "job for prediction"
    bench.run_job(job, table, job_settings(spec, _TASKS, n_trees))
    shared = bench.job_folder(job) / "model" / "lightgbmmt_model.txt"
    singles = []
    for task in spec.tasks[:_TASKS]:
        singles.append(bench.folder / f"single-{task}.txt")
        options = ("--task", task, "--trees", n_trees, "--model", singles[-1])
        bench.run_program(f"single task for prediction, {task}", "single_task", table, *options)

    rows = bench.sizes.scales[-1].table
    run = bench.run_program(
        "prediction",
        "predict_models",
        bench.table(rows),
        "--shared",
        shared,
        "--single",
        *singles,
        "--pairs",
        bench.n_pairs,
    )
    pairs = json.loads(run.lines[-1][1])
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    return [
        Row(
            6,
            f"prediction of {rows.rows:,} rows, model file / {_TASKS} single-task models",
            tuple(shared / single for shared, single in pairs),
            "times",
            1.0,
            f"{ours:.2f} s against {theirs:.2f} s, {n_trees} trees",
        )
    ]
