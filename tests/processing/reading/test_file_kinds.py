"""What a file is that is not what its name says; the kinds themselves are in the failure table."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processing.reading.file_kinds import foreign_kind, header_fault

WANTED = ["isFraud", "amount", "1"]
NAMES = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), min_size=1)
ROOT = Path(__file__).parents[3]


@given(NAMES)
@example(["PAR1", "x"])
@example(["ORC_id", "x"])
@example(["BZh91AY", "x"])
@example(["<50 EUR", "html"])
@example(["\ufeffid", "x"])
@example(["é" * 3000])
def test_text_is_no_other_kind(names: list[str]) -> None:
    text = ",".join(names) + "\n1,2\n"
    for start in (text.encode(), text.encode("utf-8-sig"), text.replace(",", "\t").encode()):
        # A sample may end within a character.
        for end in range(4):
            assert foreign_kind(start[: len(start) - end]) is None


@pytest.mark.parametrize(
    ("names", "delimiter"),
    [
        (["id", "isFraud"], ","),
        # Names of other columns may look like anything, as long as there are wanted ones.
        (["0", "1", "2", "3"], ","),
        (["amount", "7", "8", "9"], ","),
        (["amount", "a;b;c"], ","),
        (["amount", "a, b, c"], "\t"),
        (["amount", '{"a": 1}'], ","),
        # Names that are just others: which are missing says it all.
        (["Betrag", "Betrug", "Nummer"], ","),
        (["amounts;"], ","),
    ],
)
def test_a_header_that_looks_like_one(names: list[str], delimiter: str) -> None:
    assert header_fault(names, delimiter, WANTED) is None


@pytest.mark.parametrize(
    ("names", "delimiter", "fault"),
    [
        (["amount;isFraud"], ",", "separated by semicolons, wanted commas"),
        (['amount";"isFraud"'], ",", "separated by semicolons, wanted commas"),
        (["amount;x", "y;isFraud"], ",", "separated by semicolons, wanted commas"),
        (["isFraud,x"], "\t", "separated by commas, wanted tabs"),
        (["17", "2.5", "DE"], ",", "there is no header"),
        (["000017", "1e-3", "", "DE", "web", "0"], ",", "there is no header"),
        (['{"amount": 2', '"isFraud": 0}'], ",", "it holds JSON"),
        (["["], ",", "it holds JSON"),
    ],
)
def test_a_header_that_is_none(names: list[str], delimiter: str, fault: str) -> None:
    assert fault in (header_fault(names, delimiter, WANTED) or "")


READ = """
import os, resource, sys
from pathlib import Path
from exceptions import DataError
from processing.reading.channels import DataFile
from processing.reading.data_files import read_batches, read_header

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

file = DataFile(Path(sys.argv[1]), "train/x.csv.gz", "csv", is_gzip=True)
before = peak()
try:
    list(read_batches(file, read_header(file), numbers=("a",), categories=("b",), texts=()))
except DataError as error:
    print(error)
assert peak() - before < 60, f"{peak() - before} MB for one row"
sys.stdout.flush()
os._exit(0)  # as the job does: Arrow (26) can wait for itself at exit after a fault
"""


@pytest.mark.parametrize(
    ("start", "megabyte", "line"),
    [
        (b"", b"x" * (1 << 20), 1),
        (b"a,b\n1,2\n", b"x" * (1 << 20), 3),
        (b'a,b\n1,2\n1,"', b"x" * (1 << 20), 3),
        (b"a,b\n1,2\n", b'"\n",' * (1 << 18), 3),
    ],
    ids=["header", "row", "quote without end", "row of many lines"],
)
def test_a_row_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, start: bytes, megabyte: bytes, line: int
) -> None:
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(start)
        for _ in range(150):
            file.write(megabyte)
    done = subprocess.run(
        [sys.executable, "-c", READ, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith(
        f"train/x.csv.gz: the row that starts at line {line} has more than 1048576 characters"
    )
