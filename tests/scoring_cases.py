"""One table of models and rows that every way to score must agree on, to the bit.

A case is a whole job: its splits as files, its hyperparameters and variables. The rows to be scored
are the files of its test split, and what is expected are the predictions that the job has written.
"""

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jobs import run_job
from numpy.typing import NDArray
from trees import CATEGORICAL, NUMERICAL, TASKS, hyperparameters, make_splits, write_hyperparameters
from trees import write_table as write_frame

Splits = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class ScoringCase:
    """A job, and how its files look.

    Attributes:
        make: makes the three splits; a table of texts is written as it stands.
        knobs: hyperparameters beside those of `trees.hyperparameters`.
        ending: format of the files.
        shards: files per split, the second of which has its columns in another order.
        flags: `USE_PRECOMPUTED_*` variables of the job and of scoring.
        artifacts: what `model_artifacts_input` holds.
        arrow_types: Arrow types of columns of Parquet files.
    """

    make: Callable[[], Splits] = lambda: make_splits(300)
    knobs: Mapping[str, object] = field(default_factory=dict)
    ending: str = "csv"
    shards: int = 1
    flags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, object] = field(default_factory=dict)
    arrow_types: Mapping[str, pa.DataType] = field(default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        """The tasks in the order of the model."""
        names: Any = self.knobs.get("task_label_names", TASKS)
        return list(names)

    def write(self, base: Path) -> None:
        """Writes the tree of the job."""
        for split, table in self.make().items():
            folder = base / "input" / "data" / split
            for shard, rows in enumerate(np.array_split(np.arange(len(table)), self.shards)):
                part = table.iloc[rows]
                if shard == 1:
                    part = part[part.columns[::-1]]
                self._write_file(part, folder / f"part-{shard}.{self.ending}")
        write_hyperparameters(base, hyperparameters(num_iterations=6) | dict(self.knobs))
        folder = base / "input" / "data" / "model_artifacts_input"
        for name, document in self.artifacts.items():
            folder.mkdir(exist_ok=True)
            is_pickle = name.endswith(".pkl")
            content = pickle.dumps(document) if is_pickle else json.dumps(document).encode()
            (folder / name).write_bytes(content)

    def _write_file(self, table: pd.DataFrame, path: Path) -> None:
        if not self.arrow_types:
            write_frame(table, path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        types = {name: kind for name, kind in self.arrow_types.items() if name in table}
        whole = pa.Table.from_pandas(table.drop(columns=list(types)), preserve_index=False)
        for name, kind in types.items():
            values: list[Any] = [None if pd.isna(value) else value for value in table[name]]
            if pa.types.is_decimal(kind):
                values = [Decimal(str(value)) for value in values]
            whole = whole.append_column(name, pa.array(values, kind))
        pq.write_table(whole.select(list(table.columns)), path)

    def run(self, base: Path) -> Path:
        """Writes the tree and runs the job; gives `base` back."""
        self.write(base)
        run_job(base, **self.flags)
        return base


def changed(edit: Callable[[pd.DataFrame, str], object], n_rows: int = 300) -> Callable[[], Splits]:
    """Splits of which every table is edited in place, given the split's name."""

    def make() -> Splits:
        splits = {name: table.copy() for name, table in make_splits(n_rows).items()}
        for name, table in splits.items():
            edit(table, name)
        return splits

    return make


def country_as(values: list[Any], dtype: Any = object) -> Callable[[], Splits]:
    """The five countries and a missing one as other values."""
    names = ["DE", "NA", "FR", "01", "1"]

    def edit(table: pd.DataFrame, _split: str) -> None:
        table["country"] = table["country"].map(dict(zip(names, values, strict=True))).astype(dtype)

    return changed(edit)


def odd_numbers(table: pd.DataFrame, _split: str) -> None:
    """Numbers as texts, some of which are none."""
    texts = table["amount"].map(str).to_numpy(object)
    texts[::7], texts[1::11], texts[2::13] = "NA", "NaN", "null"
    texts[3::17], texts[4::19], texts[5::23] = "?", "about 5", ""
    texts[6::5] = [f" {text} " for text in texts[6::5]]
    table["amount"] = texts


def unlike_types(table: pd.DataFrame, split: str) -> None:
    """Whole numbers in training, and fractions of the same in the test split."""
    codes = table["country"].map({"DE": 276, "NA": 516, "FR": 250, "01": 840, "1": 826})
    table["country"] = codes.fillna(0).astype(int) if split == "train" else codes
    table["channel"] = table["channel"].map({"web": "1", "app": "0.0" if split == "test" else "0"})


ODD_NAMES = {
    "amount": "Air temperature [K]",
    "age": 'age "in" days, rounded',
    "balance": "Größe: {x}",
    "country": " country/code",
    "channel": "channel\tof 5' sale",
}
ODD_TASKS = {"isFraud": "is fraud?", "isCard": "is/card: [1]", "isDebit": 'läuft,"so"'}


def odd_names(table: pd.DataFrame, _split: str) -> None:
    """Names that neither CSV nor LightGBM likes."""
    new = ODD_NAMES | ODD_TASKS | {"id": "the, id"}
    table.columns = pd.Index([new[name] for name in table.columns])


def prepared(table: pd.DataFrame, _split: str) -> None:
    """Rows that upstream has imputed and mapped."""
    table["balance"] = table["balance"].fillna(-1.5)
    for column in CATEGORICAL:
        table[column] = table[column].map(len, na_action="ignore").fillna(0.25) / 7


def masked(table: pd.DataFrame, split: str) -> None:
    """Labels that are not known."""
    if split == "train":
        table.loc[table.index[::3], "isCard"] = np.nan
        table.loc[table.index[1::9], "isFraud"] = np.nan


def weighted(table: pd.DataFrame, _split: str) -> None:
    """A weight for each row."""
    table["weight"] = 1 + table["age"] / 1000


def quoted_texts(table: pd.DataFrame, _split: str) -> None:
    """Texts with delimiters, quotes and line breaks, also in columns that the model ignores."""
    table["country"] = table["country"].map(
        {"DE": 'D"E', "NA": "N,A", "FR": "F\nR", "01": "0\t1", "1": "ß 東京"}
    )
    table["note"] = [
        ["plain", 'say "hi"', "a,b", "two\nlines", ""][i % 5] for i in range(len(table))
    ]


def many_tasks() -> Splits:
    """200 tasks."""
    names = [f"task_{index}" for index in range(200)]
    return make_splits(200, tasks=names)


BINS = {"bins": {"DE": 0.1, "web": 0.2}, "default_bin": 0.3}
ARTIFACTS = {
    "impute_dict.pkl": {"amount": 20.0, "age": 1.0, "balance": -1.5},
    "risk_table_map.pkl": {"country": BINS, "channel": BINS},
    "selected_features.json": {"selected_features": ["channel", "balance", "amount"]},
}
IMPUTED = {"USE_PRECOMPUTED_IMPUTATION": "true"}
MAPPED = {"USE_PRECOMPUTED_RISK_TABLES": "true"}
SELECTED = {"USE_PRECOMPUTED_FEATURES": "true"}
DAYS = ["2024-05-17", "2024-05-18", "2024-05-19", "2024-05-20", "2024-05-21"]
DATES = [pd.Timestamp(day).date() for day in DAYS]
MIDNIGHTS = [pd.Timestamp(day) for day in DAYS]
HOURS = [*MIDNIGHTS[:4], pd.Timestamp("2024-05-21 10:30:00")]

CASES: dict[str, ScoringCase] = {
    **{ending: ScoringCase(ending=ending) for ending in ("csv", "tsv", "parquet")},
    **{ending: ScoringCase(ending=ending) for ending in ("csv.gz", "tsv.gz")},
    "shards": ScoringCase(shards=3),
    "shards of Parquet": ScoringCase(shards=3, ending="parquet"),
    "integers": ScoringCase(country_as([276, 516, 250, 840, 826], "Int64"), ending="parquet"),
    "integers with gaps in CSV": ScoringCase(country_as([276, 516, 250, 840, 826], float)),
    "floats": ScoringCase(country_as([29.0, 0.5, -0.0, 1e20, 7.25], float), ending="parquet"),
    "booleans": ScoringCase(
        country_as([True, False, True, False, False]),
        ending="parquet",
        arrow_types={"country": pa.bool_()},
    ),
    "booleans in CSV": ScoringCase(country_as([True, False, True, False, False])),
    "dates": ScoringCase(country_as(DATES), ending="parquet", arrow_types={"country": pa.date32()}),
    "midnights": ScoringCase(country_as(MIDNIGHTS, "datetime64[ns]"), ending="parquet"),
    "times": ScoringCase(country_as(HOURS, "datetime64[us]"), ending="parquet"),
    "midnights in CSV": ScoringCase(country_as([f"{day} 00:00:00" for day in DAYS])),
    "unlike types": ScoringCase(changed(unlike_types)),
    "unlike types in Parquet": ScoringCase(changed(unlike_types), ending="parquet"),
    "odd numbers": ScoringCase(changed(odd_numbers)),
    "odd numbers in Parquet": ScoringCase(changed(odd_numbers), ending="parquet"),
    "decimals, bytes and dictionaries": ScoringCase(
        ending="parquet",
        arrow_types={
            "age": pa.decimal128(12, 2),
            "country": pa.binary(),
            "channel": pa.dictionary(pa.int8(), pa.large_string()),
        },
    ),
    "quotes": ScoringCase(changed(quoted_texts)),
    "quotes in TSV": ScoringCase(changed(quoted_texts), ending="tsv"),
    "odd names": ScoringCase(
        changed(odd_names),
        knobs={
            "tab_field_list": [ODD_NAMES[name] for name in NUMERICAL],
            "cat_field_list": [ODD_NAMES[name] for name in CATEGORICAL],
            "task_label_names": list(ODD_TASKS.values()),
            "label_name": ODD_TASKS["isFraud"],
            "id_name": "the, id",
        },
    ),
    "masked": ScoringCase(changed(masked), knobs={"missing_labels": "mask"}),
    "weighted": ScoringCase(changed(weighted), knobs={"sample_weight_name": "weight"}),
    "calibrated": ScoringCase(knobs={"calibrate_intercept": True}),
    "stopped early": ScoringCase(
        knobs={"early_stopping_rounds": 2, "num_iterations": 60, "eval_frequency": 1}
    ),
    "a table per task": ScoringCase(knobs={"risk_tables": "per_task"}),
    "one feature": ScoringCase(knobs={"tab_field_list": ["amount"], "cat_field_list": []}),
    "imputed": ScoringCase(changed(prepared), flags=IMPUTED, artifacts=ARTIFACTS),
    "mapped": ScoringCase(changed(prepared), flags=MAPPED, artifacts=ARTIFACTS),
    "imputed and mapped": ScoringCase(
        changed(prepared), flags=IMPUTED | MAPPED, artifacts=ARTIFACTS, ending="parquet"
    ),
    "selected": ScoringCase(flags=SELECTED, artifacts=ARTIFACTS),
    "selected, imputed and mapped": ScoringCase(
        changed(prepared), flags=IMPUTED | MAPPED | SELECTED, artifacts=ARTIFACTS
    ),
    "200 tasks": ScoringCase(
        many_tasks,
        knobs={
            "task_label_names": [f"task_{index}" for index in range(200)],
            "label_name": "task_0",
            "num_iterations": 3,
        },
        ending="parquet",
    ),
}


def probabilities(table: pd.DataFrame, tasks: list[str]) -> NDArray[np.float64]:
    """The probabilities in a table of predictions, (n, K)."""
    return table[[f"{task}_prob" for task in tasks]].to_numpy(np.float64)


def read_exactly(content: Any, file_format: str) -> pd.DataFrame:
    """A table of predictions, with the very floats that it was written with, and text as text."""
    if file_format == "parquet":
        return pd.read_parquet(content)
    separator = "\t" if file_format == "tsv" else ","
    table = pd.read_csv(content, sep=separator, dtype="str", keep_default_na=False)
    for name in table.columns:
        if name.endswith("_prob"):
            # Python's reading is exact; that of pandas need not be.
            table[name] = [float(text) for text in table[name]]
    return table
