"""Other libraries on the matrix of target 1, for information."""

import json
from importlib.util import find_spec
from statistics import median

from benchmarks.speed_bench import Bench, job_settings, slope, slopes
from benchmarks.speed_report import Row
from benchmarks.timing import Run

_TASKS = 3
_PEERS = {
    "lightgbm": "3 single-task LightGBM models",
    "xgboost": "XGBoost multi_output_tree",
    "catboost": "CatBoost MultiLogloss",
}
"""Module, and how it is used."""


def measure(bench: Bench) -> list[Row]:
    """A row for each peer, installed or not."""
    spec, window = bench.sizes.matrix, bench.sizes.peer_window
    table = bench.table(spec)
    peers = [module for module in _PEERS if find_spec(module)]
    tasks = spec.tasks[:_TASKS]
    options: tuple[str | int, ...] = (
        "--tasks",
        *tasks,
        "--short",
        window.short,
        "--long",
        window.long,
    )

    def job(n_trees: int) -> Run:
        return bench.run_job("job beside peers", table, job_settings(spec, _TASKS, n_trees))

    job_costs: list[float] = []
    peer_seconds: dict[str, list[dict[str, float]]] = {module: [] for module in peers}
    for _ in range(bench.n_pairs):
        job_costs.append(slopes({"job": job}, window)["job"].whole)
        for module in peers:
            run = bench.run_program(_PEERS[module], "peer_training", module, table, *options)
            peer_seconds[module].append(json.loads(run.lines[-1][1]))
    name = "seconds per tree, this job / {}".format
    rows = []
    for module, peer in _PEERS.items():
        if module not in peers:
            rows.append(Row(7, name(peer), (), "times", note="left out: not installed"))
            continue
        costs = [slope(each["short"], each["long"], window) for each in peer_seconds[module]]
        build = median(each["build"] for each in peer_seconds[module])
        rows.append(
            Row(
                7,
                name(peer),
                tuple(ours / theirs for ours, theirs in zip(job_costs, costs, strict=True)),
                "times",
                note=f"100 trees: {100 * median(job_costs):.1f} s against "
                f"{100 * median(costs):.1f} s; its matrix: {build:.1f} s",
            )
        )
    return rows
