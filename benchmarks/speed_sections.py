"""The sections of the speed program, one for each target, and other libraries for information."""

import json
import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from statistics import fmean, linear_regression, median

from benchmarks.speed_bench import PROGRESS, Bench, PerTree, TableSpec, job_settings, slope, slopes
from benchmarks.speed_categories import measure_categories
from benchmarks.speed_report import Row, medians
from benchmarks.timing import CHECKOUT, Run, by_turns, run_process

Runner = Callable[[int], Run]
_GB = 1e9
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
# Module, and how it is used.
_PEERS = {"lightgbm": "3 single-task LightGBM models", "xgboost": "XGBoost multi_output_tree"}
_PEERS |= {"catboost": "CatBoost MultiLogloss"}


def measure_losses(bench: Bench) -> list[Row]:
    """Measures each loss with default settings and with exact structure."""
    spec = bench.sizes.matrix
    stock_rows, exact_rows, quantized_rows = [], [], []
    for name, n_tasks, settings, limit, exact_limit in _VARIANTS:
        exact = f"{name}, exact structure"
        runners = {
            name: _job(bench, name, spec, n_tasks, **settings),
            _STOCK: _single(bench, _STOCK, spec),
            exact: _job(bench, exact, spec, n_tasks, **settings, use_quantized_grad=False),
            _QUANTIZED: _single(bench, _QUANTIZED, spec, quantized=True),
        }
        # What is run by turns should be done before the machine's mood changes.
        rounds = [slopes(runners, bench.sizes.window) for _ in range(bench.n_pairs)]
        note = _struggling_share(bench, name, n_tasks) if settings is _DISTILLING else ""
        stock_rows.append(_per_tree(name, _STOCK, rounds, limit, note))
        exact_rows.append(_per_tree(exact, _STOCK, rounds, exact_limit))
        quantized_rows.append(_per_tree(name, _QUANTIZED, rounds))
    return [*stock_rows, *exact_rows, *quantized_rows]


def _job(bench: Bench, name: str, spec: TableSpec, n_tasks: int, **settings: object) -> Runner:
    """What runs the job on a made table for so many trees."""
    table = bench.table(spec)
    return lambda n: bench.run_job(name, table, job_settings(spec, n_tasks, n, **settings))


def _single(bench: Bench, name: str, spec: TableSpec, *, quantized: bool = False) -> Runner:
    """What runs the stock single-task training."""
    return partial(bench.run_single_task, name, bench.table(spec), quantized=quantized)


def _per_tree(
    job: str,
    single_task: str,
    rounds: list[dict[str, PerTree]],
    limit: float | None = None,
    note: str = "",
) -> Row:
    """The ratio of whole processes; the note has the times and the ratio up to the last tree."""
    pairs = [(each[job], each[single_task]) for each in rounds]
    ours, theirs = medians([(1e3 * job.whole, 1e3 * single.whole) for job, single in pairs])
    training = median(job.training / single.training for job, single in pairs)
    notes = [f"{ours:.1f} ms against {theirs:.1f} ms", f"{training:.2f} up to the last tree", note]
    ratios = tuple(job.whole / single.whole for job, single in pairs)
    what = f"seconds per tree, {job} / {single_task}"
    return Row(1, what, ratios, limit=limit, note="; ".join(filter(None, notes)))


def _struggling_share(bench: Bench, name: str, n_tasks: int) -> str:
    """How much of the last long run's time its subtasks were distilled."""
    path = bench.job_folder(name) / "model" / "training_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    n_trees = state["current_iteration"]
    periods = [period for each in state["struggling_periods"].values() for period in each]
    struggling = sum((n_trees if end is None else end) - first for first, end in periods)
    return f"subtasks were distilled {struggling / (n_trees * (n_tasks - 1)):.0%} of the time"


