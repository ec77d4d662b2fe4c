"""What the platform says about the job: hosts and the way that channels are delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.json_file import read_json_object
from exceptions import UserError
from processing.job.paths import resource_config

CLUSTER_VARIABLE = "DASK_SCHEDULER_ADDRESS"
"""Names the scheduler of a Dask cluster that is there already."""


@dataclass(frozen=True)
class JobHosts:
    """The hosts of a job.

    Attributes:
        names: All of them, sorted.
        current: The one that this is; empty if the platform names none.
        interface: Its network interface that the others are reached through; None: not told.
    """

    names: tuple[str, ...]
    current: str = ""
    interface: str | None = None

    @property
    def are_several(self) -> bool:
        """Whether there is more than one."""
        return len(self.names) > 1

    @property
    def first(self) -> str:
        """The host that runs the job; the others are its workers."""
        return self.names[0]


def read_hosts(resource_config: Path) -> JobHosts:
    """The hosts that the platform lists; no names where it lists none.

    Raises:
        UserError: The file is not what the platform writes.
    """
    config = read_json_object(resource_config) or {}
    hosts = config.get("hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(name, str) and name for name in hosts):
        raise UserError(f'{resource_config}: "hosts" must be a list of names, found {hosts!r:.100}')
    names = tuple(sorted(set(hosts)))
    current, interface = config.get("current_host", ""), config.get("network_interface_name")
    if len(names) > 1 and current not in names:
        raise UserError(
            f'{resource_config}: "current_host" must be one of the hosts {", ".join(names)}, '
            f"found {current!r:.100}"
        )
    return JobHosts(names, current, interface if isinstance(interface, str) else None)


def has_several_hosts(environ: Mapping[str, str]) -> bool:
    """Whether the job's rows are on several hosts: the platform's, or those of a Dask cluster.

    Raises:
        UserError: The platform's list is not what the platform writes.
    """
    if environ.get(CLUSTER_VARIABLE):
        return True
    return read_hosts(resource_config(environ)).are_several


def sharded_channels(input_data_config: Path) -> set[str]:
    """The channels of which each host has files of its own; of all others every host has all.

    Raises:
        UserError: The file is not what the platform writes.
    """
    channels = read_json_object(input_data_config) or {}
    return {
        name
        for name, channel in channels.items()
        if isinstance(channel, dict) and channel.get("S3DistributionType") == "ShardedByS3Key"
    }


def check_input_mode(input_data_config: Path) -> None:
    """Refuses channels in Pipe mode, which are no files.

    Raises:
        UserError: A channel is in Pipe mode, or the file is not what the platform writes.
    """
    channels = read_json_object(input_data_config) or {}
    piped = sorted(
        name
        for name, channel in channels.items()
        if isinstance(channel, dict) and channel.get("TrainingInputMode") == "Pipe"
    )
    if piped:
        raise UserError(
            f"channels in Pipe mode cannot be read as files: {', '.join(piped)} "
            f"({input_data_config}); set input_mode to File or FastFile"
        )
