"""Tables with several binary targets: real ones that need no network, generated ones, CSV files.

A real table is split at random, a generated one is drawn anew for every split.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from benchmarks.tables_generated import GENERATED
from examples import ai4i2020, payments

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
"""Share of the rows in every split."""

PAYMENT_ROWS = 8000
MAX_CSV_NUMBERS = 20
"""A number column of a CSV file with at most this many values is not taken for text."""


@dataclass(frozen=True)
class Table:
    """Rows with K binary targets.

    Attributes:
        name: What the table is called in the report.
        rows: Features and label columns; text features are categorical.
        tasks: Label columns, the main task first.
        resampled: The splits of several seeds share rows: they are parts of one real table.
    """

    name: str
    rows: pd.DataFrame
    tasks: list[str]
    resampled: bool = True

    @property
    def categorical(self) -> list[str]:
        """Feature columns of text."""
        return [name for name in self.features if self.rows[name].dtype.kind not in "biuf"]

    @property
    def numerical(self) -> list[str]:
        """Feature columns of numbers."""
        return [name for name in self.features if self.rows[name].dtype.kind in "biuf"]

    @property
    def features(self) -> list[str]:
        """All columns that are no label."""
        return [name for name in self.rows.columns if name not in self.tasks]

    def splits(self, seed: int) -> dict[str, pd.DataFrame]:
        """Splits the rows at random by `SHARES`; every task has both classes everywhere.

        Raises:
            ValueError: A task has too few positives or negatives for that.
        """
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


def _real(name: str, make: Callable[[], tuple[pd.DataFrame, list[str]]]) -> tuple[str, TableMaker]:
    rows, tasks = make()
    table = Table(name, rows, tasks)
    return name, lambda _seed: table


def _drawn(
    name: str, make: Callable[[np.random.Generator], tuple[pd.DataFrame, list[str]]]
) -> tuple[str, TableMaker]:
    def draw(seed: int) -> Table:
        rows, tasks = make(np.random.default_rng([seed, 1]))
        return Table(name, rows, tasks, resampled=False)

    return name, draw


def _with_labels(
    features: pd.DataFrame, labels: dict[str, pd.Series]
) -> tuple[pd.DataFrame, list[str]]:
    table = pd.concat([features, pd.DataFrame(labels).astype(int)], axis=1)
    return table.reset_index(drop=True), list(labels)


def _digits() -> tuple[pd.DataFrame, list[str]]:
    """Images of digits, 8 x 8 pixels; properties of the number as tasks."""
    features, digit = load_digits(return_X_y=True, as_frame=True)
    return _with_labels(
        features,
        {
            "even": digit % 2 == 0,
            "above_4": digit >= 5,
            "prime": digit.isin([2, 3, 5, 7]),
            "closed_loop": digit.isin([0, 6, 8, 9]),
            "is_8": digit == 8,
        },
    )


def _digit_classes() -> tuple[pd.DataFrame, list[str]]:
    """The same images; ten tasks that exclude one another."""
    features, digit = load_digits(return_X_y=True, as_frame=True)
    return _with_labels(features, {f"is_{i}": digit == i for i in range(10)})


def _breast_cancer() -> tuple[pd.DataFrame, list[str]]:
    """Cell nuclei: malignant or not, and how extreme the worst nuclei are, from the others."""
    table, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    features = table.drop(columns=[name for name in table.columns if name.startswith("worst ")])
    return _with_labels(
        features,
        {
            "malignant": benign == 0,
            "worst_smooth": _top(table["worst smoothness"], 0.2),
            "worst_symmetric": _top(table["worst symmetry"], 0.2),
            "worst_texture": _top(table["worst texture"], 0.5),
            "worst_fractal": _top(table["worst fractal dimension"], 0.1),
        },
    )


def _diabetes() -> tuple[pd.DataFrame, list[str]]:
    """Patients: how far the disease has progressed, and two of their measurements."""
    table, progression = load_diabetes(return_X_y=True, as_frame=True)
    return _with_labels(
        table.drop(columns=["bp", "s6"]),
        {
            "progressed": _top(progression, 0.5),
            "progressed_far": _top(progression, 0.2),
            "high_pressure": _top(table["bp"], 0.3),
            "high_glucose": _top(table["s6"], 0.3),
        },
    )


def _wine() -> tuple[pd.DataFrame, list[str]]:
    """Wines from three growers, and how strong and how deep in colour they are."""
    table, grower = load_wine(return_X_y=True, as_frame=True)
    return _with_labels(
        table.drop(columns=["alcohol", "color_intensity"]),
        {
            "strong": _top(table["alcohol"], 0.5),
            "dark": _top(table["color_intensity"], 0.3),
            **{f"grower_{i}": grower == i for i in range(3)},
        },
    )


def _top(values: pd.Series, share: float) -> pd.Series:
    return values > values.quantile(1 - share)


def read_ai4i(path: Path) -> Table:
    """AI4I 2020 predictive maintenance: 10,000 machines, five tasks."""
    table = pd.read_csv(path, encoding="utf-8-sig")
    columns = [*ai4i2020.NUMERICAL, *ai4i2020.CATEGORICAL, *ai4i2020.TASKS]
    return Table("AI4I 2020", table[columns], ai4i2020.TASKS)


def read_csv(path: Path, tasks: list[str] | None = None) -> Table:
    """A CSV file; without `tasks`, the columns whose name starts with `task_` are the tasks.

    Raises:
        ValueError: There are fewer than two tasks.
    """
    rows = pd.read_csv(path)
    found = tasks or [name for name in rows.columns if str(name).startswith("task_")]
    if len(found) < 2:
        raise ValueError(f"{path}: needs two columns that start with task_, has {found}")
    return Table(path.stem, rows, found)


def _payments(seed: int) -> Table:
    parts = payments.make_splits(round(PAYMENT_ROWS * SHARES["train"]), seed)
    rows = pd.concat(list(parts.values()), ignore_index=True)
    return Table("payments", rows.drop(columns=payments.ID_NAME), payments.TASKS, resampled=False)


def built_in_tables() -> dict[str, TableMaker]:
    """The tables that are there on every machine: maker by name."""
    return dict(
        [
            _real("digits", _digits),
            _real("digit classes", _digit_classes),
            _real("breast cancer", _breast_cancer),
            _real("diabetes", _diabetes),
            _real("wine", _wine),
            ("payments", _payments),
            *(_drawn(name, make) for name, make in GENERATED.items()),
        ]
    )
