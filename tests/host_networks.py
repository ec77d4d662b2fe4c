"""Hosts with networks of their own on one machine: network namespaces on one bridge (Linux)."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

_NAME_FILES = Path("/etc/netns")
"""Below it `ip netns exec` finds what a namespace has instead of files of /etc."""

_numbers = itertools.count()


class NoNamespacesError(Exception):
    """Namespaces cannot be made here; the reason."""


class HostNetwork:
    """Hosts `node-1`, `node-2` ..., each with a network stack, an address and its link `eth0`.

    with HostNetwork(3) as network:
        subprocess.run([*network.entry("node-1"), "ping", "-c1", "node-2"])
    """

    def __init__(self, n_hosts: int) -> None:
        self.names = [f"node-{number + 1}" for number in range(n_hosts)]
        # Unlike those of other tests, also of the one before: links are removed some time after
        # their hosts. A link's name may have 15 letters.
        self._tag = f"t{os.getpid()}-{next(_numbers)}"
        self._subnet = f"10.{200 + os.getpid() // 250 % 50}.{os.getpid() % 250}"

    def __enter__(self) -> Self:
        """Makes the hosts.

        Raises:
            NoNamespacesError: That is not possible here.
        """
        if os.geteuid() != 0:
            raise NoNamespacesError("network namespaces are for root to make")
        if shutil.which("ip") is None:
            raise NoNamespacesError("there is no ip command (iproute2)")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self._remove()
            raise NoNamespacesError(f"{error.cmd}: {error.stderr.strip()}") from error
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()

    def _make(self) -> None:
        bridge = f"{self._tag}b"
        _ip("link", "add", bridge, "type", "bridge")
        _ip("link", "set", bridge, "up")
        addresses = {name: f"{self._subnet}.{i}" for i, name in enumerate(self.names, start=1)}
        known = "".join(f"{address} {name}\n" for name, address in addresses.items())
        for number, (name, address) in enumerate(addresses.items()):
            space, link = self._space(name), f"{self._tag}v{number}"
            files = _NAME_FILES / space
            files.mkdir(parents=True)
            (files / "hosts").write_text(f"127.0.0.1 localhost\n{known}")
            _ip("netns", "add", space)
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", link, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def _remove(self) -> None:
        commands = [["netns", "del", self._space(name)] for name in self.names]
        for command in [*commands, ["link", "del", f"{self._tag}b"]]:
            subprocess.run(["ip", *command], check=False, capture_output=True)
        for name in self.names:
            shutil.rmtree(_NAME_FILES / self._space(name), ignore_errors=True)

    def _space(self, name: str) -> str:
        return f"{self._tag}-{name}"

    def entry(self, name: str) -> list[str]:
        """What a command begins with to be run on a host; its process is that of the command."""
        return ["ip", "netns", "exec", self._space(name)]

    def cut_off(self, name: str) -> None:
        """Takes a host's link down: nothing that it sends arrives, nor does it hear of that."""
        _ip("-n", self._space(name), "link", "set", "eth0", "down")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
