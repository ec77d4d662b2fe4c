"""Which part of a channel is whose, where every host has all of it."""

from collections.abc import Sequence
from dataclasses import replace

from processing.reading.channels import DataFile


def share_of_files(files: Sequence[DataFile], index: int, n_hosts: int) -> tuple[DataFile, ...]:
    """A host's share of files that all hosts have: whole files, or a part of the rows of one.

    The shares stand in the order of the hosts as the files do in the channel, so that all rows
    together are in the same order as on one host. With at least as many files as hosts each takes
    neighbouring files of about the same size in all; otherwise the hosts of one file share its
    rows evenly.

    Args:
        files: The channel's files.
        index: The host's place, from 0.
        n_hosts: Number of hosts.
    """
    n_files = len(files)
    if n_files < n_hosts:
        hosts_of_file = [
            [host for host in range(n_hosts) if host * n_files // n_hosts == number]
            for number in range(n_files)
        ]
        number = index * n_files // n_hosts
        mates = hosts_of_file[number]
        file = files[number]
        return (
            (replace(file, share=(mates.index(index), len(mates))),) if len(mates) > 1 else (file,)
        )
    bounds = _bounds([file.path.stat().st_size for file in files], n_hosts)
    return tuple(files[bounds[index] : bounds[index + 1]])


def _bounds(sizes: Sequence[int], n_hosts: int) -> list[int]:
    """Where each host's files begin; every host has at least one."""
    total = sum(sizes)
    bounds, done = [0], 0
    for number, size in enumerate(sizes):
        # The middle of a file says whose it is; that of an empty one may be the very end.
        owner = min((2 * done + size) * n_hosts // max(2 * total, 1), n_hosts - 1)
        done += size
        while len(bounds) <= owner:
            bounds.append(number)
    bounds += [len(sizes)] * (n_hosts + 1 - len(bounds))
    for host in range(1, n_hosts):
        bounds[host] = max(bounds[host], bounds[host - 1] + 1)
    for host in range(n_hosts - 1, 0, -1):
        bounds[host] = min(bounds[host], bounds[host + 1] - 1)
    return bounds
