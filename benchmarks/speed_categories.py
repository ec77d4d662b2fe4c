"""What a risk table per task costs, where categories mean the same to all tasks and where not."""

from functools import partial
from statistics import median

from benchmarks.speed_bench import Bench, TableSpec, job_settings, training_slope
from benchmarks.speed_report import Row, medians
from benchmarks.timing import Run, by_turns

_KINDS = ("auto", "per_task")
_LIMIT = 1.15


def measure_categories(bench: Bench) -> list[Row]:
    """Whole jobs and trees with the other values of `risk_tables`, against `main`."""
    return [row for spec in bench.sizes.coded for row in _measure(bench, spec)]


def _measure(bench: Bench, spec: TableSpec) -> list[Row]:
    table, n_trees = bench.table(spec), bench.sizes.trees
    runners = {
        kind: partial(
            bench.run_job,
            f"{kind}, {spec.n_own} codes of their own",
            table,
            job_settings(spec, spec.n_tasks, n_trees, risk_tables=kind),
        )
        for kind in ("main", *_KINDS)
    }
    rounds = by_turns(runners, bench.n_pairs)
    what = f"{spec.n_tasks} tasks, {spec.n_categorical} categorical columns, {spec.n_own} own"
    rows = []
    for kind in _KINDS:
        pairs = [(each[kind], each["main"]) for each in rounds]
        trees = [(_per_tree(ours), _per_tree(theirs)) for ours, theirs in pairs]
        shown = medians([(1e3 * ours, 1e3 * theirs) for ours, theirs in trees])
        rows += [
            Row(
                8,
                f"{what}: risk_tables {kind} / main, seconds per tree",
                tuple(ours / theirs for ours, theirs in trees),
                limit=_LIMIT if kind == "auto" else None,
                note="{:.1f} ms against {:.1f} ms".format(*shown),
            ),
            Row(
                8,
                f"{what}: risk_tables {kind} / main, whole job",
                tuple(ours.wall / theirs.wall for ours, theirs in pairs),
                note=f"{median(run.wall for run, _ in pairs):.1f} s",
            ),
        ]
    return rows


def _per_tree(run: Run) -> float:
    return training_slope(run, 0)
