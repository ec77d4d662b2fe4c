"""What the report costs: `python -m benchmarks.report` prints the table of docs/report.md.

The parts of a job that only the report needs are timed inside whole jobs: on a million rows, with
amounts and an earlier model, and on AI4I where that table is there.
"""

import argparse
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine_line
from benchmarks.speed_bench import FULL, QUICK, Bench, job_settings
from benchmarks.speed_report import Row, to_markdown
from benchmarks.timing import AI4I, run_module, say
from examples import ai4i2020


def measure(bench: Bench) -> list[Row]:
    """The rows of the table."""
    spec = bench.sizes.whole
    table = bench.table(spec)
    settings = job_settings(
        spec,
        spec.n_tasks,
        bench.sizes.trees,
        amount_name=spec.numerical[0],
        previous_score_columns={spec.tasks[0]: spec.numerical[1]},
    )
    base = bench.folder / "report"
    code = base / "code" / "hyperparams"
    code.mkdir(parents=True, exist_ok=True)
    (code / "hyperparameters.json").write_text(json.dumps(settings), encoding="utf-8")
    channels = {f"SM_CHANNEL_{path.name.upper()}": str(path) for path in table.iterdir()}
    name = f"{spec.rows:,} x {spec.n_numerical + spec.n_categorical}, {spec.n_tasks} tasks"
    rows = _rows(name, [_run(base, channels) for _ in range(bench.n_pairs)], 0.10, None)
    if bench.ai4i.exists():
        tree = bench.folder / "report-ai4i"
        shutil.rmtree(tree, ignore_errors=True)
        ai4i2020.write_tree(bench.ai4i, tree)
        rows += _rows("AI4I 2020", [_run(tree, {}) for _ in range(bench.n_pairs)], None, 1.0)
    return rows


def _run(base: Path, environ: Mapping[str, str]) -> dict[str, float]:
    seconds: dict[str, float] = run_module("report_job", base=base, environ=environ).result()
    say(f"{base.name}: {seconds}")
    return seconds


def _rows(
    name: str, runs: list[dict[str, float]], share: float | None, limit: float | None
) -> list[Row]:
    parts = [part for part in runs[0] if part != "whole"]
    sums = [sum(run[part] for part in parts) for run in runs]
    shares = tuple(total / run["whole"] for total, run in zip(sums, runs, strict=True))
    return [
        Row(14, f"{name}: report and figures", tuple(sums), "s", limit),
        Row(14, f"{name}: their share of the job", shares, "share", share),
        *(Row(14, f"{name}: {part}", tuple(run[part] for run in runs), "s") for part in parts),
    ]


def main() -> None:
    """Reads the command line, measures and prints the table."""
    parser = argparse.ArgumentParser(description="Measure what the report costs.")
    parser.add_argument("--quick", action="store_true", help="tiny tables, to try the program")
    parser.add_argument("--runs", type=int, default=3, help="runs of each job (default: 3)")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with TemporaryDirectory() as folder:
        sizes = QUICK if args.quick else FULL
        bench = Bench(sizes, Path(folder), AI4I, cores, args.runs, large=False)
        rows = measure(bench)
    if args.quick:
        # Targets are meant for other sizes: nothing of this must look like a result.
        rows = [replace(row, limit=None) for row in rows]
    print(to_markdown(rows))
    print(f"\n{machine_line(cores)}")


if __name__ == "__main__":
    main()
