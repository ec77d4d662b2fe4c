"""Which tables and runs the speed program needs, and having the tables made once.

They are made by `benchmarks.speed_data` in a process of its own, so that this one stays small.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.timing import run_module

ID_NAME = "id"


@dataclass(frozen=True)
class TableSpec:
    """Shape of a made table; beside features and labels it has an id column."""

    rows: int  # for training
    valid_rows: int
    n_tasks: int
    file_format: Literal["csv", "parquet"] = "parquet"
    n_numerical: int = 30  # features, at least 8
    n_categorical: int = 0  # features, at most 4
    missing: float = 0.0  # share of the numbers

    @property
    def name(self) -> str:
        """Name of its folder."""
        features = f"{self.n_numerical}+{self.n_categorical}"
        return f"{self.rows}+{self.valid_rows}x{features}-{self.n_tasks}-{self.file_format}"

    @property
    def numerical(self) -> list[str]:
        """Numerical features."""
        return [f"num_{i:02d}" for i in range(self.n_numerical)]

    @property
    def categorical(self) -> list[str]:
        """Categorical features."""
        return [f"cat_{i}" for i in range(self.n_categorical)]

    @property
    def tasks(self) -> list[str]:
        """Label columns, the main task first."""
        return [f"task_{i:02d}" for i in range(self.n_tasks)]


@dataclass(frozen=True)
class Window:
    """Numbers of trees of a short and a long run, whose difference gives the cost of a tree."""

    short: int
    long: int

    @property
    def trees(self) -> int:
        """Trees that the long run has more."""
        return self.long - self.short


@dataclass(frozen=True)
class Sizes:
    """Sizes of everything."""

    matrix: TableSpec  # on which the cost of a tree is measured
    window: Window
    csv: TableSpec  # of the whole job
    parquet: TableSpec  # the same
    trees: int  # of a whole job
    scales: tuple[tuple[TableSpec, int], ...]  # tables, and how many runs in a row are averaged
    large: TableSpec
    scale_window: Window  # for all sizes the same: early and late trees differ in cost
    task_counts: tuple[int, ...]
    task_window: Window
    peer_window: Window  # for other libraries


FULL = Sizes(
    matrix=TableSpec(500_000, 50_000, 20),
    window=Window(20, 120),
    csv=TableSpec(1_000_000, 100_000, 3, "csv", n_categorical=4, missing=0.05),
    parquet=TableSpec(1_000_000, 100_000, 3, n_categorical=4, missing=0.05),
    trees=100,
    scales=((TableSpec(100_000, 10_000, 5), 3), (TableSpec(1_000_000, 100_000, 5), 1)),
    large=TableSpec(10_000_000, 1_000_000, 5),
    scale_window=Window(20, 120),
    task_counts=(2, 5, 10, 20),
    task_window=Window(20, 80),
    peer_window=Window(10, 60),
)

QUICK = Sizes(
    matrix=TableSpec(10_000, 2_000, 5),
    window=Window(5, 15),
    csv=TableSpec(10_000, 2_000, 3, "csv", n_categorical=4, missing=0.05),
    parquet=TableSpec(10_000, 2_000, 3, n_categorical=4, missing=0.05),
    trees=5,
    scales=((TableSpec(5_000, 1_000, 5), 2), (TableSpec(10_000, 1_000, 5), 1)),
    large=TableSpec(20_000, 2_000, 5),
    scale_window=Window(2, 12),
    task_counts=(2, 5),
    task_window=Window(2, 12),
    peer_window=Window(2, 6),
)


def provide(spec: TableSpec, folder: Path) -> Path:
    """Has a table made below `folder`, unless it is there; its folder has a `train` and a `val`."""
    path = folder / spec.name
    if path.exists():
        # Into the system's cache, where files just written are.
        for part in sorted(path.rglob("part-*")):
            with part.open("rb") as file:
                while file.read(2**24):
                    pass
        return path
    unfinished = folder / f"{spec.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    run_module("speed_data", folder=unfinished, **vars(spec))
    unfinished.rename(path)
    return path
