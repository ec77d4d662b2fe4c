"""Which tables the speed program needs, and having them made once.

They are made by `benchmarks.speed_data` in a process of its own, so that this one stays small.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.timing import run_process

CHECKOUT = Path(__file__).resolve().parents[1]
ID_NAME = "id"


@dataclass(frozen=True)
class TableSpec:
    """Shape of a made table; beside features and labels it has an id column.

    Attributes:
        rows: Training rows.
        valid_rows: Validation rows.
        n_tasks: Label columns.
        file_format: Format of the files.
        n_numerical: Numerical features, at least 8.
        n_categorical: Categorical features, at most 4.
        missing: Share of the numbers that are missing.
    """

    rows: int
    valid_rows: int
    n_tasks: int
    file_format: Literal["csv", "parquet"] = "parquet"
    n_numerical: int = 30
    n_categorical: int = 0
    missing: float = 0.0

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


def provide(spec: TableSpec, folder: Path) -> Path:
    """Has a table made, unless it is there already.

    Args:
        spec: What table.
        folder: Where tables are kept.

    Returns:
        The table's folder, with a folder `train` and a folder `val`.
    """
    path = folder / spec.name
    if path.exists():
        _read_through(path)
        return path
    unfinished = folder / f"{spec.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.speed_data", str(unfinished)]
    for name, value in vars(spec).items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    run_process(command, CHECKOUT)
    unfinished.rename(path)
    return path


def _read_through(path: Path) -> None:
    """Brings the files into the system's cache, where files just written are."""
    for part in sorted(path.rglob("part-*")):
        with part.open("rb") as file:
            while file.read(2**24):
                pass
