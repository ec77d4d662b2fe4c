"""Measures two processes with one thread each against one process with one thread.

    python -m benchmarks.hosts                # some 10 minutes on two cores that do nothing else
    python -m benchmarks.hosts --rows 20000   # only tries the program

The job, its files and its settings are the same but for the hosts, which share the rows of two
files over loopback. A tree's time is the slope between jobs of a few and of more trees, and a
figure is the median of the rounds' ratios; what a tree costs beside LightGBM and the passes over
rows is that of two processes on a table of 2,000 rows.
"""

import argparse
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.machine import machine_line
from benchmarks.timing import CHECKOUT, RunFailedError, say

_SCRIPT = CHECKOUT / "lightgbmmt_training.py"
_TREES = (20, 80)
_SMALL_ROWS = 2000
_GB = 1e9


@dataclass(frozen=True)
class HostsRun:
    """A job on one host or on two.

    Attributes:
        wall: Seconds from the start of the first process to the end of the last.
        peak_memory: Largest resident memory of any process, in bytes.
    """

    wall: float
    peak_memory: int


def write_job(folder: Path, n_rows: int, n_features: int, n_tasks: int, n_hosts: int) -> Path:
    """Writes the trees of a job's hosts, all with the same two files of each split."""
    rng = np.random.default_rng(1)
    names = [f"127.0.0.{host + 1}" for host in range(n_hosts)]
    features = [f"f{index}" for index in range(n_features)]
    tasks = [f"task_{index}" for index in range(n_tasks)]
    for split, rows in (("train", n_rows), ("val", n_rows // 10)):
        data = folder / "data" / split
        data.mkdir(parents=True)
        for number in range(2):
            x = rng.normal(size=(rows // 2, n_features)).astype(np.float32)
            table = pd.DataFrame(x, columns=features)
            for index, task in enumerate(tasks):
                signal = x[:, index] + x[:, index + 1] * x[:, index + 2] + rng.logistic(size=len(x))
                table[task] = (signal > 3).astype(np.int8)
            table.to_parquet(data / f"part-{number}.parquet", index=False)
    for name in names:
        base = folder / name
        (base / "input" / "config").mkdir(parents=True)
        (base / "input" / "data").symlink_to(folder / "data")
        if n_hosts > 1:
            hosts = {"current_host": name, "hosts": names}
            (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts))
    return folder


def written_elsewhere(*arguments: object) -> Path:
    """As `write_job`, in a process of its own.

    A process starts with the peak memory of the one that starts it (Linux, `ru_maxrss`), which so
    must stay small.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as writer:
        return writer.submit(write_job, *arguments).result()  # type: ignore[arg-type]


def settings(n_features: int, n_tasks: int, n_trees: int) -> dict[str, object]:
    """The job's hyperparameters."""
    return {
        "tab_field_list": [f"f{index}" for index in range(n_features)],
        "cat_field_list": [],
        "task_label_names": [f"task_{index}" for index in range(n_tasks)],
        "label_name": "task_0",
        "loss_type": "fixed",
        "num_threads": 1,
        # Several hosts do not quantize, so one does not either.
        "use_quantized_grad": False,
        "num_iterations": n_trees,
        "eval_frequency": 1000,
    }


def run(folder: Path, values: dict[str, object]) -> HostsRun:
    """Runs a job on all of its hosts; `RunFailedError` if one fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = min(probe.getsockname()[1], 60_000)
    bases = sorted(path for path in folder.iterdir() if path.name != "data")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    started, processes = time.perf_counter(), []
    for base in bases:
        path = base / "code" / "hyperparams" / "hyperparameters.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        log = (base / "log").open("w")
        environ = kept | {"SAGEMAKER_BASE_DIR": str(base), "HOSTS_PORT": str(port)}
        processes.append(
            subprocess.Popen([sys.executable, str(_SCRIPT)], env=environ, stdout=log, stderr=log)
        )
        log.close()
    memory = 0
    for process, base in zip(processes, bases, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RunFailedError((base / "log").read_text()[-2000:])
        memory = max(memory, usage.ru_maxrss * 1024)
    return HostsRun(time.perf_counter() - started, memory)


def per_tree(runs: Sequence[HostsRun]) -> float:
    """Seconds per tree, from jobs of a few and of more trees."""
    few, more = runs
    return (more.wall - few.wall) / (_TREES[1] - _TREES[0])


def measure(folder: Path, n_rows: int, n_tasks: int, rounds: int) -> str:
    """One row of the table: a number of tasks."""
    jobs = {
        n_hosts: written_elsewhere(folder / f"{n_tasks}-{n_hosts}", n_rows, 40, n_tasks, n_hosts)
        for n_hosts in (1, 2)
    }
    ratios, whole, memory, tree, peaks = [], [], [], [], []
    for number in range(rounds):
        found = {
            n_hosts: [run(job, settings(40, n_tasks, n_trees)) for n_trees in _TREES]
            for n_hosts, job in jobs.items()
        }
        one, two = found[1], found[2]
        ratios.append(per_tree(one) / per_tree(two))
        whole.append(one[1].wall / two[1].wall)
        memory.append(two[1].peak_memory / one[1].peak_memory)
        peaks.append((one[1].peak_memory / _GB, two[1].peak_memory / _GB))
        tree.append((per_tree(one), per_tree(two)))
        say(f"{n_tasks} tasks, round {number + 1}: {ratios[-1]:.2f} times as fast per tree")
    ones, twos = zip(*tree, strict=True)
    of_one, of_two = zip(*peaks, strict=True)
    return (
        f"| {n_tasks} | {1000 * median(ones):.1f} | {1000 * median(twos):.1f} | "
        f"{median(ratios):.2f} | {median(whole):.2f} | {median(memory):.2f} | "
        f"{median(of_one):.2f} GB, {median(of_two):.2f} GB |"
    )


def main() -> None:
    """Reads the command line, measures and prints the table."""
    parser = argparse.ArgumentParser(description="Measure two hosts against one; prints a table.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = [measure(folder, args.rows, n_tasks, args.rounds) for n_tasks in (3, 10)]
        small = written_elsewhere(folder / "small", _SMALL_ROWS, 5, 3, 2)
        cost = per_tree([run(small, settings(5, 3, n_trees)) for n_trees in (20, 2000)])
        cost *= (_TREES[1] - _TREES[0]) / 1980
    print(f"{args.rows:,} x 40 rows, one thread per process, whole job of {_TREES[1]} trees\n")
    print(
        "| tasks | one, ms per tree | two | per tree | whole job | memory per process | one, two |"
    )
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\nA tree of {_SMALL_ROWS:,} x 5 rows on two processes: {1000 * cost:.1f} ms")
    print(machine_line(1, "dask", "distributed"))


if __name__ == "__main__":
    main()
