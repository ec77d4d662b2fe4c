"""Running the script's `main` in this process, and damaging a tree that a job would run on."""

import contextlib
import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from trees import hyperparameters, make_splits, write_hyperparameters, write_table, write_tree

import lightgbmmt_training

SPLITS = ("train", "val", "test")
QUICK = {"num_iterations": 2, "num_leaves": 4}
STEERING = ("SM_", "SAGEMAKER_", "USE_PRECOMPUTED_", "USE_SECURE_PYPI", "REGION")


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        exit_code: of the process.
        stderr: all that was written there, by whomever.
        failure: content of the failure file; None: there is none.
    """

    exit_code: int
    stderr: str
    failure: str | None

    @property
    def cause(self) -> str:
        """The first line of the failure file, which must be there."""
        assert self.failure is not None
        return self.failure.partition("\n")[0]


@contextlib.contextmanager
def own_process_state() -> Iterator[None]:
    """What `main` sets up for a process of its own is taken back."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        logging.captureWarnings(capture=False)


def run_main(
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    **environ: str,
) -> Outcome:
    """Runs `main` as the script would, with nothing in the environment but what is given."""
    for name in list(os.environ):
        if name.startswith(STEERING):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    capfd.readouterr()
    with own_process_state():
        exit_code = lightgbmmt_training.main()
    failure = base / "output" / "failure"
    return Outcome(
        exit_code,
        capfd.readouterr().err,
        failure.read_text("utf-8") if failure.is_file() else None,
    )


def small_tree(base: Path, ending: str = "csv", n_rows: int = 120, **changes: object) -> Path:
    """A tree of a job that takes a moment: two files in the training channel, one in the others."""
    splits = make_splits(n_rows)
    write_tree(base, splits, hyperparameters(**QUICK, **changes), ending)
    train = splits["train"]
    folder = base / "input" / "data" / "train"
    write_table(train[: n_rows // 2], folder / f"part-0.{ending}")
    write_table(train[n_rows // 2 :], folder / f"part-1.{ending}")
    return base


def channel(base: Path, split: str) -> Path:
    """The folder of a channel."""
    return base / "input" / "data" / split


def last_file(base: Path, split: str) -> Path:
    """The last data file of a channel: what is wrong there is found if every file is read."""
    return max(channel(base, split).iterdir())


def change_table(base: Path, split: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Puts the table of a channel's last file through a function."""
    path = last_file(base, split)
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
    else:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    write_table(change(table), path)


def change_text(base: Path, split: str, change: Callable[[list[str]], list[str]]) -> None:
    """Puts the lines of a channel's last file, header first, through a function."""
    path = last_file(base, split)
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def change_hyperparameters(base: Path, **changes: Any) -> None:
    """Sets native hyperparameters; `...` takes one away."""
    path = base / "code" / "hyperparams" / "hyperparameters.json"
    values = json.loads(path.read_text("utf-8")) | changes
    write_hyperparameters(
        base, {name: value for name, value in values.items() if value is not ...}
    )


def write_config(base: Path, name: str, document: object) -> None:
    """Writes a JSON file of the platform's into `input/config`."""
    folder = base / "input" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(document))


def leave_old_results(base: Path) -> None:
    """Puts the files of an earlier job, and its failure, where this job's will be."""
    for name in ("model/lightgbmmt_model.txt", "output/data/val.tar.gz", "output/failure"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("from an earlier job\n")


def results(base: Path) -> list[str]:
    """All files in `model` and `output/data`, and hidden ones beside them."""
    places = [base, base / "model", base / "output", base / "output" / "data"]
    return sorted(
        str(path.relative_to(base))
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if place.name in {"model", "data"} or path.name.startswith(".")
    )


def remove(path: Path) -> None:
    """Removes a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
