"""Target 1: what a tree costs, against a tree of one stock single-task model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.speed_bench import Bench, PerTree, job_settings, slopes
from benchmarks.speed_report import Row
from benchmarks.timing import Run

_STOCK = "single task"
_QUANTIZED = "single task, quantized"


@dataclass(frozen=True)
class _Variant:
    name: str
    n_tasks: int
    settings: dict[str, object]
    limit: float
    exact_limit: float

    @property
    def exact_name(self) -> str:
        return f"{self.name}, exact structure"


# With the least patience the subtasks, which are soon learned, are distilled most of the time.
_DISTILLING: dict[str, object] = {"loss_type": "adaptive_kd", "loss_patience": 1}
_VARIANTS = (
    _Variant("fixed, 3 tasks", 3, {"loss_type": "fixed"}, 0.90, 1.10),
    _Variant("adaptive, 3 tasks", 3, {"loss_type": "adaptive"}, 0.95, 1.12),
    _Variant("adaptive_kd, 3 tasks", 3, _DISTILLING, 1.00, 1.15),
    _Variant("fixed, 5 tasks", 5, {"loss_type": "fixed"}, 1.05, 1.20),
)


def measure(bench: Bench) -> list[Row]:
    """Measures each loss with default settings and with exact structure."""
    table = bench.table(bench.sizes.matrix)
    stock_rows, exact_rows, quantized_rows = [], [], []
    for variant in _VARIANTS:
        # What is run by turns should be done before the machine's mood changes.
        rounds = [
            slopes(_runners(bench, table, variant), bench.sizes.window)
            for _ in range(bench.n_pairs)
        ]
        note = _struggling_share(bench, variant)
        stock_rows.append(_row(variant.name, _STOCK, rounds, variant.limit, note))
        exact_rows.append(_row(variant.exact_name, _STOCK, rounds, variant.exact_limit))
        quantized_rows.append(_row(variant.name, _QUANTIZED, rounds))
    return [*stock_rows, *exact_rows, *quantized_rows]


def _runners(bench: Bench, table: Path, variant: _Variant) -> dict[str, Callable[[int], Run]]:
    def job(name: str, n_tasks: int, settings: dict[str, object], n_trees: int) -> Run:
        values = job_settings(bench.sizes.matrix, n_tasks, n_trees, **settings)
        return bench.run_job(name, table, values)

    def single_task(name: str, options: tuple[str, ...], n_trees: int) -> Run:
        return bench.run_single_task(name, table, n_trees, *options)

    exact = {**variant.settings, "use_quantized_grad": False}
    return {
        variant.name: partial(job, variant.name, variant.n_tasks, variant.settings),
        _STOCK: partial(single_task, _STOCK, ()),
        variant.exact_name: partial(job, variant.exact_name, variant.n_tasks, exact),
        _QUANTIZED: partial(single_task, _QUANTIZED, ("--quantized",)),
    }


def _row(
    job: str,
    single_task: str,
    rounds: list[dict[str, PerTree]],
    limit: float | None = None,
    note: str = "",
) -> Row:
    """The ratio of whole processes; the note has the times and the ratio up to the last tree."""
    pairs = [(each[job], each[single_task]) for each in rounds]
    job_ms, single_ms = (
        1e3 * median(per_tree.whole for per_tree in side) for side in zip(*pairs, strict=True)
    )
    training = median(ours.training / theirs.training for ours, theirs in pairs)
    notes = [f"{job_ms:.1f} ms against {single_ms:.1f} ms", f"{training:.2f} up to the last tree"]
    return Row(
        target=1,
        what=f"seconds per tree, {job} / {single_task}",
        values=tuple(ours.whole / theirs.whole for ours, theirs in pairs),
        unit="times",
        limit=limit,
        note="; ".join([*notes, *([note] if note else [])]),
    )


def _struggling_share(bench: Bench, variant: _Variant) -> str:
    """How much of the last long run's time its subtasks were distilled."""
    if variant.settings is not _DISTILLING:
        return ""
    path = bench.job_folder(variant.name) / "model" / "training_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    n_trees = state["current_iteration"]
    struggling = sum(
        (n_trees if end is None else end) - first
        for periods in state["struggling_periods"].values()
        for first, end in periods
    )
    share = struggling / (n_trees * (variant.n_tasks - 1))
    return f"subtasks were distilled {share:.0%} of the time"
