"""Tables with several binary targets: real ones that need no network, generated ones, CSV files.

A real table is split at random, a generated one is drawn anew for every split.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from benchmarks.tables_generated import GENERATED
from benchmarks.timing import say
from examples import ai4i2020, payments

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}  # of the rows in every split
PAYMENT_ROWS = 8000


@dataclass(frozen=True)
class Table:
    """Rows with K binary targets."""

    name: str  # in the report
    rows: pd.DataFrame  # features and label columns; text features are categorical
    tasks: list[str]  # label columns, the main task first
    resampled: bool = True  # the splits of several seeds share rows, as parts of one real table

    @property
    def features(self) -> list[str]:
        """All columns that are no label."""
        return [name for name in self.rows.columns if name not in self.tasks]

    @property
    def numerical(self) -> list[str]:
        """Feature columns of numbers."""
        return [name for name in self.features if self.rows[name].dtype.kind in "biuf"]

    @property
    def has_blank_labels(self) -> bool:
        """Whether some label is unknown."""
        return bool(self.rows[self.tasks].isna().any(axis=None))

    @property
    def categorical(self) -> list[str]:
        """Feature columns of text."""
        return [name for name in self.features if name not in self.numerical]

    def splits(self, seed: int) -> dict[str, pd.DataFrame]:
        """Splits the rows at random by `SHARES`; every task has both classes everywhere."""
        rng = np.random.default_rng(seed)
        bounds = np.round(np.cumsum(list(SHARES.values())) * len(self.rows)).astype(int)[:-1]
        for _ in range(100):
            parts = zip(SHARES, np.split(rng.permutation(len(self.rows)), bounds), strict=True)
            splits = {name: self.rows.iloc[part].reset_index(drop=True) for name, part in parts}
            if all(split[self.tasks].nunique().eq(2).all() for split in splits.values()):
                return splits
        raise ValueError(f"{self.name}: some task is too rare to be in every split: {self.tasks}")


# By name, what gives the table of one seed; that of a real table is always the same.
TableMaker = Callable[[int], Table]
Tables = Mapping[str, TableMaker]
# What to call it in a row of figures, table, parts, seed.
Split = tuple[dict[str, object], Table, dict[str, pd.DataFrame], int]


def each_split(tables: Tables, n_splits: int) -> Iterator[Split]:
    """Every table's random splits."""
    for name, make_table in tables.items():
        for seed in range(n_splits):
            say(f"{name}, split {seed}")
            table = make_table(seed)
            key = {"table": name, "resampled": table.resampled, "split": seed}
            yield key, table, table.splits(seed), seed


def _top(values: pd.Series, share: float) -> pd.Series:
    return values > values.quantile(1 - share)


def _real_tables() -> Iterator[Table]:
    """The tables that scikit-learn ships."""

    def table(name: str, features: pd.DataFrame, labels: dict[str, pd.Series]) -> Table:
        rows = pd.concat([features, pd.DataFrame(labels).astype(int)], axis=1)
        return Table(name, rows.reset_index(drop=True), list(labels))

    # Images of digits, 8 x 8 pixels; properties of the number as tasks.
    pixels, digit = load_digits(return_X_y=True, as_frame=True)
    sets = {"even": "02468", "above_4": "56789", "prime": "2357", "closed_loop": "0689"}
    properties = {name: digit.isin(list(map(int, digits))) for name, digits in sets.items()}
    yield table("digits", pixels, {**properties, "is_8": digit == 8})
    # The same images; ten tasks that exclude one another.
    yield table("digit classes", pixels, {f"is_{i}": digit == i for i in range(10)})
    # Cell nuclei: malignant or not, and how extreme the worst nuclei are, from the others.
    nuclei, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    worst = {"smooth": ("smoothness", 0.2), "symmetric": ("symmetry", 0.2)}
    worst |= {"texture": ("texture", 0.5), "fractal": ("fractal dimension", 0.1)}
    extremes = {f"worst_{k}": _top(nuclei[f"worst {c}"], share) for k, (c, share) in worst.items()}
    labels = {"malignant": benign == 0, **extremes}
    yield table("breast cancer", nuclei.loc[:, ~nuclei.columns.str.startswith("worst ")], labels)
    # Patients: how far the disease has progressed, and two of their measurements.
    patients, progression = load_diabetes(return_X_y=True, as_frame=True)
    measured = {"progressed": _top(progression, 0.5), "progressed_far": _top(progression, 0.2)}
    measured |= {"high_pressure": _top(patients["bp"], 0.3)}
    measured |= {"high_glucose": _top(patients["s6"], 0.3)}
    yield table("diabetes", patients.drop(columns=["bp", "s6"]), measured)
    # Wines from three growers, and how strong and how deep in colour they are.
    wines, grower = load_wine(return_X_y=True, as_frame=True)
    kinds = {"strong": _top(wines["alcohol"], 0.5), "dark": _top(wines["color_intensity"], 0.3)}
    kinds |= {f"grower_{i}": grower == i for i in range(3)}
    yield table("wine", wines.drop(columns=["alcohol", "color_intensity"]), kinds)


def _generated(name: str, seed: int) -> Table:
    return Table(name, *GENERATED[name](np.random.default_rng([seed, 1])), resampled=False)


def _payments(seed: int) -> Table:
    parts = payments.make_splits(round(PAYMENT_ROWS * SHARES["train"]), seed)
    rows = pd.concat(list(parts.values()), ignore_index=True)
    return Table("payments", rows.drop(columns=payments.ID_NAME), payments.TASKS, resampled=False)


def always(table: Table) -> TableMaker:
    """The maker of a real table."""
    return lambda _seed: table


def built_in_tables() -> Tables:
    """The tables that are there on every machine."""
    real = {table.name: always(table) for table in _real_tables()}
    return {**real, "payments": _payments, **{n: partial(_generated, n) for n in GENERATED}}


def all_tables(ai4i: Path, csv_files: list[Path]) -> Tables:
    """These, AI4I 2020 (10,000 machines, five tasks) if its file is there, and CSV files."""
    first = {}
    if ai4i.exists():
        columns = [*ai4i2020.NUMERICAL, *ai4i2020.CATEGORICAL, *ai4i2020.TASKS]
        rows = pd.read_csv(ai4i, encoding="utf-8-sig")[columns]
        first["AI4I 2020"] = always(Table("AI4I 2020", rows, ai4i2020.TASKS))
    else:
        say(f"AI4I 2020 is left out: there is no {ai4i}")
    own = {path.stem: always(read_csv(path)) for path in csv_files}
    return {**first, **built_in_tables(), **own}


def read_csv(path: Path) -> Table:
    """A CSV file whose columns `task_...` are the tasks, at least two."""
    rows = pd.read_csv(path)
    tasks = [name for name in rows.columns if str(name).startswith("task_")]
    if len(tasks) < 2:
        raise ValueError(f"{path}: needs two columns that start with task_, has {tasks}")
    return Table(path.stem, rows, tasks)
