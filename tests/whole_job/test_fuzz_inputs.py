"""Random damage to the bytes of every input: the job tells what is wrong, or its results are right.

No traceback, no hang, no crash, and no success with wrong output. The jobs run in forked children.
"""

import csv
import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from failure_cases import (
    COMPLETE,
    channel,
    config,
    failure_text,
    removed,
    results,
    small_tree,
    steps,
)
from forking_jobs import ForkingJobs, forking_jobs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jobs import job_environment, predictions

# No job here has test data.
WITHOUT_TEST = [name for name in COMPLETE if "test." not in name]
TASKS = ["isFraud", "isCard"]
SHOWN_CHARACTERS = 1024
TOKENS = (
    *(b'"', b",", b"\n", b"\r", b"\r\n", b"\t", b";", b"'", b"\\", b"\0", b"\xff", b"\xef\xbb\xbf"),
    *(
        b"NaN",
        b"inf",
        b"-",
        b"1e999",
        b"1e-320",
        b"9" * 30,
        b"0x1",
        b"null",
        b"true",
        b"[1]",
        b"{}",
    ),
    *(b"id", b"isFraud", b"\xed\xa0\x80", "\u2028".encode()),
)
# Any integer is a valid number of them, and many take long.
COSTLY = ("num_iterations", "num_leaves")
BORDER = re.compile(rb"(?<=[\n\t,:{}\[\]\"])|(?=[\n\t,:{}\[\]\"])")


@dataclass(frozen=True)
class Blow:
    """One change of some bytes.

    Attributes:
        kind: cut off there, left out, repeated, overwritten, or inserted.
        at_border: whether it strikes before or after a delimiter, or anywhere.
        place: where of all these places, modulo their number.
        length: how many bytes.
        content: what is written.
    """

    kind: str
    at_border: bool
    place: int
    length: int
    content: bytes

    def strike(self, data: bytes) -> bytes:
        """The bytes afterwards."""
        borders = [match.start() for match in BORDER.finditer(data)] if self.at_border else []
        places = borders or range(len(data) + 1)
        start = places[self.place % len(places)]
        end = start + self.length
        replacement = {
            "cut off": b"",
            "left out": b"",
            "repeated": data[start:end] * 2,
            "overwritten": self.content,
            "inserted": self.content + data[start:end],
        }[self.kind]
        rest = b"" if self.kind == "cut off" else data[end:]
        return data[:start] + replacement + rest


