"""Paired comparisons of the job with its peers, as a Markdown table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t as student_t

from benchmarks.tables import SHARES

JOB = "this job"
METRICS = {"auc": "AUC", "ap": "AP", "logloss": "log-loss"}


@dataclass(frozen=True)
class Difference:
    """A mean difference and half the width of its confidence interval."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.half_width:.4f}"


def paired_difference(differences: ArrayLike, *, resampled: bool) -> Difference:
    """Mean of paired differences with Student's 95 % confidence interval.

    Args:
        differences: One per split, shape (s,), at least two.
        resampled: The splits are parts of one table. Their training rows overlap, and the variance
            of the mean is then ``(1 / s + n_test / n_train) * variance`` rather than
            ``variance / s`` (Nadeau & Bengio, "Inference for the Generalization Error", Machine
            Learning 52, 2003).
    """
    values = np.asarray(differences, dtype=float)
    overlap = SHARES["test"] / SHARES["train"] if resampled else 0.0
    error = np.sqrt((1 / len(values) + overlap) * values.var(ddof=1))
    return Difference(float(values.mean()), float(student_t.ppf(0.975, len(values) - 1) * error))


def by_table(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """The rows of each table, with its name and whether its splits are of one real table."""
    for name, of_table in rows.groupby("table", sort=False):
        yield str(name), of_table, bool(of_table["resampled"].iloc[0])


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    cells = [f"| {' | '.join(line)} |" for line in (head, *lines)]
    return "\n".join([cells[0], "|" + "---|" * len(head), *cells[1:]])


def comparison(scores: pd.DataFrame) -> str:
    """The report: a row per table and peer, then one per peer over all tables.

    Pairs are formed by split, of the means over the tasks; in the last rows by table, of the means
    over tasks and splits, so that their interval takes the tables as a sample of all tables. The
    scores have a row per `table`, `resampled`, `split`, `task` and `model`, and all of `METRICS`.
    """
    lines = [
        _row(table, rows, peer, "split", resampled=resampled)
        for table, rows, resampled in by_table(scores)
        for peer in _peers(rows)
    ]
    over_tables = _rows_over_tables(scores) if len(scores["table"].unique()) > 1 else []
    return markdown(_HEAD, [*lines, *over_tables])


def summary(scores: pd.DataFrame) -> str:
    """The last rows of `comparison` alone: one per peer, over at least two tables."""
    return markdown(_HEAD, _rows_over_tables(scores))


def seconds(scores: pd.DataFrame) -> str:
    """What each model took for a table, mean over tables and splits; the job's whole job."""
    runs = scores.drop_duplicates(["table", "split", "model"])
    means = runs.groupby("model", sort=False)["seconds"].mean()
    return "Seconds per table: " + ", ".join(f"{name} {mean:.1f}" for name, mean in means.items())


_COLUMNS = [title for name in METRICS.values() for title in (f"{name} job / peer", "difference")]
_HEAD = ["table", "against", *_COLUMNS, "tasks won : lost"]


def _peers(scores: pd.DataFrame) -> list[str]:
    return [str(name) for name in scores["model"].unique() if name != JOB]


def _rows_over_tables(scores: pd.DataFrame) -> list[list[str]]:
    lines = []
    for peer in _peers(scores):
        n_tables = scores[scores["model"] == peer]["table"].nunique()
        label = f"**all {n_tables} tables**"
        lines.append(_row(label, scores, peer, "table", resampled=False))
    return lines


def _row(label: str, scores: pd.DataFrame, peer: str, unit: str, *, resampled: bool) -> list[str]:
    """The comparison with one peer; pairs are formed by `unit`, a column of `scores`.

    At the end stand the tasks whose mean over the splits is better, and worse, than the peer's.
    """
    cells, wins = [], []
    for metric in METRICS:
        means = scores.pivot_table(index=unit, columns="model", values=metric)
        means = means[[JOB, peer]].dropna()  # a peer need not be there on every table
        gap = paired_difference(means[JOB] - means[peer], resampled=resampled)
        cells += [f"{means[JOB].mean():.4f} / {means[peer].mean():.4f}", str(gap)]
        tasks = scores.pivot_table(index=["table", "task"], columns="model", values=metric)
        gain = (tasks[JOB] - tasks[peer]) * (-1 if metric == "logloss" else 1)
        wins.append(f"{(gain > 0).sum()}:{(gain < 0).sum()}")
    return [label, peer, *cells, ", ".join(wins)]
