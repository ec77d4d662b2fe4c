"""The script on a host of several: the first runs the job, the others are its workers."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distributed import Client, Worker

from exceptions import HostError, UserError
from hosts.cluster.dask_loop import DaskLoop, configure
from hosts.cluster.encryption import check_encryption, own_scheme, server_at
from hosts.cluster.meeting import OpenCluster, all_there, is_open, join_cluster, open_cluster
from hosts.cluster.settings import HostSettings
from hosts.cluster.watch import Watch
from hosts.external import run_on_cluster
from hosts.inputs import TeamInputs
from hosts.parts.this_host import follow
from hosts.roles import RunJob, StopRequested
from hosts.team import Team
from processing.job.failure import explain
from processing.job.paths import JobPaths
from processing.job.platform import CLUSTER_VARIABLE, JobHosts, read_hosts, sharded_channels

logger = logging.getLogger(__name__)

_END_HANDLER = "multitask_end"
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Ending:
    """How the job ended on the first host; `failure` is empty if it did not fail."""

    failure: str = ""


class EndedElsewhereError(UserError):
    """The job failed on the first host, which says why."""


def run_on_hosts(
    paths: JobPaths,
    environ: Mapping[str, str],
    is_stop_requested: StopRequested,
    run: RunJob,
) -> None:
    """Does this host's part of a job: runs it, or works for the host that does.

    With `DASK_SCHEDULER_ADDRESS` the hosts are the workers of that cluster.

    Args:
        paths: This host's paths.
        environ: Environment variables.
        is_stop_requested: Whether this host has been asked to stop.
        run: Runs the job, given its inputs and whether any host has been asked to stop.

    Raises:
        UserError: See `run_as_first_host` and `run_as_other_host`.
    """
    settings = HostSettings.from_environment(environ)
    if cluster := environ.get(CLUSTER_VARIABLE):
        run_on_cluster(paths, cluster, settings, is_stop_requested, run)
        return
    hosts = read_hosts(paths.resource_config)
    if hosts.current == hosts.first:
        run_as_first_host(paths, hosts, settings, is_stop_requested, run)
    else:
        run_as_other_host(hosts, settings, is_stop_requested)


def run_as_first_host(
    paths: JobPaths,
    hosts: JobHosts,
    settings: HostSettings,
    is_stop_requested: StopRequested,
    run: RunJob,
) -> None:
    """Waits for the other hosts, runs the job, and tells them how it ended.

    Args:
        paths: This host's paths.
        hosts: The hosts.
        settings: How the hosts find each other.
        is_stop_requested: Whether this host has been asked to stop.
        run: Runs the job, given its inputs and whether any host has been asked to stop.

    Raises:
        HostError: A host did not come, or was lost.
        UserError: As a job of one host; faults of a host's data with the host's name.
    """
    configure(settings.lost_seconds)
    check_encryption(own_scheme())
    follow(is_stop_requested)
    loop = DaskLoop()
    logger.info("Host %s of %s runs the job", hosts.current, ", ".join(hosts.names))
    cluster = loop.run(open_cluster(hosts, settings))
    ending = Ending("the first host has ended")
    try:
        watch = loop.run(all_there(cluster, settings, is_stop_requested))
        logger.info("All hosts are there")
        team = loop.run(_gather(loop, cluster, watch))
        inputs = TeamInputs(team, sharded_channels(paths.input_data_config), share_paths=False)
        run(inputs, lambda: is_stop_requested() or inputs.is_stop_requested())
        ending = Ending()
    except Exception as error:
        cause, _ = explain(error)
        # What is said to be on another host is said as it is.
        ending = Ending(cause if isinstance(error, UserError) else f"on {hosts.first}: {cause}")
        raise
    finally:
        loop.run(_tell_end(cluster, hosts, ending))


def run_as_other_host(
    hosts: JobHosts, settings: HostSettings, is_stop_requested: StopRequested
) -> None:
    """Does what the first host asks for, until the job has ended there.

    Raises:
        HostError: The first host did not come, or was lost.
        EndedElsewhereError: The job failed.
    """
    configure(settings.lost_seconds)
    check_encryption(own_scheme())
    follow(is_stop_requested)
    loop = DaskLoop()
    logger.info("Host %s works for %s, which runs the job", hosts.current, hosts.first)
    worker = loop.run(join_cluster(hosts, settings, is_stop_requested))
    ending = loop.run(_work(worker, hosts, settings))
    if ending.failure:
        raise EndedElsewhereError(ending.failure)
    logger.info("Done: model and evaluation are on %s", hosts.first)


async def _gather(loop: DaskLoop, cluster: OpenCluster, watch: Watch) -> Team:
    client = await Client(cluster.scheduler.address, asynchronous=True, direct_to_workers=True)
    return await Team.gather(loop, client, cluster.addresses, watch)


async def _tell_end(cluster: OpenCluster, hosts: JobHosts, ending: Ending) -> None:
    """Tells all that can still be reached; who cannot has found out by itself."""
    others = [address for name, address in cluster.addresses.items() if name != hosts.first]

    async def tell(address: str) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_END_SECONDS), server_at(address) as other:
                await getattr(other, _END_HANDLER)(failure=ending.failure)

    await asyncio.gather(*(tell(address) for address in others))


async def _work(worker: Worker, hosts: JobHosts, settings: HostSettings) -> Ending:
    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(failure: str) -> None:
        if not ended.done():
            ended.set_result(Ending(failure))

    worker.handlers[_END_HANDLER] = end
    watch = Watch(settings)
    watch.follow(hosts.first, worker.scheduler.address, lambda: is_open(worker))
    outcomes: set[asyncio.Future[Any]] = {ended, watch.lost}
    await asyncio.wait(outcomes, return_when=asyncio.FIRST_COMPLETED)
    watch.end()
    if ended.done():
        return ended.result()
    raise HostError(watch.lost.result())
