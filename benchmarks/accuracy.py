"""Compares the job's accuracy with that of K single models and of other libraries.

Run it from the checkout; every peer takes part whose package is installed:

    pip install -r requirements-bench.txt
    python -m benchmarks.accuracy                       # all tables, five splits
    python -m benchmarks.accuracy --only digits wine --splits 10
    python -m benchmarks.accuracy --folder my_csv_files --set lambda_l2=2
    python -m benchmarks.accuracy --defaults            # the job's defaults against other values
    python -m benchmarks.accuracy --calibration --masked   # these two tables instead

The tables are AI4I 2020, if its file is there, those that scikit-learn ships, generated ones (see
`benchmarks.tables`), and the CSV files of a folder, whose columns `task_...` are the tasks. The
report is Markdown on the standard output; progress goes to the standard error.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks import accuracy_calibration, accuracy_masked
from benchmarks.accuracy_defaults import alternatives
from benchmarks.accuracy_job import Job, as_peer, lambda_l2, parse_settings, run_job
from benchmarks.accuracy_report import JOB, comparison, per_task, progress, summary
from benchmarks.machine import machine_line
from benchmarks.peers import Peer, Splits, installed_peers
from benchmarks.tables import Table, TableMaker, built_in_tables, read_ai4i, read_csv

CHECKOUT = Path(__file__).resolve().parents[1]
AI4I = CHECKOUT.parent / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"


def find_tables(ai4i: Path, folder: Path | None, only: list[str] | None) -> dict[str, TableMaker]:
    """The tables to compare on: maker by name.

    Raises:
        ValueError: `only` names a table that is not there.
    """
    tables: dict[str, TableMaker] = {}

    def add(table: Table) -> None:
        tables[table.name] = lambda _seed: table

    if ai4i.exists():
        add(read_ai4i(ai4i))
    else:
        progress(f"AI4I 2020 is left out: there is no {ai4i}")
    tables |= built_in_tables()
    for path in sorted(folder.glob("*.csv")) if folder is not None else []:
        add(read_csv(path))
    unknown = sorted(set(only or []) - set(tables))
    if unknown:
        raise ValueError(f"no such table: {unknown}; there are: {list(tables)}")
    return {name: make for name, make in tables.items() if not only or name in only}


def compare(
    tables: dict[str, TableMaker],
    peers: dict[str, Peer],
    n_splits: int,
    n_threads: int,
    job: Job,
) -> pd.DataFrame:
    """Scores of every table, split, model and task: see `accuracy_report.comparison`."""
    rows: list[dict[str, object]] = []
    for name, make_table in tables.items():
        for seed in range(n_splits):
            table = make_table(seed)
            splits = table.splits(seed)
            for model, predict in {JOB: as_peer(job, {}), **peers}.items():
                started = time.perf_counter()
                probs = predict(table, splits, seed, n_threads)
                seconds = time.perf_counter() - started
                progress(f"{name}, split {seed}, {model}: {seconds:.1f} s")
                key = {
                    "table": _described(table),
                    "resampled": table.resampled,
                    "split": seed,
                    "model": model,
                    "seconds": seconds,
                }
                rows += [key | scores for scores in task_scores(table, splits["test"], probs)]
    return pd.DataFrame(rows)


def task_scores(
    table: Table, test: pd.DataFrame, probs: NDArray[np.float64]
) -> Iterator[dict[str, object]]:
    """The scores of each task, computed by scikit-learn."""
    for task, prob in zip(table.tasks, probs.T, strict=True):
        label = test[task]
        yield {
            "task": task,
            "auc": roc_auc_score(label, prob),
            "ap": average_precision_score(label, prob),
            "logloss": log_loss(label, prob),
        }


def _described(table: Table) -> str:
    n_features = len(table.features)
    return f"{table.name} ({len(table.rows)} x {n_features}, {len(table.tasks)} tasks)"


def main() -> None:
    """Reads the command line, compares, and prints the report."""
    parser = argparse.ArgumentParser(description="Compare accuracy; prints a Markdown table.")
    parser.add_argument("--ai4i", type=Path, default=AI4I, help="ai4i2020.csv as published")
    parser.add_argument("--folder", type=Path, help="folder of CSV files with columns task_...")
    parser.add_argument("--only", nargs="+", metavar="TABLE", help="names of the tables wanted")
    parser.add_argument("--splits", type=int, default=5, help="random splits, at least 2")
    parser.add_argument("--threads", type=int, default=2, help="threads of every model")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="hyperparameters of the job"
    )
    parser.add_argument("--per-task", action="store_true", help="add a table of all tasks")
    parser.add_argument(
        "--calibration", action="store_true", help="instead, tell how calibrated the job is"
    )
    parser.add_argument(
        "--masked", action="store_true", help="instead, tell what missing labels cost"
    )
    parser.add_argument(
        "--defaults", action="store_true", help="instead, tell what other hyperparameters give"
    )
    parser.add_argument("--scores", type=Path, help="CSV file to write all scores to")
    args = parser.parse_args()
    if args.splits < 2:
        parser.error("an interval needs at least two splits")
    tables = find_tables(args.ai4i, args.folder, args.only)
    settings = parse_settings(args.set)
    n_splits, n_threads = args.splits, args.threads

    def job(
        table: Table, splits: Splits, seed: int, more: Mapping[str, object]
    ) -> NDArray[np.float64]:
        return run_job(table, splits, seed, n_threads, {**settings, **more})

    if args.calibration:
        rows = accuracy_calibration.measure(tables, job, n_splits, n_threads)
        print(f"{accuracy_calibration.calibration_table(rows)}\n")
    if args.masked:
        l2 = lambda_l2(settings)
        rows = accuracy_masked.measure(tables, job, n_splits, n_threads, l2)
        print(f"{accuracy_masked.masked_table(rows)}\n")
    if args.defaults or not (args.calibration or args.masked):
        peers = alternatives(job) if args.defaults else installed_peers(lambda_l2(settings))
        scores = compare(tables, peers, n_splits, n_threads, job)
        if args.scores:
            scores.to_csv(args.scores, index=False)
        report = summary if args.defaults and len(tables) > 1 else comparison
        print(f"{report(scores)}\n")
        if args.per_task:
            print(f"{per_task(scores)}\n")
    print(f"{n_splits} splits. {machine_line(n_threads)}")


if __name__ == "__main__":
    main()
