"""Targets 1 and 4, and other libraries: what a tree costs, against a stock single-task tree's."""

import json
import math
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from statistics import fmean, linear_regression, median

from benchmarks.speed_bench import Bench, PerTree, job_settings, slope, slopes
from benchmarks.speed_report import Row, medians
from benchmarks.speed_tables import TableSpec
from benchmarks.timing import Run

_STOCK = "single task"
_QUANTIZED = "single task, quantized"

# Loss, number of tasks, settings, and the targets with default settings and exact structure. With
# the least patience the subtasks, which are soon learned, are distilled most of the time.
_DISTILLING: dict[str, object] = {"loss_type": "adaptive_kd", "loss_patience": 1}
_VARIANTS: tuple[tuple[str, int, dict[str, object], float, float], ...] = (
    ("fixed, 3 tasks", 3, {"loss_type": "fixed"}, 0.90, 1.10),
    ("adaptive, 3 tasks", 3, {"loss_type": "adaptive"}, 0.95, 1.12),
    ("adaptive_kd, 3 tasks", 3, _DISTILLING, 1.00, 1.15),
    ("fixed, 5 tasks", 5, {"loss_type": "fixed"}, 1.05, 1.20),
)
_TASKS = 3
_MOST_LARGE_ROUNDS = 2
"""A round with the largest table takes some eight minutes."""

_PEERS = {
    "lightgbm": "3 single-task LightGBM models",
    "xgboost": "XGBoost multi_output_tree",
    "catboost": "CatBoost MultiLogloss",
}
"""Module, and how it is used."""


def measure_losses(bench: Bench) -> list[Row]:
    """Measures each loss with default settings and with exact structure."""
    spec = bench.sizes.matrix
    table = bench.table(spec)
    rows: tuple[list[Row], list[Row], list[Row]] = ([], [], [])
    for name, n_tasks, settings, limit, exact_limit in _VARIANTS:
        exact = f"{name}, exact structure"
        runners: dict[str, Callable[[int], Run]] = {
            name: _job(bench, name, spec, n_tasks, **settings),
            _STOCK: partial(bench.run_single_task, _STOCK, table),
            exact: _job(bench, exact, spec, n_tasks, **settings, use_quantized_grad=False),
            _QUANTIZED: partial(bench.run_single_task, _QUANTIZED, table, quantized=True),
        }
        # What is run by turns should be done before the machine's mood changes.
        rounds = [slopes(runners, bench.sizes.window) for _ in range(bench.n_pairs)]
        note = _struggling_share(bench, name, n_tasks) if settings is _DISTILLING else ""
        rows[0].append(_per_tree(name, _STOCK, rounds, limit, note))
        rows[1].append(_per_tree(exact, _STOCK, rounds, exact_limit))
        rows[2].append(_per_tree(name, _QUANTIZED, rounds))
    return [row for kind in rows for row in kind]


def _job(
    bench: Bench, name: str, spec: TableSpec, n_tasks: int, **settings: object
) -> Callable[[int], Run]:
    """What runs the job on a made table for so many trees."""
    table = bench.table(spec)
    return lambda n_trees: bench.run_job(
        name, table, job_settings(spec, n_tasks, n_trees, **settings)
    )


def _per_tree(
    job: str,
    single_task: str,
    rounds: list[dict[str, PerTree]],
    limit: float | None = None,
    note: str = "",
) -> Row:
    """The ratio of whole processes; the note has the times and the ratio up to the last tree."""
    pairs = [(each[job], each[single_task]) for each in rounds]
    ours, theirs = medians([(job.whole, single.whole) for job, single in pairs])
    training = median(job.training / single.training for job, single in pairs)
    notes = [
        f"{1e3 * ours:.1f} ms against {1e3 * theirs:.1f} ms",
        f"{training:.2f} up to the last tree",
        note,
    ]
    ratios = tuple(job.whole / single.whole for job, single in pairs)
    what = f"seconds per tree, {job} / {single_task}"
    return Row(1, what, ratios, limit=limit, note="; ".join(filter(None, notes)))


def _struggling_share(bench: Bench, name: str, n_tasks: int) -> str:
    """How much of the last long run's time its subtasks were distilled."""
    path = bench.job_folder(name) / "model" / "training_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    n_trees = state["current_iteration"]
    struggling = sum(
        (n_trees if end is None else end) - first
        for periods in state["struggling_periods"].values()
        for first, end in periods
    )
    return f"subtasks were distilled {struggling / (n_trees * (n_tasks - 1)):.0%} of the time"


def measure_growth(bench: Bench) -> list[Row]:
    """Seconds per tree and row for several sizes, seconds per tree for several numbers of tasks."""
    return [*_growth_with_rows(bench), _growth_with_tasks(bench)]


