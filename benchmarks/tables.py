"""Tables with several binary targets: real ones that need no network, generated ones, CSV files.

A real table is split at random, a generated one is drawn anew for every split.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from benchmarks.tables_generated import GENERATED
from benchmarks.timing import say
from examples import ai4i2020, payments

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
"""Share of the rows in every split."""

PAYMENT_ROWS = 8000


@dataclass(frozen=True)
class Table:
    """Rows with K binary targets."""

    name: str  # in the report
    rows: pd.DataFrame  # features and label columns; text features are categorical
    tasks: list[str]  # label columns, the main task first
    resampled: bool = True  # the splits of several seeds share rows, as parts of one real table

    @property
    def categorical(self) -> list[str]:
        """Feature columns of text."""
        return [name for name in self.features if self.rows[name].dtype.kind not in "biuf"]

    @property
    def numerical(self) -> list[str]:
        """Feature columns of numbers."""
        return [name for name in self.features if self.rows[name].dtype.kind in "biuf"]

    @property
    def has_blank_labels(self) -> bool:
        """Whether some label is unknown."""
        return bool(self.rows[self.tasks].isna().any(axis=None))

    @property
    def features(self) -> list[str]:
        """All columns that are no label."""
        return [name for name in self.rows.columns if name not in self.tasks]

    def splits(self, seed: int) -> dict[str, pd.DataFrame]:
        """Splits the rows at random by `SHARES`; every task has both classes everywhere."""
        rng = np.random.default_rng(seed)
        bounds = np.round(np.cumsum(list(SHARES.values())) * len(self.rows)).astype(int)[:-1]
        for _ in range(100):
            parts = np.split(rng.permutation(len(self.rows)), bounds)
            splits = {
                name: self.rows.iloc[part].reset_index(drop=True)
                for name, part in zip(SHARES, parts, strict=True)
            }
            if all(split[self.tasks].nunique().eq(2).all() for split in splits.values()):
                return splits
        raise ValueError(f"{self.name}: some task is too rare to be in every split: {self.tasks}")


TableMaker = Callable[[int], Table]
"""Gives the table of one seed; that of a real table is always the same."""


def each_split(
    tables: Mapping[str, TableMaker], n_splits: int
) -> Iterator[tuple[dict[str, object], Table, dict[str, pd.DataFrame], int]]:
    """Every table's random splits: what to call them in a row of figures, table, splits, seed."""
    for name, make_table in tables.items():
        for seed in range(n_splits):
            say(f"{name}, split {seed}")
            table = make_table(seed)
            key = {"table": name, "resampled": table.resampled, "split": seed}
            yield key, table, table.splits(seed), seed


def always(table: Table) -> TableMaker:
    """The maker of a real table."""
    return lambda _seed: table


def _real(name: str, features: pd.DataFrame, labels: dict[str, pd.Series]) -> TableMaker:
    rows = pd.concat([features, pd.DataFrame(labels).astype(int)], axis=1).reset_index(drop=True)
    return always(Table(name, rows, list(labels)))


def _top(values: pd.Series, share: float) -> pd.Series:
    return values > values.quantile(1 - share)


def _real_tables() -> dict[str, TableMaker]:
    """The tables that scikit-learn ships."""
    digits, digit = load_digits(return_X_y=True, as_frame=True)
    # Images of digits, 8 x 8 pixels; properties of the number as tasks.
    properties = {
        "even": digit % 2 == 0,
        "above_4": digit >= 5,
        "prime": digit.isin([2, 3, 5, 7]),
        "closed_loop": digit.isin([0, 6, 8, 9]),
        "is_8": digit == 8,
    }
    # The same images; ten tasks that exclude one another.
    classes = {f"is_{i}": digit == i for i in range(10)}
    # Cell nuclei: malignant or not, and how extreme the worst nuclei are, from the others.
    nuclei, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    worst = {
        "malignant": benign == 0,
        "worst_smooth": _top(nuclei["worst smoothness"], 0.2),
        "worst_symmetric": _top(nuclei["worst symmetry"], 0.2),
        "worst_texture": _top(nuclei["worst texture"], 0.5),
        "worst_fractal": _top(nuclei["worst fractal dimension"], 0.1),
    }
    other_nuclei = nuclei.loc[:, ~nuclei.columns.str.startswith("worst ")]
    # Patients: how far the disease has progressed, and two of their measurements.
    patients, progression = load_diabetes(return_X_y=True, as_frame=True)
    measured = {
        "progressed": _top(progression, 0.5),
        "progressed_far": _top(progression, 0.2),
        "high_pressure": _top(patients["bp"], 0.3),
        "high_glucose": _top(patients["s6"], 0.3),
    }
    # Wines from three growers, and how strong and how deep in colour they are.
    wines, grower = load_wine(return_X_y=True, as_frame=True)
    kinds = {
        "strong": _top(wines["alcohol"], 0.5),
        "dark": _top(wines["color_intensity"], 0.3),
        **{f"grower_{i}": grower == i for i in range(3)},
    }
    return {
        "digits": _real("digits", digits, properties),
        "digit classes": _real("digit classes", digits, classes),
        "breast cancer": _real("breast cancer", other_nuclei, worst),
        "diabetes": _real("diabetes", patients.drop(columns=["bp", "s6"]), measured),
        "wine": _real("wine", wines.drop(columns=["alcohol", "color_intensity"]), kinds),
    }


def _generated(name: str) -> TableMaker:
    def draw(seed: int) -> Table:
        rows, tasks = GENERATED[name](np.random.default_rng([seed, 1]))
        return Table(name, rows, tasks, resampled=False)

    return draw


def _payments(seed: int) -> Table:
    parts = payments.make_splits(round(PAYMENT_ROWS * SHARES["train"]), seed)
    rows = pd.concat(list(parts.values()), ignore_index=True)
    return Table("payments", rows.drop(columns=payments.ID_NAME), payments.TASKS, resampled=False)


def built_in_tables() -> dict[str, TableMaker]:
    """The tables that are there on every machine: maker by name."""
    generated = {name: _generated(name) for name in GENERATED}
    return {**_real_tables(), "payments": _payments, **generated}


def read_ai4i(path: Path) -> Table:
    """AI4I 2020 predictive maintenance: 10,000 machines, five tasks."""
    table = pd.read_csv(path, encoding="utf-8-sig")
    columns = [*ai4i2020.NUMERICAL, *ai4i2020.CATEGORICAL, *ai4i2020.TASKS]
    return Table("AI4I 2020", table[columns], ai4i2020.TASKS)


def read_csv(path: Path) -> Table:
    """A CSV file whose columns `task_...` are the tasks, at least two."""
    rows = pd.read_csv(path)
    tasks = [name for name in rows.columns if str(name).startswith("task_")]
    if len(tasks) < 2:
        raise ValueError(f"{path}: needs two columns that start with task_, has {tasks}")
    return Table(path.stem, rows, tasks)
