"""Which files, or rows of a file, each host reads of a channel that all hosts have."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.parts.shares import share_of_files
from processing.reading.channels import DataFile


def shares(sizes: list[int], n_hosts: int) -> list[tuple[DataFile, ...]]:
    """The share of every host of files of these sizes, numbered in their order."""
    with TemporaryDirectory() as folder:
        files = []
        for number, size in enumerate(sizes):
            path = Path(folder) / str(number)
            with path.open("wb") as file:
                file.truncate(size)
            files.append(DataFile(path, f"train/{number}", "csv", is_gzip=False))
        return [share_of_files(files, index, n_hosts) for index in range(n_hosts)]


def numbers(share: tuple[DataFile, ...]) -> list[int]:
    return [int(file.path.name) for file in share]


@given(
    st.integers(1, 8).flatmap(
        lambda n_hosts: st.tuples(
            st.lists(st.integers(0, 1000), min_size=n_hosts, max_size=30), st.just(n_hosts)
        )
    )
)
def test_whole_files_go_to_one_host_each_in_their_order(case: tuple[list[int], int]) -> None:
    sizes, n_hosts = case
    found = shares(sizes, n_hosts)
    assert [number for share in found for number in numbers(share)] == list(range(len(sizes)))
    assert all(found)
    assert {file.share for share in found for file in share} == {(0, 1)}


@given(st.integers(1, 8), st.lists(st.integers(1, 1000), min_size=60, max_size=100))
def test_hosts_get_about_as_much_as_each_other(n_hosts: int, sizes: list[int]) -> None:
    for share in shares(sizes, n_hosts):
        got = sum(sizes[number] for number in numbers(share))
        assert abs(got - sum(sizes) / n_hosts) <= max(sizes)


@given(st.integers(1, 20), st.integers(1, 20))
def test_hosts_of_one_file_share_its_rows(n_files: int, more: int) -> None:
    n_hosts = n_files + more
    found = shares([10] * n_files, n_hosts)
    assert [len(share) for share in found] == [1] * n_hosts
    in_order = [number for share in found for number in numbers(share)]
    assert in_order == sorted(in_order)
    for number in range(n_files):
        parts = [share[0].share for share in found if numbers(share) == [number]]
        assert parts == [(part, len(parts)) for part in range(len(parts))]
        assert len(parts) in (n_hosts // n_files, -(-n_hosts // n_files))


@pytest.mark.parametrize(
    ("sizes", "n_hosts", "expected"),
    [
        ([1, 1, 1, 1], 2, [[0, 1], [2, 3]]),
        ([9, 1, 1, 1], 2, [[0], [1, 2, 3]]),
        ([1, 1, 1, 9], 3, [[0, 1], [2], [3]]),
        ([0, 0, 0], 3, [[0], [1], [2]]),
        ([5], 1, [[0]]),
    ],
)
def test_shares_by_hand(sizes: list[int], n_hosts: int, expected: list[list[int]]) -> None:
    assert [numbers(share) for share in shares(sizes, n_hosts)] == expected
