"""Measures the job's speed and memory, and compares them with its targets.

Run it from the checkout, on a machine that does nothing else:

    python -m benchmarks.speed                     # some 25 minutes on two cores
    python -m benchmarks.speed --large             # also 10 million rows: as long again, 3 GB
    python -m benchmarks.speed --sections 1,5 --pairs 5
    python -m benchmarks.speed --quick             # tiny tables: only tries the program

The sections are the targets: 1 cost of a tree, 2 whole jobs, 3 the largest job, 4 growth with rows
and tasks, 5 start-up, 6 prediction; and 7, other libraries that are installed
(`pip install -r requirements-bench.txt`).

Every run is a process of its own: the job as its users start it, on files that are in the system's
cache. What is compared is run by turns, and a figure is the median of the rounds' ratios. The table
is Markdown on the standard output; progress goes to the standard error.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import speed_jobs, speed_trees
from benchmarks.machine import machine_line
from benchmarks.speed_bench import Bench, job_settings
from benchmarks.speed_report import Row, to_markdown
from benchmarks.speed_tables import FULL, QUICK
from benchmarks.timing import CHECKOUT, RunFailedError, say

AI4I = CHECKOUT.parent / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"

SECTIONS: dict[int, Callable[[Bench], list[Row]]] = {
    1: speed_trees.measure_losses,
    2: speed_jobs.measure_whole,
    3: speed_jobs.measure_large,
    4: speed_trees.measure_growth,
    5: speed_jobs.measure_startup,
    6: speed_jobs.measure_prediction,
    7: speed_trees.measure_peers,
}


def measure(bench: Bench, sections: list[int]) -> list[Row]:
    """The rows of some sections; `RunFailedError` if a run has failed."""
    # The first process of all pays for files that are not in the system's cache yet.
    spec = QUICK.matrix
    bench.run_job("warm-up of the job", bench.table(spec), job_settings(spec, 2, 1))
    bench.run_single_task("warm-up of a single task", bench.table(spec), 1)
    rows = []
    for section in sections:
        started = time.monotonic()
        rows += SECTIONS[section](bench)
        say(f"section {section} took {(time.monotonic() - started) / 60:.1f} minutes")
    return rows


def main() -> int:
    """Reads the command line, measures, prints the table, and returns the exit code."""
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Measure speed and memory; prints a table.")
    parser.add_argument("--sections", type=_sections, default=[*SECTIONS], help="such as 1,2")
    parser.add_argument("--pairs", type=int, help="rounds (default: 3; with --quick: 1)")
    parser.add_argument("--quick", action="store_true", help="tiny tables, to try the program")
    parser.add_argument("--large", action="store_true", help="also 10 million rows")
    parser.add_argument(
        "--threads", type=int, default=len(cores), choices=range(1, len(cores) + 1), help="cores"
    )
    parser.add_argument("--ai4i", type=Path, default=AI4I, help="ai4i2020.csv as published")
    parser.add_argument("--workdir", type=Path, help="folder to keep tables in (default: none)")
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    args = parser.parse_args()
    pairs = args.pairs or (1 if args.quick else 3)
    # Every program finds as many cores as it may use, also those that never heard of `--threads`.
    os.sched_setaffinity(0, cores[: args.threads])
    with TemporaryDirectory() as temporary:
        folder = (args.workdir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sizes = QUICK if args.quick else FULL
        bench = Bench(sizes, folder, args.ai4i, args.threads, pairs, args.large)
        try:
            rows = measure(bench, args.sections)
        except RunFailedError as error:
            say(str(error))
            return 1
    if args.quick:
        # Targets are meant for other sizes: nothing of this must look like a result.
        rows = [replace(row, limit=None) for row in rows]
    machine = machine_line(args.threads)
    print(f"{to_markdown(rows)}\n\nRounds of paired runs: {pairs}. {machine}")
    if args.json:
        data = {"machine": machine, "pairs": pairs, "quick": args.quick, "runs": bench.runs}
        data["rows"] = [row.to_json() for row in rows]
        args.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 0


def _sections(text: str) -> list[int]:
    sections = [int(part) for part in text.split(",")]
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise argparse.ArgumentTypeError(f"no such section: {unknown}; there are {[*SECTIONS]}")
    return sections


if __name__ == "__main__":
    sys.exit(main())
