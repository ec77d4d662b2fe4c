"""What controls cost and what they are worth, on loan applications whose truth is known.

    python -m benchmarks.controls               # five seeds, some ten minutes on two cores
    python -m benchmarks.controls --seeds 2 --rows 500

Prints Markdown tables: monotone constraints where they are right and where they are wrong; rows
that were sampled by label, with and without their true base rate; going on from an older model.
Figures are means over the tasks and over rows that are drawn anew for every seed, with 95 %
confidence intervals of the paired differences; lower log-loss is better.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.accuracy_job import run_job, train_in
from benchmarks.accuracy_report import paired_difference
from benchmarks.controls_data import DIRECTIONS, TASKS, splits_of
from benchmarks.machine import machine_line
from benchmarks.tables import Table
from benchmarks.timing import say
from examples.tree import write_splits

Floats = NDArray[np.float64]
Splits = Mapping[str, pd.DataFrame]
Variants = Mapping[str, Floats]
"""Probabilities of the test rows by variant; the first one is what the others are compared with."""

MONOTONE = {"monotone_constraints": DIRECTIONS}
RIGHT_ONLY = {
    "monotone_constraints": {
        task: {name: way for name, way in DIRECTIONS.items() if (task, name) != ("late", "age")}
        for task in TASKS
    }
}
KEPT = 0.1
"""Share of the main task's negatives that is left in the sampled training rows."""


def constraints(
    n_train: int, seed: int, n_threads: int, *, u_shaped: bool
) -> tuple[Splits, Variants]:
    """Without constraints and with; where `age` is wrong for one task also without that one."""
    table, splits = splits_of(n_train, seed, u_shaped=u_shaped)
    variants: dict[str, Mapping[str, object]] = {"no constraint": {}, "all tasks": MONOTONE}
    if u_shaped:
        variants["per task, where right"] = RIGHT_ONLY
    return splits, {
        name: run_job(table, splits, seed, n_threads, settings)
        for name, settings in variants.items()
    }


def base_rates(n_train: int, seed: int, n_threads: int) -> tuple[Splits, Variants]:
    """All rows, and a tenth of the main task's negatives in three ways."""
    table, splits = splits_of(n_train, seed)
    train = splits["train"]
    positive = train[TASKS[0]].to_numpy(bool)
    kept = positive | (np.random.default_rng(seed).random(len(train)) < KEPT)
    sampled = dict(splits) | {"train": train[kept].reset_index(drop=True)}
    rates = {task: float(train[task].mean()) for task in TASKS}
    weight = np.where(positive[kept], 1.0, 1 / KEPT)
    weighted = {
        name: rows.assign(weight=weight if name == "train" else 1.0)
        for name, rows in sampled.items()
    }

    def job(rows: Splits, **settings: object) -> Floats:
        return run_job(table, rows, seed, n_threads, settings)

    return splits, {
        "all rows": job(splits),
        "sampled": job(sampled),
        "sampled, task_base_rates": job(sampled, task_base_rates=rates),
        "sampled, weights of 1 / share": job(weighted, sample_weight_name="weight"),
    }


def going_on(n_train: int, seed: int, n_threads: int) -> tuple[Splits, Variants]:
    """An old model of many rows, a few new rows of a world that has changed."""
    table, old = splits_of(4 * n_train, seed)
    _, new = splits_of(n_train, seed + 1000, drift=0.5)
    both = {
        "train": pd.concat([old["train"], new["train"]]),
        "val": new["val"],
        "test": new["test"],
    }
    with TemporaryDirectory() as folder:
        base = Path(folder)
        run_in(base, table, dict(old) | {"test": new["test"]}, seed, n_threads)
        variants = {
            "old model": old_probabilities(base, new["test"], table),
            "new rows alone": run_job(table, new, seed, n_threads, {}),
            "init_model": run_job(table, new, seed, n_threads, {"init_model": str(base / "model")}),
            "all rows from the start": run_job(table, both, seed, n_threads, {}),
        }
    return new, variants


def run_in(base: Path, table: Table, splits: Splits, seed: int, n_threads: int) -> None:
    """Trains a model that stays."""
    settings = {
        "tab_field_list": table.numerical,
        "cat_field_list": [],
        "label_name": table.tasks[0],
        "task_label_names": table.tasks,
        "loss_type": "fixed",
        "num_iterations": 600,
        "early_stopping_rounds": 50,
        "early_stopping_metric": "mean_logloss",
        "seed": seed,
        "num_threads": n_threads,
    }
    write_splits(base, splits, settings, "parquet")
    train_in(base, "val.tar.gz", "val/metrics.json")


def old_probabilities(base: Path, rows: pd.DataFrame, table: Table) -> Floats:
    """What a model that stayed says of other rows."""
    model = lgb.Booster(model_file=base / "model" / "lightgbmmt_model.txt")
    return np.asarray(model.predict(rows[table.features].to_numpy(np.float32)))


def scores(splits: Splits, prob: Floats) -> Floats:
    """Mean AUC, average precision and log-loss over tasks, and mean probability / rate."""
    truth = splits["test"]
    of_tasks = [
        [
            roc_auc_score(truth[task], prob[:, index]),
            average_precision_score(truth[task], prob[:, index]),
            log_loss(truth[task], prob[:, index]),
            prob[:, index].mean() / truth[task].mean(),
        ]
        for index, task in enumerate(TASKS)
    ]
    return np.asarray(np.mean(of_tasks, axis=0))


def compared(title: str, measure: Callable[[int], tuple[Splits, Variants]], seeds: int) -> str:
    """A table of the variants, each but the first by its difference to it."""
    found: dict[str, list[Floats]] = {}
    for seed in range(seeds):
        splits, variants = measure(seed)
        for name, prob in variants.items():
            found.setdefault(name, []).append(scores(splits, prob))
        say(f"{title}: seed {seed + 1} of {seeds}")
    lines = [
        f"| {title} | AUC | average precision | log-loss | mean probability / rate |",
        "|---|---|---|---|---|",
    ]
    first, *others = found
    reference = np.array(found[first])
    auc, precision, loss, level = reference.mean(axis=0)
    lines.append(f"| {first} | {auc:.4f} | {precision:.4f} | {loss:.4f} | {level:.3f} |")
    for name in others:
        values = np.array(found[name])
        gains = [
            str(paired_difference(gain, resampled=False)) for gain in (values - reference).T[:3]
        ]
        lines.append(f"| {name} | {' | '.join(gains)} | {values[:, 3].mean():.3f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--rows", type=int, default=5000, help="training rows of the smaller tables"
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    rows, threads = args.rows, args.threads
    tables: dict[str, Callable[[int], tuple[Splits, Variants]]] = {
        f"monotone, right, {rows:,} rows": lambda seed: constraints(
            rows, seed, threads, u_shaped=False
        ),
        f"monotone, right, {8 * rows:,} rows": lambda seed: constraints(
            8 * rows, seed, threads, u_shaped=False
        ),
        f"monotone, wrong for `late`, {8 * rows:,} rows": lambda seed: constraints(
            8 * rows, seed, threads, u_shaped=True
        ),
        f"sampled by label, {8 * rows:,} rows": lambda seed: base_rates(8 * rows, seed, threads),
        f"{rows:,} new rows, {4 * rows:,} old": lambda seed: going_on(rows, seed, threads),
    }
    for title, measure in tables.items():
        print(compared(title, measure, args.seeds), flush=True)
    print(f"{args.seeds} seeds. {machine_line(threads)}")


if __name__ == "__main__":
    main()
