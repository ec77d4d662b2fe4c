"""Makes the tables of the speed program: seeded, with real signal, written part by part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.speed_bench import ID_NAME, TableSpec
from benchmarks.timing import run_as_program

_SEED = 20240607
_SPLITS = ("train", "val")
_ROWS_PER_PART = 1_000_000
_SAMPLE_ROWS = 100_000
_CATEGORIES = (10, 50, 200, 1000, 20, 100, 10, 50, 20, 100)

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Bools = NDArray[np.bool_]


class _Signal:
    """What the labels depend on.

    The main task has interactions, waves and steps, so that trees go on finding splits. The other
    tasks are few steps: they are soon learned, and then overfit, as `adaptive_kd` expects it.
    """

    def __init__(self, spec: TableSpec) -> None:
        rng = np.random.default_rng(_SEED)
        self._spec = spec
        # The first `n_own` features have effects of each task's own.
        self._effects = [
            0.5 * rng.normal(size=(n, spec.n_tasks if number < spec.n_own else 1))
            for number, n in enumerate(_CATEGORIES[: spec.n_categorical])
        ]
        # Two features of each subtask and where their steps are.
        self._used = rng.integers(0, spec.n_numerical, (spec.n_tasks, 2))
        self._steps = rng.normal(0, 0.5, (spec.n_tasks, 2))
        scores = self._scores(*self.features(np.random.default_rng([_SEED, 0]), _SAMPLE_ROWS))
        noisy = scores + np.random.default_rng([_SEED, 1]).logistic(size=scores.shape)
        # A fifth of the rows is positive in the main task, a twelfth in the others.
        pairs = zip(noisy.T, [0.2] + [0.08] * (spec.n_tasks - 1), strict=True)
        self._thresholds = np.array([np.quantile(scores, 1 - share) for scores, share in pairs])

    def features(self, rng: np.random.Generator, n_rows: int) -> tuple[Floats, Integers]:
        """Draws numbers (n, d) and numbers of categories (n, c); some categories are frequent."""
        x = rng.normal(size=(n_rows, self._spec.n_numerical))
        n_values = np.array(_CATEGORIES[: self._spec.n_categorical])
        draws = rng.random((n_rows, len(n_values))) ** 2
        return np.round(x, 4, out=x), (draws * n_values).astype(np.intp)

    def labels(self, rng: np.random.Generator, x: Floats, categories: Integers) -> Bools:
        """Draws the labels of all tasks, (n, K)."""
        scores = self._scores(x, categories)
        return np.asarray(scores + rng.logistic(size=scores.shape) > self._thresholds)

    def _scores(self, x: Floats, categories: Integers) -> Floats:
        common = 1.5 * ((x[:, 3] > 0.5) & (x[:, 4] < 0.3))[:, None]
        first, second = (x[:, self._used[:, i]] > self._steps[:, i] for i in (0, 1))
        own = 1.5 * first - 1.5 * second
        own[:, 0] = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(2 * x[:, 5]) * x[:, 6] + 0.5 * x[:, 7] ** 2
        for effect, category in zip(self._effects, categories.T, strict=True):
            own += effect[category]
        return np.asarray(own + common)


def parts(spec: TableSpec, split: str) -> Iterator[pa.Table]:
    """The rows of a split, a million at a time."""
    signal = _Signal(spec)
    n_rows = {"train": spec.rows, "val": spec.valid_rows}[split]
    for number, start in enumerate(range(0, n_rows, _ROWS_PER_PART)):
        rng = np.random.default_rng([_SEED, 2 + _SPLITS.index(split), number])
        stop = min(start + _ROWS_PER_PART, n_rows)
        x, categories = signal.features(rng, stop - start)
        labels = signal.labels(rng, x, categories)
        columns = {ID_NAME: pa.array([f"{row:09d}" for row in range(start, stop)])}
        for i, name in enumerate(spec.numerical):
            mask = rng.random(len(x)) < spec.missing if spec.missing else None
            columns[name] = pa.array(np.ascontiguousarray(x[:, i]), mask=mask)
        for i, name in enumerate(spec.categorical):
            texts = pa.array([f"c{value:04d}" for value in range(_CATEGORIES[i])])
            columns[name] = texts.take(pa.array(categories[:, i]))
        for i, name in enumerate(spec.tasks):
            columns[name] = pa.array(labels[:, i].astype(np.int8))
        yield pa.table(columns)


def write(spec: TableSpec, folder: Path) -> None:
    """Writes both splits below `folder`, one file for each million rows."""
    for split in _SPLITS:
        (folder / split).mkdir(parents=True)
        for number, part in enumerate(parts(spec, split)):
            path = folder / split / f"part-{number:05d}.{spec.file_format}"
            if spec.file_format == "parquet":
                pa.parquet.write_table(part, path)
                continue
            # Text without quotes, as most programs write it.
            options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
            with path.open("wb") as file:
                file.write((",".join(part.column_names) + "\n").encode())
                pa.csv.write_csv(part, file, options)


def read_matrix(channel: Path, tasks: list[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """All features (n, d), in C order, and some labels (n, K) of a split of a made table."""
    table = pa.parquet.read_table(channel)
    features = [name for name in table.column_names if name.startswith("num_")]
    x = np.empty((len(table), len(features)), dtype=np.float32)
    y = np.empty((len(table), len(tasks)), dtype=np.uint8)
    for matrix, names in ((x, features), (y, tasks)):
        for i, name in enumerate(names):
            matrix[:, i] = table[name].to_numpy()
    return x, y


def make(folder: str, **spec: Any) -> None:
    """Writes the table of a `TableSpec`."""
    write(TableSpec(**spec), Path(folder))


if __name__ == "__main__":
    run_as_program(make)
