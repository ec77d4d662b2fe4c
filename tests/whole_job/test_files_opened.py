"""How often the job opens its data files, which are streamed from afar in FastFile mode."""

import ctypes
import os
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jobs import run_job
from trees import hyperparameters, make_splits, write_table, write_tree

# linux/inotify.h
ACCESS, CLOSE, OPEN = 0x1, 0x10, 0x20
EVENT = struct.Struct("iIII")


@contextmanager
def opens_counted(*folders: Path) -> Iterator[Counter[str]]:
    """Counts how often each file of some folders is opened, by whatever library."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        pytest.skip("only Linux tells who opens files")
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    counts: Counter[str] = Counter()
    folder_of_watch = {}
    try:
        for folder in folders:
            # Events that are equal and follow each other are one: reading and closing part them.
            watch = libc.inotify_add_watch(descriptor, os.fsencode(folder), OPEN | ACCESS | CLOSE)
            assert watch > 0, os.strerror(ctypes.get_errno())
            folder_of_watch[watch] = folder.name
        yield counts
        while True:
            try:
                events = os.read(descriptor, 1 << 20)
            except BlockingIOError:
                break
            while events:
                watch, mask, _, length = EVENT.unpack_from(events)
                name = events[EVENT.size : EVENT.size + length].rstrip(b"\0").decode()
                events = events[EVENT.size + length :]
                if mask & OPEN and name:
                    counts[f"{folder_of_watch[watch]}/{name}"] += 1
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "parquet"])
def test_each_file_is_opened_for_its_header_and_for_its_rows(tmp_path: Path, ending: str) -> None:
    splits = make_splits(300)
    write_tree(tmp_path, splits, hyperparameters(num_iterations=1), ending)
    data = tmp_path / "input" / "data"
    for part in range(3):
        rows = splits["train"][part * 100 : part * 100 + 100]
        write_table(rows, data / "train" / f"part-{part}.{ending}")
    with opens_counted(*data.iterdir()) as counts:
        run_job(tmp_path)
    files = [f"train/part-{part}.{ending}" for part in range(3)]
    assert counts == dict.fromkeys([*files, f"val/part-0.{ending}", f"test/part-0.{ending}"], 2)
