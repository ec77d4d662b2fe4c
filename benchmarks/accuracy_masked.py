"""What missing labels cost: 40 % of one task's labels are masked at random.

The other tasks should not notice, and the masked task should do better than a single model of the
rows whose label is left, because the shared trees learn from the other tasks on all rows.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy_job import Job
from benchmarks.accuracy_report import by_table, paired_difference
from benchmarks.peers import Floats, single_lightgbm
from benchmarks.tables import Table, TableMaker, each_split

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
    """Test AUC of the masked task and of the others: see `masked_table`."""
    rows: list[dict[str, object]] = []
    for key, table, whole, seed in each_split(tables, n_splits):
        masked, test = masked_splits(table, seed), whole["test"]
        auc_whole = _aucs(test, table.tasks, job(table, whole, seed, {}))
        mask = {"missing_labels": "mask"}
        auc_masked = _aucs(test, table.tasks, job(table, masked, seed, mask))
        others = [task for task in table.tasks if task != table.tasks[TASK]]
        alone = Table(table.name, table.rows.drop(columns=others), [table.tasks[TASK]])
        row = {
            **key,
            "others_whole": np.delete(auc_whole, TASK).mean(),
            "others_masked": np.delete(auc_masked, TASK).mean(),
            "task_whole": auc_whole[TASK],
            "task_masked": auc_masked[TASK],
        }
        for name, l2 in (("single", 0.0), ("single_alike", lambda_l2)):
            prob = single_lightgbm(alone, masked, seed, n_threads, lambda_l2=l2)
            row[name] = _aucs(test, alone.tasks, prob)[0]
        rows.append(row)
    return pd.DataFrame(rows)


def masked_table(rows: pd.DataFrame) -> str:
    """The report: a row per table.

    Args:
        rows: A row per `table` and split with `resampled` and the AUCs `others_whole`,
            `others_masked`, `task_whole`, `task_masked`, `single` and `single_alike`, the last
            with the job's `lambda_l2`.
    """
    lines = [
        "| table | AUC of the other tasks, masked / whole | difference | "
        "AUC of the masked task: job masked / job whole / single / "
        "single, lambda_l2 as the job's | "
        "job masked - single | job masked - single, lambda_l2 as the job's |",
        "|---|---|---|---|---|---|",
    ]
    pairs = [("others_masked", "others_whole")]
    pairs += [("task_masked", single) for single in ("single", "single_alike")]
    for table, of_table, resampled in by_table(rows):
        means = of_table.drop(columns="table").mean()
        differences = [
            str(paired_difference((of_table[a] - of_table[b]).to_numpy(), resampled=resampled))
            for a, b in pairs
        ]
        of_task = ("task_masked", "task_whole", "single", "single_alike")
        others = " / ".join(f"{means[column]:.4f}" for column in pairs[0])
        own = " / ".join(f"{means[column]:.4f}" for column in of_task)
        cells = [table, others, differences[0], own, *differences[1:]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _aucs(test: pd.DataFrame, tasks: list[str], probs: Floats) -> Floats:
    pairs = zip(tasks, probs.T, strict=True)
    return np.array([roc_auc_score(test[task], prob) for task, prob in pairs])
