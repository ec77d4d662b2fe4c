"""What missing labels cost: 40 % of one task's labels are masked at random.

The other tasks should not notice, and the masked task should do better than a single model of the
rows whose label is left, because the shared trees learn from the other tasks on all rows.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy_job import Job
from benchmarks.accuracy_report import paired_difference, progress
from benchmarks.peers import single_lightgbm
from benchmarks.tables import Table, TableMaker

SHARE_MASKED = 0.4
TASK = 1
"""Index of the task whose labels are masked: the first that is not the main task."""


def masked_splits(table: Table, seed: int) -> dict[str, pd.DataFrame]:
    """The splits of a table with labels of one task masked in `train` and `val`.

    Every class keeps at least one label in both. The test labels stay.
    """
    rng = np.random.default_rng([seed, 2])
    task = table.tasks[TASK]
    splits = table.splits(seed)
    for name in ("train", "val"):
        label = splits[name][task].astype(float)
        hidden = rng.random(len(label)) < SHARE_MASKED
        for value in (0, 1):
            hidden[rng.choice(np.flatnonzero(label == value))] = False
        splits[name] = splits[name].assign(**{task: label.mask(hidden)})
    return splits


def measure(
    tables: Mapping[str, TableMaker], job: Job, n_splits: int, n_threads: int, lambda_l2: float
) -> pd.DataFrame:
    """Test AUC of the masked task and of the others: see `masked_table`.

    Args:
        tables: Maker of each table by name.
        job: Trains the job and predicts the test rows.
        n_splits: Number of random splits.
        n_threads: Threads of the single models.
        lambda_l2: Regularization of the second kind of single models.
    """
    rows: list[dict[str, object]] = []
    for name, make_table in tables.items():
        for seed in range(n_splits):
            table = make_table(seed)
            whole, masked = table.splits(seed), masked_splits(table, seed)
            auc_whole = _aucs(whole["test"], table.tasks, job(table, whole, seed, {}))
            mask = {"missing_labels": "mask"}
            auc_masked = _aucs(whole["test"], table.tasks, job(table, masked, seed, mask))
            other_tasks = [task for task in table.tasks if task != table.tasks[TASK]]
            alone = Table(name, table.rows.drop(columns=other_tasks), [table.tasks[TASK]])
            single, alike = (
                _aucs(
                    whole["test"], alone.tasks, single_lightgbm(alone, masked, seed, n_threads, l2)
                )
                for l2 in (0.0, lambda_l2)
            )
            rows.append(
                {
                    "table": name,
                    "resampled": table.resampled,
                    "others_whole": np.delete(auc_whole, TASK).mean(),
                    "others_masked": np.delete(auc_masked, TASK).mean(),
                    "task_whole": auc_whole[TASK],
                    "task_masked": auc_masked[TASK],
                    "single": single[0],
                    "single_alike": alike[0],
                }
            )
            progress(f"{name}, split {seed}: masked labels")
    return pd.DataFrame(rows)


def masked_table(rows: pd.DataFrame) -> str:
    """The report: a row per table.

    Args:
        rows: A row per `table` and split with `resampled` and the AUCs `others_whole`,
            `others_masked`, `task_whole`, `task_masked`, `single` and `single_alike`.
    """
    lines = [
        "| table | AUC of the other tasks, masked / whole | difference | "
        "AUC of the masked task: job masked / job whole / single / "
        "single, lambda_l2 as the job's | "
        "job masked - single | job masked - single, lambda_l2 as the job's |",
        "|---|---|---|---|---|---|",
    ]
    for table in rows["table"].unique():
        of_table = rows[rows["table"] == table]
        resampled = bool(of_table["resampled"].iloc[0])
        means = of_table.drop(columns="table").mean()
        differences = [
            paired_difference((of_table[a] - of_table[b]).to_numpy(), resampled=resampled)
            for a, b in (
                ("others_masked", "others_whole"),
                ("task_masked", "single"),
                ("task_masked", "single_alike"),
            )
        ]
        of_task = ("task_masked", "task_whole", "single", "single_alike")
        lines.append(
            f"| {table} | {means['others_masked']:.4f} / {means['others_whole']:.4f} | "
            f"{differences[0]} | {' / '.join(f'{means[column]:.4f}' for column in of_task)} | "
            f"{differences[1]} | {differences[2]} |"
        )
    return "\n".join(lines)


def _aucs(test: pd.DataFrame, tasks: list[str], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = zip(tasks, probs.T, strict=True)
    return np.array([roc_auc_score(test[task], prob) for task, prob in pairs])
