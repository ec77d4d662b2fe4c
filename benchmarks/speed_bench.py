"""What all sections of the speed program share: tables, and running the job and other programs."""

import json
import math
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.timing import CHECKOUT, Run, run_module, run_process, say

PROGRESS = "iteration "  # how the lines start that a job or a training prints on its way
ID_NAME = "id"
Window = tuple[int, int]
"""Numbers of trees of a short and a long run, whose difference gives the cost of a tree."""


@dataclass(frozen=True)
class TableSpec:
    """Shape of a made table; beside features and labels it has an id column."""

    rows: int  # for training
    valid_rows: int
    n_tasks: int
    file_format: Literal["csv", "parquet"] = "parquet"
    n_numerical: int = 30  # features, at least 8
    n_categorical: int = 0  # features, at most 10
    missing: float = 0.0  # share of the numbers
    n_own: int = 0  # of the categorical features: those that mean something else to each task

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
class Sizes:
    """Sizes of everything."""

    matrix: TableSpec  # on which the cost of a tree is measured
    window: Window
    whole: TableSpec  # of the whole job, also as CSV
    coded: tuple[TableSpec, ...]  # with many categorical features, which are and are not alike
    trees: int  # of a whole job
    scales: tuple[tuple[TableSpec, int], ...]  # tables, and how many runs in a row are averaged
    large: TableSpec
    scale_window: Window  # for all sizes the same: early and late trees differ in cost
    task_counts: tuple[int, ...]
    task_window: Window
    peer_window: Window  # for other libraries


FULL = Sizes(
    matrix=TableSpec(500_000, 50_000, 20),
    window=(20, 120),
    whole=TableSpec(1_000_000, 100_000, 3, n_categorical=4, missing=0.05),
    coded=tuple(TableSpec(500_000, 50_000, 5, n_categorical=10, n_own=own) for own in (0, 5, 10)),
    trees=100,
    scales=((TableSpec(100_000, 10_000, 5), 3), (TableSpec(1_000_000, 100_000, 5), 1)),
    large=TableSpec(10_000_000, 1_000_000, 5),
    scale_window=(20, 120),
    task_counts=(2, 5, 10, 20),
    task_window=(20, 80),
    peer_window=(10, 60),
)
QUICK = Sizes(
    matrix=TableSpec(10_000, 2_000, 5),
    window=(5, 15),
    whole=TableSpec(10_000, 2_000, 3, n_categorical=4, missing=0.05),
    coded=(TableSpec(10_000, 2_000, 5, n_categorical=10, n_own=5),),
    trees=5,
    scales=((TableSpec(5_000, 1_000, 5), 2), (TableSpec(10_000, 1_000, 5), 1)),
    large=TableSpec(20_000, 2_000, 5),
    scale_window=(2, 12),
    task_counts=(2, 5),
    task_window=(2, 12),
    peer_window=(2, 6),
)


def provide(spec: TableSpec, folder: Path) -> Path:
    """Has a table made below `folder`, unless it is there; its folder has a `train` and a `val`."""
    path = folder / "-".join(map(str, vars(spec).values()))
    if path.exists():
        # Into the system's cache, where files just written are.
        for part in sorted(path.rglob("part-*")):
            with part.open("rb") as file:
                while file.read(2**24):
                    pass
        return path
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run_module("speed_data", folder=unfinished, **vars(spec))
    unfinished.rename(path)
    return path


class PerTree(NamedTuple):
    """Seconds per tree; nan if the long run has no two progress lines after the short one's trees.

    What comes after the last tree, such as the prediction of the validation rows with all trees, is
    in `whole` alone: as far as it grows from a short run to a long one.
    """

    whole: float
    training: float


