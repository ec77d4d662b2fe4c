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

from benchmarks import (
    speed_peers,
    speed_per_tree,
    speed_prediction,
    speed_scaling,
    speed_startup,
    speed_whole_job,
)
from benchmarks.machine import machine_line
from benchmarks.speed_bench import Bench, job_settings, say
from benchmarks.speed_report import Row, to_markdown
from benchmarks.speed_sizes import FULL, QUICK
from benchmarks.speed_tables import CHECKOUT
from benchmarks.timing import RunFailedError

AI4I = CHECKOUT.parent / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"

SECTIONS: dict[int, Callable[[Bench], list[Row]]] = {
    1: speed_per_tree.measure,
    2: speed_whole_job.measure,
    3: speed_whole_job.measure_large,
    4: speed_scaling.measure,
    5: speed_startup.measure,
    6: speed_prediction.measure,
    7: speed_peers.measure,
}


def measure(bench: Bench, sections: list[int]) -> list[Row]:
    """The rows of some sections.

    Raises:
        RunFailedError: A run has failed.
    """
    # The first process of all pays for files that are not in the system's cache yet.
    spec = QUICK.matrix
    table = bench.table(spec)
    bench.run_job("warm-up of the job", table, job_settings(spec, 2, 1))
    bench.run_single_task("warm-up of a single task", table, 1)
    rows = []
    for section in sections:
        started = time.monotonic()
        rows += SECTIONS[section](bench)
        say(f"section {section} took {(time.monotonic() - started) / 60:.1f} minutes")
    return rows


def main() -> int:
    """Reads the command line, measures, prints the table, and returns the exit code."""
    args = _arguments()
    # Every program finds as many cores as it may use, also those that never heard of `--threads`.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    with TemporaryDirectory() as temporary:
        folder = args.workdir or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(
            sizes=QUICK if args.quick else FULL,
            folder=folder.resolve(),
            ai4i=args.ai4i,
            n_threads=args.threads,
            n_pairs=args.pairs,
            large=args.large,
        )
        try:
            rows = measure(bench, args.sections)
        except RunFailedError as error:
            say(str(error))
            return 1
    if args.quick:
        # Targets are meant for other sizes: nothing of this must look like a result.
        rows = [replace(row, limit=None) for row in rows]
    machine = machine_line(args.threads)
    print(to_markdown(rows))
    print(f"\nRounds of paired runs: {args.pairs}. {machine}")
    if args.json:
        data = {
            "machine": machine,
            "pairs": args.pairs,
            "quick": args.quick,
            "rows": [row.to_json() for row in rows],
            "runs": bench.runs,
        }
        args.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Measure speed and memory; prints a table.")
    parser.add_argument(
        "--sections", type=_sections, default=list(SECTIONS), help="such as 1,2 (default: all)"
    )
    parser.add_argument("--pairs", type=_positive, help="rounds (default: 3; with --quick: 1)")
    parser.add_argument("--quick", action="store_true", help="tiny tables, to try the program")
    parser.add_argument("--large", action="store_true", help="also 10 million rows")
    parser.add_argument(
        "--threads", type=_positive, default=cores, help=f"cores to use (default: {cores})"
    )
    parser.add_argument("--ai4i", type=Path, default=AI4I, help="ai4i2020.csv as published")
    parser.add_argument("--workdir", type=Path, help="folder to keep tables in (default: none)")
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    args = parser.parse_args()
    if args.threads > cores:
        parser.error(f"--threads {args.threads}: there are {cores} cores")
    args.pairs = args.pairs or (1 if args.quick else 3)
    return args


def _sections(text: str) -> list[int]:
    sections = [int(part) for part in text.split(",")]
    unknown = sorted(set(sections) - set(SECTIONS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no such section: {unknown}; there are {list(SECTIONS)}")
    return sections


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"wanted at least 1, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
