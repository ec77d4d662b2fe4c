"""Small jobs that are going to fail: damage to a valid tree, and the script's `main` run on it.

A damage is a function of the tree's folder. Those made here can be put together with `steps`.
"""

import contextlib
import json
import logging
import os
import pickle
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trees import hyperparameters, make_splits, write_hyperparameters, write_table, write_tree

import lightgbmmt_training
from common.result_names import EVALUATION_FILES, MODEL_DIRECTORY_FILES

Damage = Callable[[Path], object]
Change = Callable[[pd.DataFrame], pd.DataFrame]

SPLITS = ("train", "val", "test")
QUICK: dict[str, object] = {"num_iterations": 2, "num_leaves": 4}
STEERING = ("SM_", "SAGEMAKER_", "USE_PRECOMPUTED_", "USE_SECURE_PYPI", "REGION")
ARTIFACTS = Path("input/data/model_artifacts_input")
COMPLETE = sorted(
    [f"model/{name}" for name in MODEL_DIRECTORY_FILES]
    + [f"output/data/{name}" for name in EVALUATION_FILES]
)
"""What `results` are after a good job with a test split."""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        fault: what is wrong.
        damage: makes it so.
        cause: the one line on stderr, and the first of the failure file. In it `BASE` stands for
            the tree's folder, `<...>` for what another library says.
        ending: format of the tree's data files.
        environ: environment variables of the job; `BASE` in a value is the tree's folder.
        more: whether the failure file has more lines: one for each problem.
    """

    fault: str
    damage: Damage
    cause: str
    ending: str = "csv"
    environ: Mapping[str, str] = field(default_factory=dict)
    more: bool = False


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
        assert self.failure is not None, "no failure file"
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
    return Outcome(exit_code, capfd.readouterr().err, failure_text(base))


def failure_text(base: Path) -> str | None:
    """The content of the failure file; None: there is none."""
    path = base / "output" / "failure"
    return path.read_text("utf-8") if path.is_file() else None


def pattern(line: str) -> str:
    """The regular expression of a line in which `<...>` stands for any text."""
    return ".+".join(re.escape(part) for part in line.split("<...>"))


def results(base: Path) -> list[str]:
    """All files in `model` and `output/data`, and the hidden ones beside these folders."""
    published = [*base.glob("model/**/*"), *base.glob("output/data/**/*")]
    hidden = [*base.glob(".*"), *base.glob("output/.*")]
    return sorted(str(path.relative_to(base)) for path in {*published, *hidden})


def small_tree(base: Path, ending: str = "csv", n_rows: int = 120, **changes: object) -> Path:
    """A tree of a job that takes a moment: two files in the training channel, one in the others."""
    splits = make_splits(n_rows)
    write_tree(base, splits, hyperparameters(**(QUICK | changes)), ending)
    for part, rows in enumerate((slice(0, n_rows // 2), slice(n_rows // 2, n_rows))):
        write_table(splits["train"][rows], channel(base, "train") / f"part-{part}.{ending}")
    return base


def channel(base: Path, split: str) -> Path:
    """The folder of a channel."""
    return base / "input" / "data" / split


def last_file(base: Path, split: str) -> Path:
    """The last data file of a channel: its faults are found only if every file is read."""
    return max(channel(base, split).iterdir())


def nothing(_base: Path) -> None:
    """No damage; the fault is in the environment."""


def steps(*damages: Damage) -> Damage:
    """One damage after the other."""

    def damage(base: Path) -> None:
        for step in damages:
            step(base)

    return damage


def removed(place: str) -> Damage:
    """A file or folder is missing."""

    def damage(base: Path) -> None:
        path = base / place
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return damage


def instead(place: str, make: Callable[[Path], object]) -> Damage:
    """Something else where there was a file, or a folder, or nothing."""

    def damage(base: Path) -> None:
        path = base / place
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    return damage


def file_instead(place: str, content: bytes = b"x") -> Damage:
    """A file where there was another, or a folder, or nothing."""
    return instead(place, lambda path: path.write_bytes(content))


def settings(**changes: object) -> Damage:
    """Other native hyperparameters; `...` leaves one out."""

    def damage(base: Path) -> None:
        path = base / "code" / "hyperparams" / "hyperparameters.json"
        values = json.loads(path.read_text("utf-8")) | changes
        write_hyperparameters(
            base, {name: value for name, value in values.items() if value is not ...}
        )

    return damage


def config(name: str, document: object) -> Damage:
    """A JSON file of the platform's in `input/config`."""
    return file_instead(f"input/config/{name}", json.dumps(document).encode())


def artifact(name: str, document: object) -> Damage:
    """A precomputed artifact; a pickle, if its name says so."""
    is_pickle = name.endswith(".pkl")
    content = pickle.dumps(document) if is_pickle else json.dumps(document).encode()
    return file_instead(str(ARTIFACTS / name), content)


def last_table(split: str, change: Change) -> Damage:
    """Another table in the last file of a channel."""
    return lambda base: _change_table(last_file(base, split), change)


def tables(change: Change, *splits: str) -> Damage:
    """Other tables in all files of some channels, or of all."""

    def damage(base: Path) -> None:
        for split in splits or SPLITS:
            for path in channel(base, split).iterdir():
                _change_table(path, change)

    return damage


def _change_table(path: Path, change: Change) -> None:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
    else:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    write_table(change(table), path)


def line(split: str, number: int, change: Callable[[str], str], encoding: str = "utf-8") -> Damage:
    """Another line in the last file of a channel; the header is line 0."""

    def damage(base: Path) -> None:
        path = last_file(base, split)
        lines = path.read_text("utf-8").splitlines()
        lines[number] = change(lines[number])
        path.write_text("\n".join(lines) + "\n", encoding=encoding)

    return damage


def content(split: str, change: Callable[[bytes], bytes]) -> Damage:
    """Other bytes in the last file of a channel."""

    def damage(base: Path) -> None:
        path = last_file(base, split)
        path.write_bytes(change(path.read_bytes()))

    return damage


def values(**value_of_column: object) -> Change:
    """Other values in some columns, from the third row on; a list takes as many rows."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        changed = {}
        for column, value in value_of_column.items():
            new = value if isinstance(value, list) else [value]
            old = table[column].to_numpy(dtype=object, copy=True)
            old[2 : 2 + len(new)] = np.array(new, dtype=object)
            changed[column] = old
        return table.assign(**changed)

    return change


def renamed(**new_name: str) -> Change:
    """Other names of columns."""
    return lambda table: table.rename(columns=new_name)


def everywhere(**value_of_column: str) -> Change:
    """One value in all rows of a column."""
    return lambda table: table.assign(**value_of_column)


def without(column: str) -> Change:
    """A column is missing."""
    return lambda table: table.drop(columns=column)
