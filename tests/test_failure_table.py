"""Every fault that a user can make ends the job with exit code 1 and one line that names it.

Each row is a valid tree, the damage done to it, and the line. In the line `BASE` stands for the
tree's folder, and `<...>` for what another library says.
"""

import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from failure_cases import (
    SPLITS,
    change_hyperparameters,
    change_table,
    change_text,
    channel,
    last_file,
    leave_old_results,
    remove,
    results,
    run_main,
    small_tree,
    write_config,
)
from jobs import run_script
from trees import TASKS, write_table

SHOWN_CHARACTERS = 1024


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: what is wrong.
        damage: does it to the tree at the path it is given.
        cause: the first line of the failure file, and the one line on stderr.
        ending: format of the tree's data files.
        environ: environment variables of the job; `BASE` in a value is the tree's folder.
    """

    name: str
    damage: Callable[[Path], object]
    cause: str
    ending: str = "csv"
    environ: Mapping[str, str] = field(default_factory=dict)


def name_of(split: str, ending: str = "csv") -> str:
    """What messages call the last file of a channel."""
    return f"{split}/part-{1 if split == 'train' else 0}.{ending}"


def keep_header(base: Path, split: str) -> None:
    for path in channel(base, split).iterdir():
        path.write_text(path.read_text().partition("\n")[0] + "\n")


def keep_no_rows(base: Path, split: str) -> None:
    for path in channel(base, split).iterdir():
        write_table(pd.read_parquet(path)[:0], path)


def cut(base: Path, split: str) -> None:
    path = last_file(base, split)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def set_value(column: str, value: object, rows: slice = slice(2, 3)) -> Callable[..., pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].to_numpy(dtype=object, copy=True)
        values[rows] = value
        return table.assign(**{column: values})

    return change


def every_file(
    base: Path, split: str, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    for path in channel(base, split).iterdir():
        write_table(change(pd.read_csv(path, dtype="str", keep_default_na=False)), path)


def channel_cases(split: str) -> Iterator[Case]:
    yield Case(
        f"{split}: no data in the folder",
        lambda base: [remove(path) for path in channel(base, split).iterdir()],
        "",
    )
    yield Case(
        f"{split}: files of another kind only",
        lambda base: [path.rename(path.with_suffix(".xlsx")) for path in channel(base, split).iterdir()],
        "",
    )
    yield Case(
        f"{split}: two formats",
        lambda base: write_table(pd.DataFrame({"a": [1]}), channel(base, split) / "z.parquet"),
        "",
    )
    yield Case(
        f"{split}: a file of 0 bytes",
        lambda base: (channel(base, split) / "part-2.csv").touch(),
        "",
    )
    yield Case(
        f"{split}: blank lines only",
        lambda base: last_file(base, split).write_text("\n\n"),
        "",
    )
    yield Case(
        f"{split}: header only",
        lambda base: keep_header(base, split),
        "",
    )
    yield Case(
        f"{split}: Parquet without rows",
        lambda base: keep_no_rows(base, split),
        "",
        ending="parquet",
    )


def file_cases(split: str) -> Iterator[Case]:
    yield Case(
        f"{split}: Parquet cut off",
        lambda base: cut(base, split),
        "",
        ending="parquet",
    )
    yield Case(
        f"{split}: gzip cut off",
        lambda base: cut(base, split),
        "",
        ending="csv.gz",
    )
    yield Case(
        f"{split}: no gzip",
        lambda base: last_file(base, split).write_text("id,amount\n1,2\n"),
        "",
        ending="csv.gz",
    )
    yield Case(
        f"{split}: a row with a field too many",
        lambda base: change_text(base, split, lambda lines: [*lines[:5], lines[5] + ",x", *lines[6:]]),
        "",
    )
    yield Case(
        f"{split}: a row with too few fields",
        lambda base: change_text(base, split, lambda lines: [*lines[:5], lines[5][:9], *lines[6:]]),
        "",
    )
    yield Case(
        f"{split}: a quote that is never closed",
        lambda base: change_text(base, split, lambda lines: [*lines[:5], '"' + lines[5], *lines[6:]]),
        "",
    )
    yield Case(
        f"{split}: no UTF-8",
        lambda base: last_file(base, split).write_bytes(
            last_file(base, split).read_bytes().replace(b"DE", b"\xc4", 1)
        ),
        "",
    )


def column_cases(split: str) -> Iterator[Case]:
    yield Case(
        f"{split}: columns missing in a file",
        lambda base: change_table(
            base, split, lambda table: table.rename(columns={"amount": "Amount_", "age": "aeg"}).drop(columns="channel")
        ),
        "",
    )
    yield Case(
        f"{split}: columns missing in a Parquet file",
        lambda base: change_table(base, split, lambda table: table.drop(columns="country")),
        "",
        ending="parquet",
    )
    yield Case(
        f"{split}: a label column missing in a file",
        lambda base: change_table(base, split, lambda table: table.rename(columns={"isCard": "iscard"})),
        "",
    )
    yield Case(
        f"{split}: a column twice",
        lambda base: change_table(
            base, split, lambda table: table.assign(extra="0").rename(columns={"extra": "age"})
        ),
        "",
    )
    yield Case(
        f"{split}: another number of columns, none of them needed",
        lambda base: last_file(base, split).write_text("a;b\n1;2\n"),
        "",
    )
    yield Case(
        f"{split}: no id column here",
        lambda base: [
            write_table(pd.read_csv(path, dtype="str", keep_default_na=False).drop(columns="id"), path)
            for path in channel(base, split).iterdir()
        ],
        "",
    )
    yield Case(
        f"{split}: lists in a numerical column",
        lambda base: change_table(base, split, lambda table: table.assign(age=[[1]] * len(table))),
        "",
        ending="parquet",
    )


def value_cases(split: str) -> Iterator[Case]:
    yield Case(
        f"{split}: labels other than 0 and 1",
        lambda base: change_table(
            base,
            split,
            lambda table: set_value("isDebit", "yes", slice(4, 7))(set_value("isCard", "2")(table)),
        ),
        "",
    )
    yield Case(
        f"{split}: labels other than 0 and 1 in Parquet",
        lambda base: change_table(base, split, lambda table: table.assign(isCard=table["isCard"] * 0.5)),
        "",
        ending="parquet",
    )
    yield Case(
        f"{split}: labels missing",
        lambda base: change_table(
            base, split, lambda table: set_value("isFraud", "", slice(9, 12))(set_value("isDebit", "NA")(table))
        ),
        "",
    )
    yield Case(
        f"{split}: labels missing in Parquet",
        lambda base: change_table(base, split, lambda table: table.assign(isDebit=pd.NA)),
        "",
        ending="parquet",
    )
    yield Case(
        f"{split}: infinite values",
        lambda base: change_table(
            base, split, lambda table: set_value("age", "-inf", slice(3, 5))(set_value("amount", "1e39")(table))
        ),
        "",
    )
    yield Case(
        f"{split}: infinite values in Parquet",
        lambda base: change_table(base, split, lambda table: set_value("balance", np.inf)(table).astype({"balance": "float64"})),
        "",
        ending="parquet",
    )


def hyperparameter_file(text: str | bytes) -> Callable[[Path], object]:
    def damage(base: Path) -> None:
        path = base / "code" / "hyperparams" / "hyperparameters.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return damage


def settings(**changes: object) -> Callable[[Path], object]:
    return lambda base: change_hyperparameters(base, **changes)


HYPERPARAMETERS = [
    Case("no hyperparameters at all", lambda base: remove(base / "code"), ""),
    Case("hyperparameters are no JSON", hyperparameter_file('{"label_name": }'), ""),
    Case("hyperparameters are a list", hyperparameter_file("[1]"), ""),
    Case("hyperparameters are no UTF-8", hyperparameter_file(b'{"a": "\xff"}'), ""),
    Case("a hyperparameter twice", hyperparameter_file('{"seed": 1, "seed": 2}'), ""),
    Case("a hyperparameter that is NaN", hyperparameter_file('{"lambda_l2": NaN}'), ""),
    Case("hyperparameters are a folder", lambda base: (remove(base / "code/hyperparams/hyperparameters.json"), (base / "code/hyperparams/hyperparameters.json").mkdir()), ""),
    *(
        Case(f"{name} missing", settings(**{name: ...}), "")
        for name in ("tab_field_list", "cat_field_list", "label_name", "loss_type")
    ),
    Case("no hyperparameter given", hyperparameter_file("{}"), ""),
    Case("an unknown name", settings(learning_rat=0.1), ""),
    Case("values out of range", settings(learning_rate=0, num_leaves=1, loss_beta=1.5), ""),
    Case("a value of another type", settings(num_iterations="many"), ""),
    Case("the main task is no task", settings(label_name="isFraudd"), ""),
    Case("main_task_index disagrees", settings(main_task_index=2), ""),
    Case("num_tasks disagrees", settings(num_tasks=4), ""),
    Case("one task", settings(task_label_names=["isFraud"]), ""),
    Case("a task twice", settings(task_label_names=["isFraud", "isCard", "isCard"]), ""),
    Case("a feature twice", settings(tab_field_list=["amount", "age", "age"]), ""),
    Case("no features", settings(tab_field_list=[], cat_field_list=[]), ""),
    Case("a column that is feature and label", settings(tab_field_list=["amount", "isCard"]), ""),
    Case("a column that is feature and main label", settings(cat_field_list=["country", "isFraud"]), ""),
    Case("a column that is both kinds of feature", settings(cat_field_list=["country", "age"]), ""),
    Case("a column that is feature and id", settings(id_name="country"), ""),
    Case("a column that is label and id", settings(id_name="isCard"), ""),
    Case("a column that is feature and weight", settings(sample_weight_name="country"), ""),
    Case("weights of an unknown task", settings(task_weight_columns={"isCart": "age"}), ""),
    Case("quantized bagging", settings(use_quantized_grad=True, bagging_fraction=0.5), ""),
    Case("a platform value out of range", lambda base: write_config(base, "hyperparameters.json", {"learning_rate": "7"}), ""),
    Case("a platform list that is none", lambda base: write_config(base, "hyperparameters.json", {"tab_field_list": "amount, age"}), ""),
    Case("platform hyperparameters are a text", lambda base: write_config(base, "hyperparameters.json", "x"), ""),
    Case("an unknown region", lambda base: None, "", environ={"REGION": "US"}),
    Case(
        "tasks not detected",
        lambda base: (
            change_hyperparameters(base, task_label_names=..., label_name="label"),
            [every_file(base, split, lambda table: table.rename(columns={"isFraud": "label"})) for split in SPLITS],
        ),
        "",
    ),
    Case("one task detected", settings(task_label_names=...), ""),
    Case(
        "num_tasks disagrees with the tasks detected",
        lambda base: (
            change_hyperparameters(base, task_label_names=..., num_tasks=3, tab_field_list=["amount"]),
            every_file(base, "train", lambda table: table.rename(columns={"isCard": "isCCfrd"})),
        ),
        "",
    ),
    Case(
        "the main task is not among the tasks detected",
        lambda base: (
            change_hyperparameters(base, task_label_names=...),
            every_file(base, "train", lambda table: table.rename(columns={"isCard": "task_card", "isDebit": "task_debit"})),
        ),
        "",
    ),
    Case(
        "a detected task is a feature",
        lambda base: (
            change_hyperparameters(base, task_label_names=..., tab_field_list=["amount", "isCCfrd"]),
            every_file(base, "train", lambda table: table.rename(columns={"isCard": "isCCfrd"})),
        ),
        "",
    ),
]

ENVIRONMENT = [
    *(
        Case(f"{name} is no boolean", lambda base: None, "", environ={name: "maybe"})
        for name in ("USE_PRECOMPUTED_IMPUTATION", "USE_PRECOMPUTED_RISK_TABLES", "USE_PRECOMPUTED_FEATURES")
    ),
    Case("an empty boolean", lambda base: None, "", environ={"USE_PRECOMPUTED_FEATURES": ""}),
    Case("several hosts", lambda base: write_config(base, "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}), ""),
    Case("hosts that are none", lambda base: write_config(base, "resourceconfig.json", ["algo-1"]), ""),
    Case("hosts of another type", lambda base: write_config(base, "resourceconfig.json", {"hosts": 2}), ""),
    Case("Pipe mode", lambda base: write_config(base, "inputdataconfig.json", {"train": {"TrainingInputMode": "Pipe"}, "val": {"TrainingInputMode": "File"}}), ""),
    Case("no JSON in inputdataconfig.json", lambda base: (write_config(base, "inputdataconfig.json", {}), (base / "input/config/inputdataconfig.json").write_text("{")), ""),
    Case("no folder for checkpoints", lambda base: write_config(base, "checkpointconfig.json", {"LocalPath": 7}), ""),
    *(
        Case(f"no channel {split}", lambda base, split=split: remove(channel(base, split)), "")
        for split in ("train", "val")
    ),
    Case("no folder where SM_CHANNEL_TEST points", lambda base: None, "", environ={"SM_CHANNEL_TEST": "BASE/nowhere"}),
    Case("val and validation", lambda base: shutil.copytree(channel(base, "val"), channel(base, "validation")), ""),
    Case("SM_CHANNEL_VAL and SM_CHANNEL_VALIDATION", lambda base: None, "", environ={"SM_CHANNEL_VAL": "BASE/a", "SM_CHANNEL_VALIDATION": "BASE/b"}),
    Case("a file as a channel", lambda base: (remove(channel(base, "val")), channel(base, "val").write_text("x")), ""),
    Case("model is a file", lambda base: (remove(base / "model"), (base / "model").write_text("x")), ""),
    Case("output/data is a file", lambda base: (remove(base / "output/data"), (base / "output/data").write_text("x")), ""),
]

COLUMNS = [
    Case(
        "an id column in one file only",
        lambda base: change_table(base, "train", lambda table: table.drop(columns="id")),
        "",
    ),
    Case(
        "columns that the predictions would have twice",
        lambda base: (
            change_hyperparameters(base, id_name="isFraud_true"),
            [every_file(base, split, lambda table: table.rename(columns={"id": "isFraud_true"})) for split in SPLITS],
        ),
        "",
    ),
    Case(
        "no task has positives",
        lambda base: every_file(base, "train", lambda table: table.assign(**dict.fromkeys(TASKS, "0"))),
        "",
    ),
    Case(
        "weights that are none",
        lambda base: (
            change_hyperparameters(base, sample_weight_name="weight"),
            [every_file(base, split, lambda table: table.assign(weight="1")) for split in SPLITS],
            change_table(base, "val", lambda table: set_value("weight", "", slice(8, 9))(set_value("weight", "-1")(table))),
        ),
        "",
    ),
    Case(
        "weights that are zero",
        lambda base: (
            change_hyperparameters(base, sample_weight_name="weight"),
            [every_file(base, split, lambda table: table.assign(weight="0")) for split in SPLITS],
        ),
        "",
    ),
]

CASES = [
    *HYPERPARAMETERS,
    *ENVIRONMENT,
    *COLUMNS,
    *(
        case
        for split in SPLITS
        for cases in (channel_cases, file_cases, column_cases, value_cases)
        for case in cases(split)
    ),
]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def tree(ending: str) -> Path:
        if ending not in made:
            made[ending] = small_tree(tmp_path_factory.mktemp("tree") / "base", ending)
            leave_old_results(made[ending])
        return made[ending]

    return tree


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(
    case: Case,
    trees: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    base = shutil.copytree(trees(case.ending), tmp_path / "base")
    case.damage(base)
    environ = {name: value.replace("BASE", str(base)) for name, value in case.environ.items()}
    outcome = run_main(base, monkeypatch, capfd, **environ)
    with Path("/tmp/w/ct/messages.txt").open("a") as f:
        f.write(f"--- {case.name} [{outcome.exit_code}] {results(base)}\n" + outcome.stderr.replace(str(base), "BASE") + "FILE:\n" + (outcome.failure or "None\n").replace(str(base), "BASE"))
