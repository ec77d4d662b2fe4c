"""LightGBM's network of this host, which lives as long as the training.

A Booster that is made with `machines` sets the network up and frees it at its end, and a second one
fails to bind the port again. So one Booster of its own does, and is kept; those that train are not
given the machines. The network belongs to the thread that set it up (LightGBM 4.7).
"""

from collections.abc import Sequence
from ipaddress import ip_address

import lightgbm as lgb
import numpy as np

_CONNECT_MINUTES = 2
_keepers: list[lgb.Booster] = []


def connect(machines: Sequence[tuple[str, int]], index: int) -> None:
    """Connects with the other hosts; all must call it at the same time.

    Args:
        machines: IPv4 address and port of every host, in the order of the hosts. LightGBM listens
            at the port on all interfaces, until all have come.
        index: This host's place among them.
    """
    if len(machines) == 1:
        return
    # LightGBM finds itself by its machine's addresses, of which 127.0.0.1 is the only loopback one.
    listed = [
        f"{'127.0.0.1' if ip_address(address).is_loopback else address}:{port}"
        for address, port in machines
    ]
    settings = {"verbosity": -1, "objective": "none"}
    keeper = lgb.Booster(settings, lgb.Dataset(np.zeros((2, 1)), np.zeros(2), params=settings))
    keeper.set_network(
        ",".join(listed), machines[index][1], _CONNECT_MINUTES, num_machines=len(machines)
    )
    _keepers.append(keeper)


def disconnect() -> None:
    """Leaves the network, so that the process can do another job; on the thread that connected."""
    while _keepers:
        _keepers.pop().free_network()
