"""How the hosts of a job find each other, and how long they wait."""

from collections.abc import Mapping
from dataclasses import dataclass

from exceptions import UserError

N_PORTS = 16
"""Ports that the first host tries, from `port` upwards, and that the others look at."""


@dataclass(frozen=True)
class HostSettings:
    """Settings from the environment, which every host has before it has read anything.

    Attributes:
        wait_seconds: How long a host that has not come yet is waited for (`HOSTS_WAIT_SECONDS`).
        lost_seconds: A host that has not answered for so long is lost (`HOSTS_LOST_SECONDS`).
        port: The first of the ports that the first host may listen at (`HOSTS_PORT`).
    """

    wait_seconds: float = 600.0
    lost_seconds: float = 30.0
    port: int = 8786

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "HostSettings":
        """Reads the variables; one that is empty counts as not set.

        Raises:
            UserError: A variable is no number, or out of range.
        """
        return cls(
            wait_seconds=_number(environ, "HOSTS_WAIT_SECONDS", cls.wait_seconds, 1, 86_400),
            lost_seconds=_number(environ, "HOSTS_LOST_SECONDS", cls.lost_seconds, 3, 3_600),
            port=int(_number(environ, "HOSTS_PORT", cls.port, 1024, 65_535 - N_PORTS)),
        )


def _number(
    environ: Mapping[str, str], name: str, default: float, lowest: float, highest: float
) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise UserError(
            f"{name} (environment): wanted a number from {lowest:g} to {highest:g}, "
            f"found {text!r:.50}"
        )
    return value
