"""Targets 2, 3, 5 and 6: whole jobs, small jobs, prediction."""

import json
import shutil
import sys
from functools import partial
from statistics import median

from benchmarks.speed_bench import PROGRESS, Bench, job_settings
from benchmarks.speed_report import Row, medians
from benchmarks.speed_tables import TableSpec
from benchmarks.timing import CHECKOUT, by_turns, run_process

_GB = 1e9
_TASKS = 3


def measure_whole(bench: Bench) -> list[Row]:
    """Whole jobs from CSV and from Parquet, against a plain pandas script."""
    csv, parquet = bench.sizes.csv, bench.sizes.parquet
    return [
        *_against_pandas(bench, csv, wall_limit=0.50, memory_limit=1.2),
        *_against_pandas(bench, parquet, wall_limit=0.40, memory_limit=None),
    ]


def _against_pandas(
    bench: Bench, spec: TableSpec, wall_limit: float, memory_limit: float | None
) -> list[Row]:
    table, n_trees = bench.table(spec), bench.sizes.trees
    # The plain script reads one file of each split.
    [train_file], [valid_file] = ([*(table / split).iterdir()] for split in ("train", "val"))
    models = bench.folder / "plain-models"
    models.mkdir(exist_ok=True)
    settings = job_settings(spec, spec.n_tasks, n_trees)
    plain = {
        "train_file": train_file,
        "valid_file": valid_file,
        "folder": models,
        "n_trees": n_trees,
    }
    kind = spec.file_format
    rounds = by_turns(
        {
            "job": partial(bench.run_job, f"whole job, {kind}", table, settings),
            "plain": partial(bench.run_program, f"plain pandas, {kind}", "plain_pandas", **plain),
        },
        bench.n_pairs,
    )
    pairs = [(each["job"], each["plain"]) for each in rounds]
    ours, theirs = medians([(job.wall, plain.wall) for job, plain in pairs])
    memory = tuple(job.peak_memory / _GB for job, _ in pairs)
    plain_memory = median(plain.peak_memory for _, plain in pairs) / _GB
    ratios = tuple(job.wall / plain.wall for job, plain in pairs)
    name = f"whole job, {spec.rows:,} x {spec.n_numerical + spec.n_categorical} {kind.upper()}"
    wall_note = f"{ours:.1f} s against {theirs:.1f} s"
    memory_note = f"plain pandas: {plain_memory:.2f} GB"
    return [
        Row(2, f"{name}, wall time / plain pandas", ratios, "times", wall_limit, wall_note),
        Row(2, f"{name}, peak memory", memory, "GB", memory_limit, memory_note),
    ]


def measure_large(bench: Bench) -> list[Row]:
    """One run of the job on the largest table."""
    spec = bench.sizes.large
    name = f"whole job, {spec.rows:,} x {spec.n_numerical} PARQUET, {spec.n_tasks} tasks"
    if not bench.large:
        return [Row(3, name, (), "GB", 6.0, "left out: needs `--large`")]
    settings = job_settings(spec, spec.n_tasks, bench.sizes.trees)
    run = bench.run_job("largest job", bench.table(spec), settings)
    return [
        Row(3, f"{name}, peak memory", (run.peak_memory / _GB,), "GB", 6.0),
        Row(3, f"{name}, wall time", (run.wall,), "s", note=f"{bench.sizes.trees} trees"),
    ]


def measure_startup(bench: Bench) -> list[Row]:
    """The AI4I 2020 job: from its start to the first tree, and as a whole."""
    first_tree = "AI4I 2020, from start to first tree"
    if not bench.ai4i.exists():
        note = f"left out: needs `{bench.ai4i.name}`, see `--ai4i`"
        return [Row(5, first_tree, (), "s", 3.0, note)]
    tree = bench.folder / "ai4i2020"
    shutil.rmtree(tree, ignore_errors=True)
    command = [sys.executable, "-m", "examples.ai4i2020", str(bench.ai4i), str(tree)]
    run_process(command, CHECKOUT)
    settings = tree / "code" / "hyperparams" / "hyperparameters.json"
    values = json.loads(settings.read_text(encoding="utf-8"))
    # A job of one tree reports it at once; a longer one only every tenth of the way.
    jobs = {"one tree": {**values, "num_iterations": 1}, "whole": values}
    channels = tree / "input" / "data"
    rounds = by_turns(
        {name: partial(bench.run_job, f"AI4I 2020, {name}", channels, jobs[name]) for name in jobs},
        bench.n_pairs,
    )
    starts = tuple(each["one tree"].seconds_until(PROGRESS) for each in rounds)
    walls = tuple(each["whole"].wall for each in rounds)
    whole = f"AI4I 2020, whole job, {values['num_iterations']} trees"
    return [Row(5, first_tree, starts, "s", 3.0), Row(5, whole, walls, "s", 6.0)]


def measure_prediction(bench: Bench) -> list[Row]:
    """The model file against K single-task models, with stock LightGBM in one process."""
    spec, n_trees = bench.sizes.matrix, bench.sizes.trees
    table, job = bench.table(spec), "job for prediction"
    bench.run_job(job, table, job_settings(spec, _TASKS, n_trees))
    singles = {task: bench.folder / f"single-{task}.txt" for task in spec.tasks[:_TASKS]}
    for task, model in singles.items():
        name = f"single task for prediction, {task}"
        bench.run_single_task(name, table, n_trees, task=task, model=model)
    rows = bench.sizes.scales[-1][0]
    run = bench.run_program(
        "prediction",
        "peer_training",
        program="predict",
        table=bench.table(rows),
        shared=bench.job_folder(job) / "model" / "lightgbmmt_model.txt",
        singles=[str(path) for path in singles.values()],
        n_pairs=bench.n_pairs,
    )
    pairs = run.result()
    ours, theirs = medians(pairs)
    ratios = tuple(shared / single for shared, single in pairs)
    what = f"prediction of {rows.rows:,} rows, model file / {_TASKS} single-task models"
    note = f"{ours:.2f} s against {theirs:.2f} s, {n_trees} trees"
    return [Row(6, what, ratios, limit=1.0, note=note)]