@dataclass
class Bench:
    """The settings of one run of the program, and what it has measured."""

    sizes: Sizes
    folder: Path  # where tables and jobs are kept
    ai4i: Path  # `ai4i2020.csv` as published
    n_threads: int  # of every program
    n_pairs: int  # rounds of paired runs
    large: bool  # also measure on the largest table

    def table(self, spec: TableSpec) -> Path:
        """The folder of a table, which is made if need be."""
        return provide(spec, self.folder)

    def job_folder(self, name: str) -> Path:
        """The `/opt/ml` folder of the last run of a job."""
        return self.folder / "jobs" / name.replace(" ", "-")

    def run_job(self, name: str, channels: Path, hyperparameters: Mapping[str, object]) -> Run:
        """Runs the training job on the channels in a folder, in a fresh `/opt/ml` tree."""
        base = self.job_folder(name)
        shutil.rmtree(base, ignore_errors=True)
        settings = base / "code" / "hyperparams" / "hyperparameters.json"
        settings.parent.mkdir(parents=True)
        values = {**hyperparameters, "num_threads": self.n_threads}
        settings.write_text(json.dumps(values), encoding="utf-8")
        environ = {f"SM_CHANNEL_{path.name.upper()}": str(path) for path in channels.iterdir()}
        environ["SAGEMAKER_BASE_DIR"] = str(base)
        script = str(CHECKOUT / "lightgbmmt_training.py")
        return told(name, run_process([sys.executable, script], base, environ))

    def run_program(self, name: str, module: str, **values: object) -> Run:
        """Runs a module of this package that ends with `run_as_program`."""
        return told(name, run_module(module, n_threads=self.n_threads, **values))

    def run_single_task(self, name: str, table: Path, n_trees: int, **values: object) -> Run:
        """Runs the stock single-task training on the main task of a made table."""
        values = {"program": "single", "tasks": ["task_00"], "n_trees": n_trees, **values}
        return self.run_program(name, "peer_training", table=table, **values)


def told(name: str, run: Run) -> Run:
    """A run, after the person who waits was told of it."""
    say(f"{name}: {run.wall:.1f} s, {run.peak_memory / 1e9:.2f} GB")
    return run


def job_settings(
    spec: TableSpec, n_tasks: int, n_trees: int, **changes: object
) -> dict[str, object]:
    """Hyperparameters for a made table: the defaults but for `changes`."""
    columns = {"tab_field_list": spec.numerical, "cat_field_list": spec.categorical}
    tasks = {"label_name": spec.tasks[0], "task_label_names": spec.tasks[:n_tasks]}
    defaults = {"id_name": ID_NAME, "loss_type": "fixed", "num_iterations": n_trees}
    return {**columns, **tasks, **defaults, **changes}


def slopes(runners: Mapping[str, Callable[[int], Run]], window: Window) -> dict[str, PerTree]:
    """Seconds per tree of several programs, run by turns: all short runs, then all long ones.

    The time between two lines of one run has much less of the machine's moods in it than the
    difference between two runs, each of which also reads its files and imports its packages.
    """
    short, long = ({name: run(n_trees) for name, run in runners.items()} for n_trees in window)
    costs = {}
    for name in runners:
        training = training_slope(long[name], window[0])
        # What comes after the last tree.
        ends = [run.wall - run.seconds_until(PROGRESS) for run in (short[name], long[name])]
        costs[name] = PerTree(training + (ends[1] - ends[0]) / (window[1] - window[0]), training)
    return costs


def training_slope(run: Run, first_tree: int) -> float:
    """Seconds per tree from the first progress line at or after a tree to the last; nan if one."""
    lines = [(re.match(rf"{PROGRESS}(\d+)/", line), seconds) for seconds, line in run.lines]
    points = [(int(match[1]), seconds) for match, seconds in lines if match]
    points = [point for point in points if point[0] >= first_tree]
    if len(points) < 2:
        return math.nan
    return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])


def slope(short: float, long: float, window: Window) -> float:
    """Seconds per tree from those of a short and a long run; nan if they are lost in noise."""
    return (long - short) / (window[1] - window[0]) if long > short else math.nan
