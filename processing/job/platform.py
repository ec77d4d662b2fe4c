"""What the platform says about the job: hosts and the way that channels are delivered."""

from pathlib import Path

from common.json_file import read_json_object
from exceptions import UserError


def check_single_host(resource_config: Path) -> None:
    """Refuses a job of several hosts.

    Raises:
        UserError: There are several, or the file is not what the platform writes.
    """
    config = read_json_object(resource_config) or {}
    hosts = config.get("hosts", [])
    if not isinstance(hosts, list):
        raise UserError(f'{resource_config}: "hosts" must be a list, found {hosts!r:.100}')
    if len(hosts) > 1:
        raise UserError(
            f"the job has {len(hosts)} hosts ({resource_config}), but training runs on one: set "
            "instance_count to 1, and take a larger instance type if one is too small"
        )


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
