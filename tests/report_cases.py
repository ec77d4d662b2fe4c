"""Jobs whose reports are looked at: one per way in which a page can go wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import run_job
from trees import (
    CATEGORICAL,
    NUMERICAL,
    TASKS,
    hyperparameters,
    make_splits,
    make_table,
    write_tree,
)

from examples import payments

Splits = dict[str, pd.DataFrame]

HOSTILE_TASKS = [
    "<script>alert('x')</script>",
    "\"quoted\" & 'so' </title>{{ 7*7 }}",
    "مهمة \u202eesrever",
    "a" * 120,
]
HOSTILE_CATEGORY = "line\nbreak <b>bold</b> \x07\u202e"


def demo(base: Path) -> None:
    """The example of the README, smaller: amount and an earlier model."""
    values = payments.hyperparameters("adaptive") | {"num_iterations": 20, "num_threads": 1}
    write_tree(base, payments.make_splits(6000, 1), values)


def plain(base: Path) -> None:
    """No amount, no earlier model, no test data, fixed weights."""
    splits = make_splits()
    del splits["test"]
    write_tree(base, splits, hyperparameters())


def many_tasks(base: Path) -> None:
    """Fifty tasks."""
    tasks = [f"task {i:02d}" for i in range(50)]
    table = make_table(3000, tasks=tasks)
    parts = {"train": table[:1500], "val": table[1500:2250], "test": table[2250:]}
    values = hyperparameters(
        task_label_names=tasks, label_name=tasks[3], num_iterations=8, amount_name="amount"
    )
    write_tree(base, parts, values)


def wide(base: Path) -> None:
    """Five tasks and sixty features, all that a page can show."""
    tasks = [f"task {i}" for i in range(5)]
    table = make_table(3000, tasks=tasks)
    rng = np.random.default_rng(0)
    more = {f"feature {i:02d}": rng.normal(size=len(table)) for i in range(55)}
    table = pd.concat([table, pd.DataFrame(more, index=table.index)], axis=1)
    parts = {"train": table[:1500], "val": table[1500:2250], "test": table[2250:]}
    values = hyperparameters(
        tab_field_list=[*NUMERICAL, *more],
        task_label_names=tasks,
        label_name=tasks[0],
        amount_name="amount",
        previous_score_columns=dict.fromkeys(tasks, "age"),
        num_leaves=31,
    )
    write_tree(base, parts, values)


def masked(base: Path) -> None:
    """Unknown labels, weights, and test rows without labels."""
    splits = {name: table.copy() for name, table in make_splits().items()}
    rng = np.random.default_rng(0)
    for name in ("train", "val"):
        for task in TASKS:
            labels = splits[name][task].astype("float64")
            splits[name][task] = labels.mask(rng.random(len(labels)) < 0.4)
        splits[name]["weight"] = rng.gamma(2.0, 0.5, len(splits[name]))
    splits["test"] = splits["test"].drop(columns=TASKS)
    values = hyperparameters(missing_labels="mask", sample_weight_name="weight")
    write_tree(base, splits, values)


def one_class(base: Path) -> None:
    """A task without positives to judge by, and a main task of that kind in the test rows."""
    splits = {name: table.copy() for name, table in make_splits().items()}
    splits["val"]["isCard"] = 0
    splits["test"][["isCard", "isFraud"]] = 0
    values = hyperparameters(amount_name="amount", previous_score_columns={"isDebit": "age"})
    write_tree(base, splits, values)


def hostile(base: Path) -> None:
    """Names that are markup, quotes, templates, of another direction, or endless."""
    table = make_table(1800, tasks=HOSTILE_TASKS)
    columns = {"amount": "<img src=x onerror=alert(1)>", "country": "a\"b'c&d"}
    table = table.rename(columns=columns)
    table.loc[table.index % 5 == 0, "channel"] = HOSTILE_CATEGORY
    parts = {"train": table[:900], "val": table[900:1350], "test": table[1350:]}
    names = {name: columns.get(name, name) for name in (*NUMERICAL, *CATEGORICAL)}
    values = hyperparameters(
        tab_field_list=[names[name] for name in NUMERICAL],
        cat_field_list=[names[name] for name in CATEGORICAL],
        task_label_names=HOSTILE_TASKS,
        label_name=HOSTILE_TASKS[0],
        amount_name=names["amount"],
        previous_score_columns={HOSTILE_TASKS[0]: "age"},
    )
    write_tree(base, parts, values, "parquet")


CASES: dict[str, Callable[[Path], None]] = {
    "demo": demo,
    "plain": plain,
    "masked": masked,
    "one_class": one_class,
    "hostile": hostile,
    "wide": wide,
    "many_tasks": many_tasks,
}
# Pages that take their time.
_LONG = {"wide", "many_tasks"}
PARAMETERS = [pytest.param(name, marks=pytest.mark.long if name in _LONG else ()) for name in CASES]


def run_case(case: str, base: Path) -> Path:
    """Runs a case's job and gives its tree."""
    CASES[case](base)
    run_job(base)
    return base


def report_file(base: Path) -> Path:
    """The page of a finished job."""
    return base / "output" / "data" / "report.html"
