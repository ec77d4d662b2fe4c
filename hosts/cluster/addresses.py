"""Addresses of hosts, which may not be known yet when a job starts."""

import asyncio
import socket
from collections.abc import Callable

import psutil

from hosts.cluster.settings import HostSettings


def own_address(name: str, interface: str | None) -> str | None:
    """This host's IPv4 address: that of the platform's interface, else that of its name.

    None if neither is known (yet). LightGBM (4.7) takes no other addresses.
    """
    for address in psutil.net_if_addrs().get(interface or "", []):
        if address.family == socket.AF_INET:
            return str(address.address)
    return resolved(name)


def resolved(name: str) -> str | None:
    """A host's IPv4 address; None if its name cannot be resolved (yet)."""
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return None
    return str(found[0][4][0])


async def when_known(find: Callable[[], str | None], settings: HostSettings) -> str | None:
    """Asks again and again for an address; None: not known after all the time that is waited."""
    end = asyncio.get_running_loop().time() + settings.wait_seconds
    while True:
        # A resolver can take seconds, in which the loop must answer other hosts.
        address = await asyncio.to_thread(find)
        if address is not None or asyncio.get_running_loop().time() > end:
            return address
        await asyncio.sleep(0.5)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