def measure_growth(bench: Bench) -> list[Row]:
    """How the cost of a tree grows with the tasks, and with rows: the dearest by the cheapest."""
    scales = [*bench.sizes.scales, *([(bench.sizes.large, 1)] if bench.large else [])]
    # A round with the largest table takes some eight minutes.
    n_rounds = min(bench.n_pairs, 2) if bench.large else bench.n_pairs
    rounds = [[_seconds_per_row(bench, *scale) for scale in scales] for _ in range(n_rounds)]
    sizes = ", ".join(f"{spec.rows:,}" for spec, _ in scales)
    rows = []
    for index, (name, limit) in enumerate([("this job", 1.15), ("one stock single task", None)]):
        costs = [[costs[index] for costs in each] for each in rounds]
        spreads = tuple(_spread(each) for each in costs)
        note = ", ".join(f"{cost * 1e9:.1f}" for cost in medians(costs)) + " ns"
        what = f"seconds per tree and row, most / least of {sizes} rows: {name}"
        rows.append(Row(4, what, spreads, limit=limit, note=note))
    return [*rows, _growth_with_tasks(bench)]


def _spread(costs: list[float]) -> float:
    """The largest in units of the smallest; nan if any is."""
    return math.nan if any(map(math.isnan, costs)) else max(costs) / min(costs)


def _seconds_per_row(bench: Bench, spec: TableSpec, repeats: int) -> tuple[float, float]:
    """Seconds per tree and row of the job and of a stock single-task model."""
    name = f"{spec.rows:,} rows"
    runners = {
        "job": _job(bench, f"job, {name}", spec, _TASKS),
        _STOCK: _single(bench, f"{_STOCK}, {name}", spec),
    }
    runs = [slopes(runners, bench.sizes.scale_window) for _ in range(repeats)]
    ours, theirs = (fmean(each[name].whole for each in runs) for name in runners)
    return ours / spec.rows, theirs / spec.rows


def _growth_with_tasks(bench: Bench) -> Row:
    """Takes a tree of a stock single-task model as the unit."""
    spec, counts = bench.sizes.matrix, bench.sizes.task_counts
    runners = {str(n): _job(bench, f"job, {n} tasks", spec, n) for n in counts}
    runners[_STOCK] = _single(bench, _STOCK, spec)
    rounds = []
    for _ in range(bench.n_pairs):
        costs = slopes(runners, bench.sizes.task_window)
        rounds.append([costs[str(n)].whole / costs[_STOCK].whole for n in counts])
    named = (f"{n}: {cost:.2f}" for n, cost in zip(counts, medians(rounds), strict=True))
    what = f"growth per task from {counts[0]} to {counts[-1]} tasks, in trees of one single task"
    growth = tuple(linear_regression(counts, costs).slope for costs in rounds)
    return Row(
        4, what, growth, "share", 0.08, f"cost of a tree by number of tasks: {', '.join(named)}"
    )


def measure_peers(bench: Bench) -> list[Row]:
    """Other libraries on the matrix of target 1, for information: a row for each."""
    spec, window = bench.sizes.matrix, bench.sizes.peer_window
    job = _job(bench, "job beside peers", spec, _TASKS)
    values = {"table": bench.table(spec), "tasks": spec.tasks[:_TASKS], "trees": window}
    job_costs: list[float] = []
    found: dict[str, list[dict[str, float]]] = {peer: [] for peer in _PEERS if find_spec(peer)}
    for _ in range(bench.n_pairs):
        job_costs.append(slopes({"job": job}, window)["job"].whole)
        for module, seconds in found.items():
            run = bench.run_program(_PEERS[module], "peer_training", program=module, **values)
            seconds.append(run.result())
    rows = []
    for module, peer in _PEERS.items():
        name = f"seconds per tree, this job / {peer}"
        if module not in found:
            rows.append(Row(7, name, (), note="left out: not installed"))
            continue
        costs = [slope(each["short"], each["long"], window) for each in found[module]]
        ratios = tuple(ours / theirs for ours, theirs in zip(job_costs, costs, strict=True))
        build = median(each["build"] for each in found[module])
        times = f"{100 * median(job_costs):.1f} s against {100 * median(costs):.1f} s"
        rows.append(Row(7, name, ratios, note=f"100 trees: {times}; its matrix: {build:.1f} s"))
    return rows


