"""What all sections of the speed program share: running the job and the programs beside it."""

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed_tables import ID_NAME, Sizes, TableSpec, Window, provide
from benchmarks.timing import CHECKOUT, Run, run_module, run_process, say

PROGRESS = "iteration "
"""How the lines start that the job, and a single-task training, print on their way."""

_TREES_DONE = re.compile(re.escape(PROGRESS) + r"(\d+)/")


@dataclass(frozen=True)
class PerTree:
    """Seconds per tree; nan if the long run has no two progress lines after the short one's trees.

    Attributes:
        training: Between the progress lines of one run.
        whole: What comes after the last tree, such as the prediction of the validation rows with
            all trees, is in it: as far as it grows from a short run to a long one.
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
    runs: list[dict[str, object]] = field(default_factory=list)  # every run so far, as JSON data

    def table(self, spec: TableSpec) -> Path:
        """The folder of a table, which is made if need be."""
        say(f"table {spec.name}")
        return provide(spec, self.folder)

    def job_folder(self, name: str) -> Path:
        """The `/opt/ml` folder of the last run of a job."""
        return self.folder / "jobs" / name.replace(" ", "-")

    def run_job(self, name: str, channels: Path, hyperparameters: Mapping[str, object]) -> Run:
        """Runs the training job in a fresh `/opt/ml` folder.

        Args:
            name: What the run is called.
            channels: Folder with the folders `train`, `val` and possibly `test`.
            hyperparameters: All but the number of threads.
        """
        base = self.job_folder(name)
        shutil.rmtree(base, ignore_errors=True)
        settings = base / "code" / "hyperparams" / "hyperparameters.json"
        settings.parent.mkdir(parents=True)
        values = {**hyperparameters, "num_threads": self.n_threads}
        settings.write_text(json.dumps(values), encoding="utf-8")
        environ = {"SAGEMAKER_BASE_DIR": str(base)}
        for channel in ("train", "val", "test"):
            if (channels / channel).exists():
                environ[f"SM_CHANNEL_{channel.upper()}"] = str(channels / channel)
        script = str(CHECKOUT / "lightgbmmt_training.py")
        return self.noted(name, run_process([sys.executable, script], base, environ))

    def run_program(self, name: str, module: str, **values: object) -> Run:
        """Runs a module of this package that ends with `run_as_program`."""
        return self.noted(name, run_module(module, n_threads=self.n_threads, **values))

    def run_single_task(self, name: str, table: Path, n_trees: int, **values: object) -> Run:
        """Runs the stock single-task training on the main task of a made table."""
        values = {"task": "task_00", "n_trees": n_trees, **values}
        return self.run_program(
            name, "peer_training", program="train_single", table=table, **values
        )

    def noted(self, name: str, run: Run) -> Run:
        """Keeps what a run has taken, for the JSON file."""
        say(f"{name}: {run.wall:.1f} s, {run.peak_memory / 1e9:.2f} GB")
        figures = {"wall": run.wall, "cpu": run.cpu, "peak_memory": run.peak_memory}
        self.runs.append({"name": name, **figures, "load": os.getloadavg()[0]})
        return run


def job_settings(
    spec: TableSpec, n_tasks: int, n_trees: int, **changes: object
) -> dict[str, object]:
    """Hyperparameters for a made table: the defaults but for `changes`."""
    return {
        "tab_field_list": spec.numerical,
        "cat_field_list": spec.categorical,
        "label_name": spec.tasks[0],
        "task_label_names": spec.tasks[:n_tasks],
        "id_name": ID_NAME,
        "loss_type": "fixed",
        "num_iterations": n_trees,
        **changes,
    }


def slopes(runners: Mapping[str, Callable[[int], Run]], window: Window) -> dict[str, PerTree]:
    """Seconds per tree of several programs, run by turns: all short runs, then all long ones.

    The time between two lines of one run has much less of the machine's moods in it than the
    difference between two runs, each of which also reads its files and imports its packages.
    """
    short, long = (
        {name: run(n_trees) for name, run in runners.items()}
        for n_trees in (window.short, window.long)
    )
    costs = {}
    for name in runners:
        training = training_slope(long[name], window.short)
        # What comes after the last tree.
        ends = [run.wall - run.seconds_until(PROGRESS) for run in (short[name], long[name])]
        costs[name] = PerTree(training + (ends[1] - ends[0]) / window.trees, training)
    return costs


def training_slope(run: Run, first_tree: int) -> float:
    """Seconds per tree from the first progress line at or after a tree to the last; nan if one."""
    matches = ((seconds, _TREES_DONE.match(line)) for seconds, line in run.lines)
    arrivals = [(int(match[1]), seconds) for seconds, match in matches if match]
    points = [(done, seconds) for done, seconds in arrivals if done >= first_tree]
    if len(points) < 2:
        return math.nan
    (first, start), (last, end) = points[0], points[-1]
    return (end - start) / (last - first)


def slope(short: float, long: float, window: Window) -> float:
    """Seconds per tree from those of a short and a long run; nan if they are lost in noise."""
    return (long - short) / window.trees if long > short else math.nan
