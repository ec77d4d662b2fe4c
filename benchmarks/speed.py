"""Measures the job's speed and memory, and compares them with its targets.

Run it from the checkout, on a machine that does nothing else:

    python -m benchmarks.speed                     # some 25 minutes on two cores
    python -m benchmarks.speed --large             # also 10 million rows: as long again, 3 GB
    python -m benchmarks.speed --sections 1,5 --pairs 5
    python -m benchmarks.speed --quick             # tiny tables: only tries the program

The sections are the targets: 1 cost of a tree, 2 whole jobs, 3 the largest job, 4 growth with rows
and tasks, 5 start-up, 6 prediction; 7, other libraries that are installed; and 8, what risk tables
of each task cost. Every run is a process of its own: the job as its users start it, on files that
are in the system's cache. What is compared is run by turns, and a figure is the median of the
rounds' ratios.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine_line
from benchmarks.speed_bench import FULL, QUICK, Bench, job_settings
from benchmarks.speed_report import Row, to_markdown
from benchmarks.speed_sections import SECTIONS
from benchmarks.timing import AI4I, RunFailedError, say


def measure(bench: Bench, sections: list[int]) -> list[Row]:
    """The rows of some sections; `RunFailedError` if a run has failed."""
    # The first process of all pays for files that are not in the system's cache yet.
    spec = QUICK.matrix
    bench.run_job("warm-up of the job", bench.table(spec), job_settings(spec, 2, 1))
    bench.run_single_task("warm-up of a single task", bench.table(spec), 1)
    return [row for section in sections for row in SECTIONS[section](bench)]


def main() -> int:
    """Reads the command line, measures, prints the table, and returns the exit code."""
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Measure speed and memory; prints a table.")
    add = parser.add_argument
    add("--sections", default=",".join(map(str, SECTIONS)), help="such as 1,2")
    add("--pairs", type=int, help="rounds (default: 3; with --quick: 1)")
    add("--quick", action="store_true", help="tiny tables, to try the program")
    add("--large", action="store_true", help="also 10 million rows")
    add("--threads", type=int, default=len(cores), choices=range(1, len(cores) + 1), help="cores")
    add("--ai4i", type=Path, default=AI4I, help="ai4i2020.csv as published")
    add("--workdir", type=Path, help="folder to keep tables in (default: none)")
    args = parser.parse_args()
    sections = [int(part) for part in args.sections.split(",")]
    if unknown := sorted(set(sections) - set(SECTIONS)):
        parser.error(f"no such section: {unknown}; there are {[*SECTIONS]}")
    pairs = args.pairs or (1 if args.quick else 3)
    # Every program finds as many cores as it may use, also those that never heard of `--threads`.
    os.sched_setaffinity(0, cores[: args.threads])
    with TemporaryDirectory() as temporary:
        folder = (args.workdir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sizes = QUICK if args.quick else FULL
        bench = Bench(sizes, folder, args.ai4i, args.threads, pairs, args.large)
        try:
            rows = measure(bench, sections)
        except RunFailedError as error:
            say(str(error))
            return 1
    if args.quick:
        # Targets are meant for other sizes: nothing of this must look like a result.
        rows = [replace(row, limit=None) for row in rows]
    print(f"{to_markdown(rows)}\n\nRounds of paired runs: {pairs}. {machine_line(args.threads)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