def measure_whole(bench: Bench) -> list[Row]:
    """Whole jobs from CSV and from Parquet, against a plain pandas script."""
    parquet, csv = bench.sizes.whole, replace(bench.sizes.whole, file_format="csv")
    return [*_against_pandas(bench, csv, 0.50, 1.2), *_against_pandas(bench, parquet, 0.40, None)]


def _against_pandas(
    bench: Bench, spec: TableSpec, wall_limit: float, memory_limit: float | None
) -> list[Row]:
    table, n_trees, kind = bench.table(spec), bench.sizes.trees, spec.file_format
    settings = job_settings(spec, spec.n_tasks, n_trees)
    # The plain script reads one file of each split.
    [train_file], [valid_file] = ([*(table / split).iterdir()] for split in ("train", "val"))
    models = bench.folder / "plain-models"
    models.mkdir(exist_ok=True)
    plain = partial(bench.run_program, f"plain pandas, {kind}", "plain_pandas", folder=models)
    runners = {
        "job": partial(bench.run_job, f"whole job, {kind}", table, settings),
        "plain": partial(plain, train_file=train_file, valid_file=valid_file, n_trees=n_trees),
    }
    pairs = [(each["job"], each["plain"]) for each in by_turns(runners, bench.n_pairs)]
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
    job = partial(bench.run_job, channels=tree / "input" / "data")
    # A job of one tree reports it at once; a longer one only every tenth of the way.
    one = partial(job, "AI4I 2020, one tree", hyperparameters={**values, "num_iterations": 1})
    runners = {"one": one, "all": partial(job, "AI4I 2020", hyperparameters=values)}
    rounds = by_turns(runners, bench.n_pairs)
    starts = tuple(each["one"].seconds_until(PROGRESS) for each in rounds)
    walls = tuple(each["all"].wall for each in rounds)
    whole = f"AI4I 2020, whole job, {values['num_iterations']} trees"
    return [Row(5, first_tree, starts, "s", 3.0), Row(5, whole, walls, "s", 6.0)]


def measure_prediction(bench: Bench) -> list[Row]:
    """The model file against K single-task models, with stock LightGBM in one process."""
    spec, n_trees, rows = bench.sizes.matrix, bench.sizes.trees, bench.sizes.scales[-1][0]
    table, job = bench.table(spec), "job for prediction"
    bench.run_job(job, table, job_settings(spec, _TASKS, n_trees))
    singles = {task: str(bench.folder / f"single-{task}.txt") for task in spec.tasks[:_TASKS]}
    for task, model in singles.items():
        name = f"single task for prediction, {task}"
        bench.run_single_task(name, table, n_trees, tasks=[task], model=model)
    values = {"table": bench.table(rows), "n_pairs": bench.n_pairs, "singles": [*singles.values()]}
    values["shared"] = bench.job_folder(job) / "model" / "lightgbmmt_model.txt"
    run = bench.run_program("prediction", "peer_training", program="predict", **values)
    pairs = run.result()
    ours, theirs = medians(pairs)
    ratios = tuple(shared / single for shared, single in pairs)
    what = f"prediction of {rows.rows:,} rows, model file / {_TASKS} single-task models"
    note = f"{ours:.2f} s against {theirs:.2f} s, {n_trees} trees"
    return [Row(6, what, ratios, limit=1.0, note=note)]


_MEASURES = (measure_losses, measure_whole, measure_large, measure_growth)
_MORE = (measure_startup, measure_prediction, measure_peers, measure_categories)
SECTIONS: dict[int, Callable[[Bench], list[Row]]] = dict(enumerate((*_MEASURES, *_MORE), 1))
