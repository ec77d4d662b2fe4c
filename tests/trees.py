"""Small `/opt/ml` trees: real files that a job can be run on."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ID_NAME = "id"
NUMERICAL = ["amount", "age", "balance"]
CATEGORICAL = ["country", "channel"]
MAIN_TASK = "isFraud"
TASKS = [MAIN_TASK, "isCard", "isDebit"]
FORMATS = ("csv", "tsv", "parquet")


def make_table(n_rows: int, seed: int = 0, tasks: list[str] = TASKS) -> pd.DataFrame:
    """A table whose tasks can be learned from its features.

    Ids have leading zeros. `balance` and `country` have missing values; `01` and `1` are two
    countries, `NA` is one. Each task depends on features of its own and on what all share. The
    numbers have few digits and are the same as float32 in every format.
    """
    rng = np.random.default_rng(seed)
    amount = np.round(rng.lognormal(3, 1, n_rows), 1)
    age = rng.integers(0, 2000, n_rows).astype(np.float64)
    balance = np.round(rng.normal(0, 100, n_rows), 0)
    country = rng.choice(["DE", "NA", "FR", "01", "1"], n_rows)
    channel = rng.choice(["web", "app"], n_rows)
    shared = np.log(amount) - 3 + np.isin(country, ["01", "NA"])
    own = [-age / 500 + 1.5, balance / 60, np.where(channel == "web", 1.0, -1.0), age / 500 - 1.5]
    labels = {
        task: (shared + own[i % 4] + rng.logistic(0, 0.6, n_rows) > 1).astype(np.int64)
        for i, task in enumerate(tasks)
    }
    table = pd.DataFrame(
        {
            ID_NAME: [f"{number:06d}" for number in rng.permutation(n_rows)],
            "amount": amount,
            "age": age,
            "balance": balance,
            "country": country,
            "channel": channel,
            **labels,
        }
    )
    table.loc[rng.random(n_rows) < 0.05, "balance"] = np.nan
    table.loc[rng.random(n_rows) < 0.05, "country"] = None
    return table


def make_splits(
    n_rows: int = 600, seed: int = 0, tasks: list[str] = TASKS
) -> dict[str, pd.DataFrame]:
    """`n_rows` training rows, and half as many for validation and for the test."""
    table = make_table(2 * n_rows, seed, tasks)
    half = n_rows + n_rows // 2
    return {"train": table[:n_rows], "val": table[n_rows:half], "test": table[half:]}


def hyperparameters(**changes: object) -> dict[str, Any]:
    """Settings of a quick job on `make_splits`; one thread, because tests share the cores."""
    return {
        "tab_field_list": NUMERICAL,
        "cat_field_list": CATEGORICAL,
        "label_name": MAIN_TASK,
        "task_label_names": TASKS,
        "loss_type": "fixed",
        "num_iterations": 10,
        "num_leaves": 7,
        "num_threads": 1,
    } | changes


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table in the format that the file's name ends with; missing is empty or null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
        return
    text = table.to_csv(index=False, sep="\t" if ".tsv" in path.suffixes else ",")
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_hyperparameters(base: Path, values: Mapping[str, object]) -> None:
    """Writes the native hyperparameter file."""
    path = base / "code" / "hyperparams" / "hyperparameters.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def write_tree(
    base: Path,
    splits: Mapping[str, pd.DataFrame],
    values: Mapping[str, object],
    ending: str = "csv",
) -> Path:
    """Writes a tree with one file per split; gives `base` back.

    Args:
        base: the folder that stands for `/opt/ml`.
        splits: channel name to table.
        values: the hyperparameters.
        ending: format of the data files: `csv`, `tsv`, `parquet`, `csv.gz` or `tsv.gz`.
    """
    for name, table in splits.items():
        write_table(table, base / "input" / "data" / name / f"part-0.{ending}")
    write_hyperparameters(base, values)
    return base
