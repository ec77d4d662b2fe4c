"""Paired comparisons of the job with its peers, as a Markdown table."""

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from benchmarks.tables import SHARES

JOB = "this job"
METRICS = {"auc": "AUC", "ap": "AP", "logloss": "log-loss"}
LOWER_IS_BETTER = frozenset({"logloss"})
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean difference and half the width of its confidence interval."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.half_width:.4f}"


def paired_difference(differences: NDArray[np.float64], *, resampled: bool) -> Difference:
    """Mean of paired differences with Student's 95 % confidence interval.

    Args:
        differences: One per split, shape (s,), at least two.
        resampled: The splits are parts of one table. Their training rows overlap, and the variance
            of the mean is then ``(1 / s + n_test / n_train) * variance`` rather than
            ``variance / s`` (Nadeau & Bengio, "Inference for the Generalization Error", Machine
            Learning 52, 2003).
    """
    n = len(differences)
    overlap = SHARES["test"] / SHARES["train"] if resampled else 0.0
    error = np.sqrt((1 / n + overlap) * differences.var(ddof=1))
    quantile = student_t.ppf(0.5 + CONFIDENCE / 2, n - 1)
    return Difference(float(differences.mean()), float(quantile * error))


def comparison(scores: pd.DataFrame) -> str:
    """The report: a row per table and peer, then one per peer over all tables.

    Pairs are formed by split, of the means over the tasks; in the last rows by table, of the means
    over tasks and splits, so that their interval takes the tables as a sample of all tables.

    Args:
        scores: A row per `table`, `resampled`, `split`, `task` and `model` with a column for each
            of `METRICS`.
    """
    lines = []
    tables = [str(name) for name in scores["table"].unique()]
    for table in tables:
        rows = scores[scores["table"] == table]
        resampled = bool(rows["resampled"].iloc[0])
        lines += [_row(table, rows, peer, "split", resampled=resampled) for peer in _peers(scores)]
    if len(tables) > 1:
        lines += _rows_over_tables(scores)
    return "\n".join([*_HEAD, *lines])


def summary(scores: pd.DataFrame) -> str:
    """The last rows of `comparison` alone: one per peer, over at least two tables."""
    return "\n".join([*_HEAD, *_rows_over_tables(scores)])


def per_task(scores: pd.DataFrame) -> str:
    """Mean scores of every table and task: a row per task, a column per model."""
    models = [str(name) for name in scores["model"].unique()]
    lines = [
        f"| table | task | {' | '.join(f'{name}: AUC / AP / log-loss' for name in models)} |",
        "|---|---|" + "---|" * len(models),
    ]
    for (table, task), of_task in scores.groupby(["table", "task"], sort=False):
        cells = []
        for model in models:
            means = of_task.loc[of_task["model"] == model, list(METRICS)].mean()
            cells.append(" / ".join(f"{mean:.4f}" for mean in means))
        lines.append(f"| {table} | {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


def progress(text: str) -> None:
    """Prints a line to the standard error: the standard output holds the report alone."""
    print(text, file=sys.stderr, flush=True)


_HEAD = (
    "| table | against | "
    + " | ".join(f"{name} job / peer | difference" for name in METRICS.values())
    + " | tasks won : lost |",
    "|---|---|" + "---|" * (2 * len(METRICS) + 1),
)


def _peers(scores: pd.DataFrame) -> list[str]:
    return [str(name) for name in scores["model"].unique() if name != JOB]


def _rows_over_tables(scores: pd.DataFrame) -> list[str]:
    label = f"**all {scores['table'].nunique()} tables**"
    return [_row(label, scores, peer, "table", resampled=False) for peer in _peers(scores)]


def _row(label: str, scores: pd.DataFrame, peer: str, unit: str, *, resampled: bool) -> str:
    """The comparison with one peer; pairs are formed by `unit`, a column of `scores`."""
    cells, wins = [], []
    for metric in METRICS:
        job, other = _paired(scores, peer, metric, unit)
        difference = paired_difference(job - other, resampled=resampled)
        cells += [f"{job.mean():.4f} / {other.mean():.4f}", str(difference)]
        wins.append(_won_and_lost(scores, peer, metric))
    return f"| {label} | {peer} | {' | '.join(cells)} | {', '.join(wins)} |"


def _paired(
    scores: pd.DataFrame, peer: str, metric: str, *units: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean scores of the job and of a peer in every unit."""
    means = scores.pivot_table(index=list(units), columns="model", values=metric)
    return means[JOB].to_numpy(), means[peer].to_numpy()


def _won_and_lost(scores: pd.DataFrame, peer: str, metric: str) -> str:
    """Number of tasks whose mean over the splits is better, and worse, than the peer's."""
    job, other = _paired(scores, peer, metric, "table", "task")
    gain = other - job if metric in LOWER_IS_BETTER else job - other
    return f"{(gain > 0).sum()}:{(gain < 0).sum()}"
