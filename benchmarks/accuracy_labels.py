"""Two more questions: are probabilities right on average, and what do missing labels cost.

Calibration: the mean probability of a task is compared with the test rows' base rate. The 99 %
interval around it is that of a binomial share. It allows for the chance in the test labels, not for
that in the training labels: even a model that is calibrated on average leaves it more often.

Missing labels: 40 % of one task's labels are masked at random. The other tasks should not notice,
and the masked task should do better than a single model of the rows whose label is left.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy_job import Job
from benchmarks.accuracy_report import by_table, markdown, paired_difference
from benchmarks.peers import SINGLE, Floats, single_lightgbm
from benchmarks.tables import Table, Tables, each_split
from models.evaluation.calibration import expected_calibration_error
from models.evaluation.score_counts import count_tasks

Row = dict[str, object]
# Early stopping ends the training before many tasks struggle: distillation is tried without it.
_ALL_TREES = {"early_stopping_rounds": 0, "num_iterations": 100}
VARIANTS: dict[str, dict[str, object]] = {
    "fixed": {"loss_type": "fixed"},
    "fixed, calibrate_intercept": {"loss_type": "fixed", "calibrate_intercept": True},
    "adaptive, 100 trees": {"loss_type": "adaptive", **_ALL_TREES},
    "adaptive_kd, 100 trees": {"loss_type": "adaptive_kd", **_ALL_TREES},
    "the same, loss_patience 1": {"loss_type": "adaptive_kd", "loss_patience": 1, **_ALL_TREES},
}
TASK = 1  # the index of the one whose labels are masked: the first that is not the main task


def measure_calibration(tables: Tables, job: Job, n_splits: int, n_threads: int) -> str:
    """The table of the calibration of the job's variants and of single models."""
    rows: list[Row] = []
    for key, table, splits, seed in each_split(tables, n_splits):
        probs = {SINGLE: single_lightgbm(table, splits, seed, n_threads)}
        probs |= {name: job(table, splits, seed, settings) for name, settings in VARIANTS.items()}
        label = splits["test"][table.tasks].to_numpy()
        for model, prob in probs.items():
            found = calibration_rows(label, prob, table.tasks)
            rows += [{**key, "model": model, **row} for row in found]
    return calibration_table(pd.DataFrame(rows))


def calibration_rows(label: NDArray[np.integer], prob: Floats, tasks: list[str]) -> list[Row]:
    """For each of K tasks whether its mean probability is inside the interval, and its ECE.

    `label` and `prob` are of shape (n, K).
    """
    rows: list[Row] = []
    labels = dict(enumerate(label.T))
    counted = count_tasks(labels, prob, tasks)
    for task, mean, counts in zip(tasks, prob.mean(axis=0), counted, strict=True):
        interval = binomtest(counts.n_positives, counts.n_rows).proportion_ci(0.99, "exact")
        inside = bool(interval.low <= mean <= interval.high)
        rows.append({"task": task, "inside": inside, "ece": expected_calibration_error(counts)})
    return rows


def calibration_table(rows: pd.DataFrame) -> str:
    """A row per table and variant of the job; `rows` has one per split, model and task."""
    lines = []
    for table, of_table, resampled in by_table(rows):
        counts = of_table.groupby("model")["inside"].agg(["sum", "size"])
        inside = {model: f"{row['sum']} of {row['size']}" for model, row in counts.iterrows()}
        ece = of_table.pivot_table(index="split", columns="model", values="ece")
        for variant in VARIANTS:
            gap = paired_difference(ece[variant] - ece[SINGLE], resampled=resampled)
            eces = f"{ece[variant].mean():.4f} / {ece[SINGLE].mean():.4f}"
            shares = f"{inside[variant]} / {inside[SINGLE]}"
            lines.append([table, variant, shares, eces, str(gap)])
    share = "mean probability inside the 99 % interval, job / single"
    error = "expected calibration error, job / single"
    return markdown(["table", "job", share, error, "difference"], lines)


def masked_splits(table: Table, seed: int) -> dict[str, pd.DataFrame]:
    """The splits of a table with 40 % of one task's labels masked in `train` and `val`.

    Every class keeps at least one label in both. The test labels stay.
    """
    rng = np.random.default_rng([seed, 2])
    task = table.tasks[TASK]
    splits = table.splits(seed)
    for name in ("train", "val"):
        label = splits[name][task].astype(float)
        hidden = rng.random(len(label)) < 0.4
        for value in (0, 1):
            hidden[rng.choice(np.flatnonzero(label == value))] = False
        splits[name] = splits[name].assign(**{task: label.mask(hidden)})
    return splits


def measure_masked(
    tables: Tables, job: Job, n_splits: int, n_threads: int, lambda_l2: float
) -> str:
    """The table of the test AUC of the masked task and of the others."""
    rows: list[Row] = []
    for key, table, whole, seed in each_split(tables, n_splits):
        masked, test = masked_splits(table, seed), whole["test"]
        auc_whole = _aucs(test, table.tasks, job(table, whole, seed, {}))
        mask = {"missing_labels": "mask"}
        auc_masked = _aucs(test, table.tasks, job(table, masked, seed, mask))
        others = [task for task in table.tasks if task != table.tasks[TASK]]
        alone = Table(table.name, table.rows.drop(columns=others), [table.tasks[TASK]])
        row = dict(key)
        for name, aucs in (("whole", auc_whole), ("masked", auc_masked)):
            row[f"task_{name}"], row[f"others_{name}"] = aucs[TASK], np.delete(aucs, TASK).mean()
        for name, l2 in (("single", 0.0), ("single_alike", lambda_l2)):
            prob = single_lightgbm(alone, masked, seed, n_threads, lambda_l2=l2)
            row[name] = _aucs(test, alone.tasks, prob)[0]
        rows.append(row)
    return masked_table(pd.DataFrame(rows))


def masked_table(rows: pd.DataFrame) -> str:
    """A row per table; `rows` has one per split, with the AUCs that `measure_masked` names."""
    pairs = [("others_masked", "others_whole"), ("task_masked", "single")]
    pairs.append(("task_masked", "single_alike"))
    lines = []
    for table, of_table, resampled in by_table(rows):
        means = of_table.drop(columns="table").mean()
        others, single, alike = (
            str(paired_difference(of_table[a] - of_table[b], resampled=resampled)) for a, b in pairs
        )
        own = ("task_masked", "task_whole", "single", "single_alike")
        aucs = [" / ".join(f"{means[column]:.4f}" for column in each) for each in (pairs[0], own)]
        lines.append([table, aucs[0], others, aucs[1], single, alike])
    alike = "single, lambda_l2 as the job's"
    head = ["table", "AUC of the other tasks, masked / whole", "difference"]
    head += [f"AUC of the masked task: job masked / job whole / single / {alike}"]
    return markdown([*head, "job masked - single", f"job masked - {alike}"], lines)


def _aucs(test: pd.DataFrame, tasks: list[str], probs: Floats) -> Floats:
    pairs = zip(tasks, probs.T, strict=True)
    return np.array([roc_auc_score(test[task], prob) for task, prob in pairs])
