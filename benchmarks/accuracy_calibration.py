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
from benchmarks.accuracy_report import by_table, paired_difference
from benchmarks.peers import SINGLE, Floats, single_lightgbm
from benchmarks.tables import TableMaker, each_split
from models.evaluation.calibration import expected_calibration_error
from models.evaluation.score_counts import count_tasks

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
    for key, table, splits, seed in each_split(tables, n_splits):
        probs = {SINGLE: single_lightgbm(table, splits, seed, n_threads)}
        probs |= {name: job(table, splits, seed, settings) for name, settings in VARIANTS.items()}
        label = splits["test"][table.tasks].to_numpy()
        for model, prob in probs.items():
            rows += [
                {**key, "model": model, **row} for row in calibration_rows(label, prob, table.tasks)
            ]
    return pd.DataFrame(rows)


def calibration_rows(
    label: NDArray[np.integer], prob: Floats, tasks: list[str]
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
        interval = binomtest(counts.n_positives, counts.n_rows).proportion_ci(0.99, "exact")
        inside = interval.low <= float(prob[:, index].mean()) <= interval.high
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
    for table, of_table, resampled in by_table(rows):
        counts = of_table.groupby("model")["inside"].agg(["sum", "size"])
        inside = {model: f"{row['sum']} of {row['size']}" for model, row in counts.iterrows()}
        ece = of_table.pivot_table(index="split", columns="model", values="ece")
        for variant in VARIANTS:
            gap = paired_difference((ece[variant] - ece[SINGLE]).to_numpy(), resampled=resampled)
            lines.append(
                f"| {table} | {variant} | {inside[variant]} / {inside[SINGLE]} | "
                f"{ece[variant].mean():.4f} / {ece[SINGLE].mean():.4f} | {gap} |"
            )
    return "\n".join(lines)
