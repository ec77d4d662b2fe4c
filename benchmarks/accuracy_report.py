"""Paired comparisons of the job with its peers, as a Markdown table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from benchmarks.tables import SHARES

JOB = "this job"
METRICS = {"auc": "AUC", "ap": "AP", "logloss": "log-loss"}
LOWER_IS_BETTER = frozenset({"logloss"})


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
    quantile = student_t.ppf(0.975, n - 1)
    return Difference(float(differences.mean()), float(quantile * error))


def by_table(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """The rows of each table, with its name and whether its splits are of one real table."""
    for name, of_table in rows.groupby("table", sort=False):
        yield str(name), of_table, bool(of_table["resampled"].iloc[0])


def comparison(scores: pd.DataFrame) -> str:
    """The report: a row per table and peer, then one per peer over all tables.

    Pairs are formed by split, of the means over the tasks; in the last rows by table, of the means
    over tasks and splits, so that their interval takes the tables as a sample of all tables.

    Args:
        scores: A row per `table`, `resampled`, `split`, `task` and `model` with a column for each
            of `METRICS`.
    """
    lines = [
        _row(table, rows, peer, "split", resampled=resampled)
        for table, rows, resampled in by_table(scores)
        for peer in _peers(rows)
    ]
    over_tables = _rows_over_tables(scores) if len(scores["table"].unique()) > 1 else []
    return "\n".join([*_HEAD, *lines, *over_tables])


def summary(scores: pd.DataFrame) -> str:
    """The last rows of `comparison` alone: one per peer, over at least two tables."""
    return "\n".join([*_HEAD, *_rows_over_tables(scores)])


def seconds(scores: pd.DataFrame) -> str:
    """What each model took for a table, mean over tables and splits; the job's whole job."""
    runs = scores.drop_duplicates(["table", "split", "model"])
    means = runs.groupby("model", sort=False)["seconds"].mean()
    return "Seconds per table: " + ", ".join(f"{name} {mean:.1f}" for name, mean in means.items())


def per_task(scores: pd.DataFrame) -> str:
    """Mean scores of every table and task: a row per task, a column per model."""
    models = [str(name) for name in scores["model"].unique()]
    lines = [
        f"| table | task | {' | '.join(f'{name}: AUC / AP / log-loss' for name in models)} |",
        "|---|---|" + "---|" * len(models),
    ]
    for (table, task), of_task in scores.groupby(["table", "task"], sort=False):
        means = of_task.groupby("model", sort=False)[[*METRICS]].mean()
        cells = [" / ".join(f"{mean:.4f}" for mean in means.loc[model]) for model in models]
        lines.append(f"| {table} | {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


_HEAD = (
    "| table | against | "
    + " | ".join(f"{name} job / peer | difference" for name in METRICS.values())
    + " | tasks won : lost |",
    "|---|---|" + "---|" * (2 * len(METRICS) + 1),
)


def _peers(scores: pd.DataFrame) -> list[str]:
    return [str(name) for name in scores["model"].unique() if name != JOB]


def _rows_over_tables(scores: pd.DataFrame) -> list[str]:
    lines = []
    for peer in _peers(scores):
        n_tables = scores[scores["model"] == peer]["table"].nunique()
        label = f"**all {n_tables} tables**"
        lines.append(_row(label, scores, peer, "table", resampled=False))
    return lines


def _row(label: str, scores: pd.DataFrame, peer: str, unit: str, *, resampled: bool) -> str:
    """The comparison with one peer; pairs are formed by `unit`, a column of `scores`.

    At the end stand the tasks whose mean over the splits is better, and worse, than the peer's.
    """

    def paired(metric: str, *units: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        means = scores.pivot_table(index=list(units), columns="model", values=metric)
        means = means[[JOB, peer]].dropna()  # a peer need not be there on every table
        return means[JOB].to_numpy(), means[peer].to_numpy()

    cells, wins = [], []
    for metric in METRICS:
        job, other = paired(metric, unit)
        difference = paired_difference(job - other, resampled=resampled)
        cells += [f"{job.mean():.4f} / {other.mean():.4f}", str(difference)]
        job, other = paired(metric, "table", "task")
        gain = other - job if metric in LOWER_IS_BETTER else job - other
        wins.append(f"{(gain > 0).sum()}:{(gain < 0).sum()}")
    return f"| {label} | {peer} | {' | '.join(cells)} | {', '.join(wins)} |"
