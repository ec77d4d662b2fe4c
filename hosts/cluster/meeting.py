"""How the hosts of a job come together: a Dask scheduler on the first, a worker on every one.

All of it lives in the hosts' own processes, so that a host that ends leaves nothing behind.
"""

import asyncio
import errno
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from distributed import Scheduler, Worker
from distributed.comm import CommClosedError
from distributed.core import Status

from exceptions import HostError
from hosts.cluster.addresses import own_address, resolved, when_known
from hosts.cluster.encryption import own_scheme, server_at
from hosts.cluster.settings import N_PORTS, HostSettings
from hosts.cluster.watch import Watch
from processing.job.platform import JobHosts

JOB_HANDLER = "multitask_job"
"""Asks a scheduler whose job it is of: there may be others on the machine."""

_PROBE_SECONDS = 2.0
_POLL_SECONDS = 0.05
_LONGEST_POLL = 1.0
"""A hundred hosts that wait for the first must not keep it busy once it comes."""


@dataclass(frozen=True)
class OpenCluster:
    """The job's own cluster, as the first host sees it.

    Attributes:
        scheduler: The scheduler.
        worker: The first host's own worker.
        names: The hosts of the job.
    """

    scheduler: Scheduler
    worker: Worker
    names: tuple[str, ...]

    @property
    def addresses(self) -> dict[str, str]:
        """Address of the worker of each host that is there, in the order of the hosts."""
        there = {state.name: state.address for state in self.scheduler.workers.values()}
        return {name: there[name] for name in self.names if name in there}


async def open_cluster(hosts: JobHosts, settings: HostSettings) -> OpenCluster:
    """Starts the scheduler and the first host's worker.

    Raises:
        HostError: This host has no address, or no port is free.
    """
    address = await _own_address(hosts, settings)
    scheduler = await _scheduler(address, settings.port, hosts)
    worker = await _worker(scheduler.address, address, hosts.current, settings)
    return OpenCluster(scheduler, worker, hosts.names)


async def all_there(
    cluster: OpenCluster, settings: HostSettings, is_stop_requested: Callable[[], bool]
) -> Watch:
    """Waits until all hosts have come; watches each from then on.

    Raises:
        HostError: Hosts did not come in time or were lost again, or the job was stopped before.
    """
    end = asyncio.get_running_loop().time() + settings.wait_seconds
    watch = Watch(settings)
    # The first name is this host's own.
    missing = list(cluster.names[1:])
    while True:
        for name, address in cluster.addresses.items():
            if name in missing:
                watch.follow(
                    name, address, partial(cluster.scheduler.workers.__contains__, address)
                )
                missing.remove(name)
        if watch.lost.done():
            raise HostError(watch.lost.result())
        if not missing:
            return watch
        if is_stop_requested():
            raise HostError(f"stopped on request before {_listed(missing)} had come")
        if asyncio.get_running_loop().time() > end:
            raise HostError(
                f"{_listed(missing)} did not come within {settings.wait_seconds:g} s: the job has "
                f"the hosts {', '.join(cluster.names)}, and starts when all are there "
                "(HOSTS_WAIT_SECONDS)"
            )
        await asyncio.sleep(_POLL_SECONDS)


async def join_cluster(
    hosts: JobHosts, settings: HostSettings, is_stop_requested: Callable[[], bool]
) -> Worker:
    """Finds the first host's scheduler, which may not be there yet, and becomes its worker.

    Raises:
        HostError: The first host did not come in time or was lost again, or the job was stopped
            before.
    """
    address = await _own_address(hosts, settings)
    end = asyncio.get_running_loop().time() + settings.wait_seconds
    pause = _POLL_SECONDS
    # Also those of a first host that has given up just before.
    refusing: set[int] = set()
    while True:
        scheduler = await _found_scheduler(hosts, settings.port, refusing)
        if scheduler is not None:
            return await _joined(scheduler, address, hosts, settings)
        if is_stop_requested():
            raise HostError(f"stopped on request before the first host, {hosts.first}, had come")
        if asyncio.get_running_loop().time() > end:
            raise HostError(
                f"the first host, {hosts.first}, did not come within {settings.wait_seconds:g} s: "
                f"nothing of this job answers at its ports {settings.port} to "
                f"{settings.port + N_PORTS - 1} (HOSTS_WAIT_SECONDS, HOSTS_PORT)"
                f"{_why_refused(refusing)}"
            )
        await asyncio.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_POLL)