def _growth_with_rows(bench: Bench) -> list[Row]:
    """Compares the dearest row with the cheapest one, for the job and for stock LightGBM."""
    scales = [*bench.sizes.scales, *([(bench.sizes.large, 1)] if bench.large else [])]
    n_rounds = min(bench.n_pairs, _MOST_LARGE_ROUNDS) if bench.large else bench.n_pairs
    rounds = [
        [_seconds_per_row(bench, spec, repeats) for spec, repeats in scales]
        for _ in range(n_rounds)
    ]
    sizes = ", ".join(f"{spec.rows:,}" for spec, _ in scales)
    rows = []
    for index, (name, limit) in enumerate([("this job", 1.15), ("one stock single task", None)]):
        costs = [[costs[index] for costs in each] for each in rounds]
        note = ", ".join(f"{cost * 1e9:.1f}" for cost in medians(costs)) + " ns"
        what = f"seconds per tree and row, most / least of {sizes} rows: {name}"
        rows.append(Row(4, what, tuple(map(_spread, costs)), limit=limit, note=note))
    return rows


def _spread(costs: list[float]) -> float:
    """The largest in units of the smallest; nan if any is."""
    return math.nan if any(map(math.isnan, costs)) else max(costs) / min(costs)


def _seconds_per_row(bench: Bench, spec: TableSpec, repeats: int) -> tuple[float, float]:
    """Seconds per tree and row of the job and of a stock single-task model."""
    name = f"{spec.rows:,} rows"
    runners: dict[str, Callable[[int], Run]] = {
        "job": _job(bench, f"job, {name}", spec, _TASKS),
        _STOCK: partial(bench.run_single_task, f"{_STOCK}, {name}", bench.table(spec)),
    }
    runs = [slopes(runners, bench.sizes.scale_window) for _ in range(repeats)]
    ours, theirs = (fmean(each[name].whole for each in runs) for name in runners)
    return ours / spec.rows, theirs / spec.rows


def _growth_with_tasks(bench: Bench) -> Row:
    """Takes a tree of a stock single-task model as the unit."""
    spec, counts = bench.sizes.matrix, bench.sizes.task_counts
    runners: dict[str, Callable[[int], Run]] = {
        _STOCK: partial(bench.run_single_task, _STOCK, bench.table(spec))
    }
    for n_tasks in counts:
        runners[str(n_tasks)] = _job(bench, f"job, {n_tasks} tasks", spec, n_tasks)
    rounds = []
    for _ in range(bench.n_pairs):
        costs = slopes(runners, bench.sizes.task_window)
        rounds.append([costs[str(n_tasks)].whole / costs[_STOCK].whole for n_tasks in counts])
    named = (f"{n}: {cost:.2f}" for n, cost in zip(counts, medians(rounds), strict=True))
    return Row(
        4,
        f"growth per task from {counts[0]} to {counts[-1]} tasks, in trees of one single task",
        tuple(linear_regression(counts, costs).slope for costs in rounds),
        "share",
        0.08,
        f"cost of a tree by number of tasks: {', '.join(named)}",
    )


def measure_peers(bench: Bench) -> list[Row]:
    """Other libraries on the matrix of target 1, for information: a row for each."""
    spec, window = bench.sizes.matrix, bench.sizes.peer_window
    job = _job(bench, "job beside peers", spec, _TASKS)
    values = {
        "table": bench.table(spec),
        "tasks": spec.tasks[:_TASKS],
        "trees": (window.short, window.long),
    }
    job_costs: list[float] = []
    seconds: dict[str, list[dict[str, float]]] = {
        module: [] for module in _PEERS if find_spec(module)
    }
    for _ in range(bench.n_pairs):
        job_costs.append(slopes({"job": job}, window)["job"].whole)
        for module, found in seconds.items():
            run = bench.run_program(_PEERS[module], "peer_training", program=module, **values)
            found.append(run.result())
    rows = []
    for module, peer in _PEERS.items():
        name = f"seconds per tree, this job / {peer}"
        if module not in seconds:
            rows.append(Row(7, name, (), note="left out: not installed"))
            continue
        costs = [slope(each["short"], each["long"], window) for each in seconds[module]]
        ratios = tuple(ours / theirs for ours, theirs in zip(job_costs, costs, strict=True))
        build = median(each["build"] for each in seconds[module])
        times = f"{100 * median(job_costs):.1f} s against {100 * median(costs):.1f} s"
        rows.append(Row(7, name, ratios, note=f"100 trees: {times}; its matrix: {build:.1f} s"))
    return rows
