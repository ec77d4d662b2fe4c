"""Speed of scoring: `python -m benchmarks.scoring` prints the table of docs/benchmarks.md.

Each part is measured beside the same work written by hand, by turns. `--quick` tries the program on
tiny tables, whose figures mean nothing.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import scoring_batch, scoring_server
from benchmarks.machine import machine_line
from benchmarks.speed_bench import FULL, QUICK, Bench
from benchmarks.speed_report import Row, to_markdown
from benchmarks.timing import AI4I, RunFailedError, say


def batch(bench: Bench, *, quick: bool) -> list[Row]:
    """Batch scoring."""
    sizes = scoring_batch.QUICK if quick else scoring_batch.FULL
    return scoring_batch.measure_batch(bench, sizes)


def server(bench: Bench, *, quick: bool) -> list[Row]:
    """The server, beside one by hand (`pip install -r requirements-bench.txt`)."""
    sizes = scoring_server.QUICK if quick else scoring_server.FULL
    return scoring_server.measure_server(bench, sizes)


SECTIONS: dict[str, Callable[..., list[Row]]] = {"batch": batch, "server": server}


def main() -> int:
    """Reads the command line, measures, prints the table, and returns the exit code."""
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Measure scoring; prints a table.")
    parser.add_argument("--sections", nargs="+", choices=[*SECTIONS], default=[*SECTIONS])
    parser.add_argument("--pairs", type=int, help="rounds (default: 3; with --quick: 1)")
    parser.add_argument("--quick", action="store_true", help="tiny tables, to try the program")
    parser.add_argument("--workdir", type=Path, help="folder to keep tables in (default: none)")
    args = parser.parse_args()
    pairs = args.pairs or (1 if args.quick else 3)
    with TemporaryDirectory() as temporary:
        folder = (args.workdir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(QUICK if args.quick else FULL, folder, AI4I, len(cores), pairs, large=False)
        try:
            rows = [
                row for name in args.sections for row in SECTIONS[name](bench, quick=args.quick)
            ]
        except RunFailedError as error:
            say(str(error))
            return 1
    if args.quick:
        # Targets are meant for other sizes: nothing of this must look like a result.
        rows = [replace(row, limit=None) for row in rows]
    print(f"{to_markdown(rows)}\n\nRounds of paired runs: {pairs}. {machine_line(len(cores))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
