"""Can the probabilities be taken at their word: mean probability and calibration error.

The mean probability of a task is compared with the test rows' base rate. The 99 % interval around
it is that of a binomial share: it allows for the chance in the test labels, but not for that in
the training labels, from which the model has its own idea of the base rate, so that even a model
that is calibrated on average leaves it in more than 1 % of all cases.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.accuracy_job import Job
from benchmarks.accuracy_report import paired_difference, progress
from benchmarks.peers import SINGLE, single_lightgbm
from benchmarks.tables import TableMaker
from models.evaluation.calibration import expected_calibration_error
from models.evaluation.score_counts import count_tasks

CONFIDENCE = 0.99

ALL_TREES = {"early_stopping_rounds": 0, "num_iterations": 100}
VARIANTS: dict[str, dict[str, object]] = {
    "fixed": {"loss_type": "fixed"},
    "fixed, calibrate_intercept": {"loss_type": "fixed", "calibrate_intercept": True},
    "adaptive, 100 trees": {"loss_type": "adaptive", **ALL_TREES},
    "adaptive_kd, 100 trees": {"loss_type": "adaptive_kd", **ALL_TREES},
    "the same, loss_patience 1": {"loss_type": "adaptive_kd", "loss_patience": 1, **ALL_TREES},
}
"""Early stopping ends the training before many tasks struggle: distillation is tried without it."""


def measure(
    tables: Mapping[str, TableMaker], job: Job, n_splits: int, n_threads: int
) -> pd.DataFrame:
    """Calibration of the job's variants and of single models: see `calibration_table`."""
    rows: list[dict[str, object]] = []
    for name, make_table in tables.items():
        for seed in range(n_splits):
            table = make_table(seed)
            splits = table.splits(seed)
            probs = {SINGLE: single_lightgbm(table, splits, seed, n_threads)}
            for variant, settings in VARIANTS.items():
                probs[variant] = job(table, splits, seed, settings)
            label = splits["test"][table.tasks].to_numpy()
            for model, prob in probs.items():
                key = {"table": name, "resampled": table.resampled, "split": seed, "model": model}
                rows += [key | row for row in calibration_rows(label, prob, table.tasks)]
            progress(f"{name}, split {seed}: calibration")
    return pd.DataFrame(rows)


def calibration_rows(
    label: NDArray[np.integer], prob: NDArray[np.float64], tasks: list[str]
) -> list[dict[str, object]]:
    """For each task whether the mean probability is inside the interval, and the ECE.

    Args:
        label: Labels 0 and 1, shape (n, K).
        prob: Probabilities, shape (n, K).
        tasks: Names of the K tasks.
    """
    rows: list[dict[str, object]] = []
    labels = {index: label[:, index] for index in range(len(tasks))}
    for index, counts in enumerate(count_tasks(labels, prob, tasks)):
        interval = binomtest(counts.n_positives, counts.n_rows).proportion_ci(CONFIDENCE, "exact")
        mean = float(prob[:, index].mean())
        inside = interval.low <= mean <= interval.high
        ece = expected_calibration_error(counts)
        rows.append({"task": tasks[index], "inside": inside, "ece": ece})
    return rows


def calibration_table(rows: pd.DataFrame) -> str:
    """The report: a row per table and variant of the job.

    Args:
        rows: A row per `table`, `resampled`, `split`, `model` and `task` with the columns `inside`
            and `ece`; the models are `VARIANTS` and `SINGLE`.
    """
    lines = [
        "| table | job | mean probability inside the 99 % interval, job / single | "
        "expected calibration error, job / single | difference |",
        "|---|---|---|---|---|",
    ]
    for table in rows["table"].unique():
        of_table = rows[rows["table"] == table]
        inside = of_table.groupby("model")["inside"].agg(["sum", "size"])
        ece = of_table.pivot_table(index="split", columns="model", values="ece")
        resampled = bool(of_table["resampled"].iloc[0])
        for variant in VARIANTS:
            gap = (ece[variant] - ece[SINGLE]).to_numpy()
            shares = [
                f"{inside.loc[m, 'sum']} of {inside.loc[m, 'size']}" for m in (variant, SINGLE)
            ]
            lines.append(
                f"| {table} | {variant} | {' / '.join(shares)} | "
                f"{ece[variant].mean():.4f} / {ece[SINGLE].mean():.4f} | "
                f"{paired_difference(gap, resampled=resampled)} |"
            )
    return "\n".join(lines)
