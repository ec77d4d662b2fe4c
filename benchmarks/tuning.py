"""Each model at its own best of a small grid, chosen on the validation rows."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from benchmarks.accuracy_job import Job
from benchmarks.peers import Floats, GrownPeer, Growth, Peer, Splits
from benchmarks.tables import Table

GRID = [Growth(rate, leaves) for rate, leaves in product((0.05, 0.1), (7, 31))]


def tuned(predict: GrownPeer) -> Peer:
    """A peer that is trained with every entry of the grid and gives the best one's probabilities.

    Best is the mean log-loss over the tasks on the validation rows, which stop the training, too.
    """

    def predict_best(table: Table, splits: Splits, seed: int, n_threads: int) -> Floats:
        # The validation rows are predicted together with the test rows.
        asked = {**splits, "test": pd.concat([splits["val"], splits["test"]], ignore_index=True)}
        n_val = len(splits["val"])
        tried = [predict(table, asked, seed, n_threads, growth) for growth in GRID]
        losses = [mean_log_loss(table, splits["val"], probs[:n_val]) for probs in tried]
        return tried[int(np.argmin(losses))][n_val:]

    return predict_best


def job_with_growth(job: Job, settings: Mapping[str, object]) -> GrownPeer:
    """The job in the form of what is tuned."""

    def predict(table: Table, splits: Splits, seed: int, _n_threads: int, growth: Growth) -> Floats:
        grown = {"learning_rate": growth.learning_rate, "num_leaves": growth.num_leaves}
        return job(table, splits, seed, {**settings, **grown})

    return predict


def mean_log_loss(table: Table, rows: pd.DataFrame, probs: Floats) -> float:
    """Mean over the tasks of the log-loss on the rows whose label is known."""
    losses = []
    for task, prob in zip(table.tasks, probs.T, strict=True):
        known = rows[task].notna().to_numpy()
        losses.append(log_loss(rows[task][known].astype(int), prob[known], labels=[0, 1]))
    return float(np.mean(losses))
