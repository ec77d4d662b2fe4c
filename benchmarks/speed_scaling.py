"""Target 4: how the cost of a tree grows with rows and with tasks."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean, linear_regression, median

from benchmarks.speed_bench import Bench, job_settings, slopes
from benchmarks.speed_report import Row
from benchmarks.speed_sizes import Scale
from benchmarks.speed_tables import TableSpec
from benchmarks.timing import Run

_TASKS = 3
_MOST_LARGE_ROUNDS = 2
"""A round with the largest table takes some eight minutes."""


def measure(bench: Bench) -> list[Row]:
    """Seconds per tree and row for several sizes, seconds per tree for several numbers of tasks."""
    return [*_growth_with_rows(bench), *_growth_with_tasks(bench)]


def _growth_with_rows(bench: Bench) -> list[Row]:
    """Compares the dearest row with the cheapest one, for the job and for stock LightGBM."""
    scales = [*bench.sizes.scales, *([Scale(bench.sizes.large)] if bench.large else [])]
    n_rounds = min(bench.n_pairs, _MOST_LARGE_ROUNDS) if bench.large else bench.n_pairs
    tables = [bench.table(scale.table) for scale in scales]
    rounds = [
        [_seconds_per_row(bench, scale, table) for scale, table in zip(scales, tables, strict=True)]
        for _ in range(n_rounds)
    ]
    sizes = ", ".join(f"{scale.table.rows:,}" for scale in scales)
    rows = []
    for index, (name, limit) in enumerate([("this job", 1.15), ("one stock single task", None)]):
        costs = [[costs[index] for costs in each] for each in rounds]
        middle = [median(column) * 1e9 for column in zip(*costs, strict=True)]
        rows.append(
            Row(
                4,
                f"seconds per tree and row, most / least of {sizes} rows: {name}",
                tuple(_spread(each) for each in costs),
                "times",
                limit,
                ", ".join(f"{cost:.1f}" for cost in middle) + " ns",
            )
        )
    return rows


def _spread(costs: list[float]) -> float:
    """The largest in units of the smallest; nan if any is."""
    return math.nan if any(map(math.isnan, costs)) else max(costs) / min(costs)


def _seconds_per_row(bench: Bench, scale: Scale, table: Path) -> tuple[float, float]:
    """Seconds per tree and row of the job and of a stock single-task model."""
    spec = scale.table

    def job(n_trees: int) -> Run:
        settings = job_settings(spec, _TASKS, n_trees)
        return bench.run_job(f"job, {spec.rows:,} rows", table, settings)

    single_task = partial(bench.run_single_task, f"single task, {spec.rows:,} rows", table)
    runners: dict[str, Callable[[int], Run]] = {"job": job, "single task": single_task}
    runs = [slopes(runners, bench.sizes.scale_window) for _ in range(scale.repeats)]
    job_cost, single_cost = (fmean(each[name].whole for each in runs) for name in runners)
    return job_cost / spec.rows, single_cost / spec.rows


def _growth_with_tasks(bench: Bench) -> list[Row]:
    """Takes a tree of a stock single-task model as the unit."""
    spec, counts = bench.sizes.matrix, bench.sizes.task_counts
    table = bench.table(spec)
    rounds = []
    for _ in range(bench.n_pairs):
        runners = {"single task": partial(bench.run_single_task, "single task", table)} | {
            str(n_tasks): partial(_run_tasks, bench, spec, table, n_tasks) for n_tasks in counts
        }
        costs = slopes(runners, bench.sizes.task_window)
        unit = costs["single task"].whole
        rounds.append([costs[str(n_tasks)].whole / unit for n_tasks in counts])
    middle = [median(column) for column in zip(*rounds, strict=True)]
    named = (f"{n_tasks}: {cost:.2f}" for n_tasks, cost in zip(counts, middle, strict=True))
    return [
        Row(
            4,
            f"growth per task from {counts[0]} to {counts[-1]} tasks, in trees of one single task",
            tuple(linear_regression(counts, costs).slope for costs in rounds),
            "share",
            0.08,
            f"cost of a tree by number of tasks: {', '.join(named)}",
        )
    ]


def _run_tasks(bench: Bench, spec: TableSpec, table: Path, n_tasks: int, n_trees: int) -> Run:
    return bench.run_job(f"job, {n_tasks} tasks", table, job_settings(spec, n_tasks, n_trees))