BLOWS = st.lists(
    st.builds(
        Blow,
        kind=st.sampled_from(["overwritten", "inserted", "left out", "repeated", "cut off"]),
        at_border=st.booleans(),
        place=st.integers(0, 1 << 20),
        length=st.integers(0, 3) | st.integers(0, 60),
        content=st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=3,
)

DOCUMENTS = (
    "code/hyperparams/hyperparameters.json",
    "input/config/hyperparameters.json",
    "input/config/resourceconfig.json",
    "input/config/inputdataconfig.json",
    "input/config/checkpointconfig.json",
)
# Format of the tree's data, and the file that is damaged.
TARGETS = (
    ("csv", "input/data/train/part-0.csv"),
    ("csv", "input/data/train/part-1.csv"),
    ("csv", "input/data/val/part-0.csv"),
    ("tsv", "input/data/train/part-0.tsv"),
    ("csv.gz", "input/data/val/part-0.csv.gz"),
    ("parquet", "input/data/train/part-0.parquet"),
    ("parquet", "input/data/val/part-0.parquet"),
    *(("csv", name) for name in DOCUMENTS),
)


def strike(blows: list[Blow], content: bytes) -> bytes:
    """The bytes after all blows."""
    for blow in blows:
        content = blow.strike(content)
    return content


def put_value(content: bytes, place: int, value: object) -> bytes:
    """A JSON object with another value for one of its names, or for all of it."""
    document = json.loads(content)
    names = [*(name for name in document if name not in COSTLY), None]
    name = names[place % len(names)]
    return json.dumps(value if name is None else document | {name: value}).encode()


class Trees:
    """Valid trees, to be damaged and run."""

    def __init__(self, folder: Path, jobs: ForkingJobs) -> None:
        self._jobs = jobs
        self._files = {ending: self._make(folder / ending, ending) for ending, _ in TARGETS}

    def _make(self, base: Path, ending: str) -> dict[str, bytes]:
        if not base.exists():
            small_tree(base, ending, n_rows=60, task_label_names=TASKS)
            steps(
                removed("input/data/test"),
                config(
                    "hyperparameters.json", {"learning_rate": "0.2", "tab_field_list": '["age"]'}
                ),
                config("resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]}),
                config("inputdataconfig.json", {"train": {"TrainingInputMode": "File"}}),
                config("checkpointconfig.json", {"LocalPath": "checkpoints"}),
            )(base)
        files = [path for path in base.rglob("*") if path.is_file()]
        return {str(path.relative_to(base)): path.read_bytes() for path in files}

    def run(self, ending: str, name: str, damage: Callable[[bytes], bytes]) -> None:
        """Runs the job on a tree with one damaged file; it must end as it should."""
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            for other, content in self._files[ending].items():
                (base / other).parent.mkdir(parents=True, exist_ok=True)
                (base / other).write_bytes(content)
            (base / name).write_bytes(damage(self._files[ending][name]))
            check(base, self._jobs.run(base))


def check(base: Path, exit_code: int) -> None:
    """All results and no failure, or a reason and no results."""
    stderr = (base / "stderr.txt").read_text("utf-8")
    failure = failure_text(base)
    if exit_code == 0:
        assert (stderr, failure) == ("", None)
        assert results(base) == WITHOUT_TEST
        check_predictions(base)
        return
    assert exit_code == 1, stderr
    assert failure is not None
    assert not failure.startswith("internal error"), failure
    assert failure.partition("\n")[0] + "\n" == stderr
    assert len(stderr) <= SHOWN_CHARACTERS + 1
    assert results(base) == []


def check_predictions(base: Path) -> None:
    """There is a probability of every task for every row that another reader finds."""
    (file,) = channel(base, "val").iterdir()
    found = predictions(base, "val")
    assert len(found) == number_of_rows(file)
    names = [name for name in found.columns if name.endswith("_prob")]
    assert len(names) == len(TASKS)
    probabilities = found[names].to_numpy()
    assert np.isfinite(probabilities).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    labels = found[[name.replace("_prob", "_true") for name in names]].to_numpy()
    assert np.isin(labels, [0, 1]).all()


def number_of_rows(file: Path) -> int:
    """How many rows a table has, read without the project's readers."""
    if file.suffix == ".parquet":
        # The job reads only the columns that it needs, and others may be damaged.
        return len(pd.read_parquet(file, columns=TASKS))
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    lines = io.StringIO(content.decode("utf-8-sig", "surrogateescape"), newline="")
    rows = csv.reader(lines, delimiter="\t" if ".tsv" in file.suffixes else ",")
    return sum(1 for row in rows if row) - 1


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trees]:
    """Trees, and a process that runs their jobs."""
    folder = tmp_path_factory.mktemp("trees")
    with forking_jobs(job_environment(folder)) as jobs:
        yield Trees(folder, jobs)


@pytest.mark.parametrize(("ending", "name"), TARGETS)
def test_a_tree_without_damage_succeeds(ending: str, name: str, trees: Trees) -> None:
    trees.run(ending, name, lambda content: content)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
DAMAGE = given(target=st.sampled_from(TARGETS), blows=BLOWS)
OTHER_VALUES = given(
    name=st.sampled_from(DOCUMENTS),
    place=st.integers(0, 100),
    value=JSON_VALUES | JSON_VALUES.map(json.dumps),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@DAMAGE
def test_damage(target: tuple[str, str], blows: list[Blow], trees: Trees) -> None:
    trees.run(*target, lambda content: strike(blows, content))


@settings(max_examples=25, deadline=None, derandomize=True)
@OTHER_VALUES
def test_other_values(name: str, place: int, value: object, trees: Trees) -> None:
    trees.run("csv", name, lambda content: put_value(content, place, value))


# Moves a column that nobody asked for away from where the file's footer says that it is.
UNUSED_COLUMN_MOVED = Blow("overwritten", at_border=True, place=3794, length=0, content=b'"')


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@DAMAGE
@example(target=("parquet", "input/data/val/part-0.parquet"), blows=[UNUSED_COLUMN_MOVED])
def test_much_damage(target: tuple[str, str], blows: list[Blow], trees: Trees) -> None:
    trees.run(*target, lambda content: strike(blows, content))


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@OTHER_VALUES
def test_many_other_values(name: str, place: int, value: object, trees: Trees) -> None:
    trees.run("csv", name, lambda content: put_value(content, place, value))