def _why_refused(ports: set[int]) -> str:
    if not ports:
        return ""
    return (
        f"; what listens at {', '.join(map(str, sorted(ports)))} breaks connections off: if it is "
        f"the first host, its encryption is another one (here {own_scheme()}), or one of the two "
        "hosts has a certificate that the other's CA file does not know (distributed.comm in "
        "Dask's configuration)"
    )


async def _joined(scheduler: str, address: str, hosts: JobHosts, settings: HostSettings) -> Worker:
    """A worker of the scheduler that was found just now, which may be lost again already."""
    try:
        async with asyncio.timeout(settings.lost_seconds):
            return await _worker(scheduler, address, hosts.current, settings)
    except (OSError, RuntimeError) as error:  # a timeout is an OSError
        try:
            async with asyncio.timeout(settings.lost_seconds), server_at(scheduler) as first:
                await first.echo(data=1)
        except OSError:
            raise HostError(
                f"host {hosts.first} is lost: it ended, or does not answer, while this one joined"
            ) from error
        raise


async def _own_address(hosts: JobHosts, settings: HostSettings) -> str:
    address = await when_known(lambda: own_address(hosts.current, hosts.interface), settings)
    if address is None:
        raise HostError(
            f"the name of this host, {hosts.current}, could not be resolved to an IPv4 address "
            f"within {settings.wait_seconds:g} s, and it has no network interface "
            f"{hosts.interface!r} (resourceconfig.json)"
        )
    return address


async def _scheduler(address: str, first_port: int, hosts: JobHosts) -> Scheduler:
    """A scheduler at the first port that is free, on the host's own interface only."""
    for port in range(first_port, first_port + N_PORTS):
        scheduler = Scheduler(
            host=address, port=port, dashboard=False, dashboard_address=f"{address}:0"
        )
        # Before it listens: the others may ask at once.
        scheduler.handlers[JOB_HANDLER] = lambda: list(hosts.names)
        try:
            return await scheduler
        except RuntimeError as error:  # of Dask's, whatever the reason was
            if getattr(error.__cause__, "errno", None) not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise HostError(
        f"no port from {first_port} to {first_port + N_PORTS - 1} of {address} is free for the "
        "hosts to meet at: set HOSTS_PORT to another one"
    )


async def _worker(scheduler: str, address: str, name: str, settings: HostSettings) -> Worker:
    return await Worker(
        scheduler,
        name=name,
        host=address,
        nthreads=1,
        # The rows are not Dask's: it would neither know nor be able to spill them.
        memory_limit=0,
        local_directory=tempfile.gettempdir(),
        dashboard=False,
        dashboard_address=f"{address}:0",
        death_timeout=settings.wait_seconds,
    )


async def _found_scheduler(hosts: JobHosts, first_port: int, refusing: set[int]) -> str | None:
    """The first host's scheduler; ports that listen and break connections off go to `refusing`."""
    address = await asyncio.to_thread(resolved, hosts.first)
    if address is None:
        return None
    ports = range(first_port, first_port + N_PORTS)
    # All at once: what listens there may be silent, which takes its time.
    ours = await asyncio.gather(*(_is_ours(hosts, address, port, refusing) for port in ports))
    found = [port for port, is_ours in zip(ports, ours, strict=True) if is_ours]
    return _url(address, found[0]) if found else None


def _url(address: str, port: int) -> str:
    return f"{own_scheme()}://{address}:{port}"


async def _is_ours(hosts: JobHosts, address: str, port: int, refusing: set[int]) -> bool:
    """Whether the scheduler of this job listens at a port."""
    if not await _listens(address, port):
        return False
    try:
        async with asyncio.timeout(_PROBE_SECONDS), server_at(_url(address, port)) as other:
            return list(await getattr(other, JOB_HANDLER)()) == list(hosts.names)
    except CommClosedError:
        refusing.add(port)
    # Anything may listen there, and answer in any way; a scheduler of something else says None.
    except Exception:  # noqa: BLE001, S110
        pass
    return False


async def _listens(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def is_open(worker: Worker) -> bool:
    """Whether a worker still belongs to its scheduler."""
    return bool(worker.status == Status.running)


def _listed(names: list[str]) -> str:
    return f"host {names[0]}" if len(names) == 1 else f"hosts {', '.join(names)}"
