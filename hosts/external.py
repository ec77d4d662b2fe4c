"""A job on a Dask cluster that is there already: its workers are the hosts.

They read the job's own paths, on a file system that all have, and get the job's code sent.
"""

import asyncio
import contextlib
import logging
import tempfile
import zipfile
from pathlib import Path

from distributed import Client
from distributed.comm.addressing import parse_address

from exceptions import HostError
from hosts.cluster.dask_loop import DaskLoop, configure
from hosts.cluster.encryption import check_encryption
from hosts.cluster.settings import HostSettings
from hosts.cluster.watch import Watch
from hosts.inputs import TeamInputs
from hosts.roles import RunJob, StopRequested
from hosts.team import Team
from processing.job.paths import JobPaths

logger = logging.getLogger(__name__)

_CODE = ("common", "hosts", "hyperparams", "models", "processing", "scoring", "steps")
_RESTART_SECONDS = 20.0


def run_on_cluster(
    paths: JobPaths,
    address: str,
    settings: HostSettings,
    is_stop_requested: StopRequested,
    run: RunJob,
) -> None:
    """Runs the job with the rows on the workers of a cluster.

    After a failure the workers that took part are restarted where a nanny watches over them: one
    of LightGBM's (4.7) could otherwise wait for ever, at full load.

    Args:
        paths: The job's paths.
        address: The scheduler.
        settings: How long workers are waited for.
        is_stop_requested: Whether this process has been asked to stop.
        run: Runs the job.

    Raises:
        HostError: The scheduler does not answer, it has no workers, or one was lost.
        UserError: As a job of one host.
    """
    configure(settings.lost_seconds)
    check_encryption(parse_address(address)[0], ["client"])
    loop = DaskLoop()
    client, team, addresses = loop.run(_join(loop, address, settings))
    logger.info("The rows are on %d workers of %s: %s", len(addresses), address, team.names)
    inputs = TeamInputs(team, set(), share_paths=True)
    try:
        run(inputs, is_stop_requested)
    except Exception:
        loop.run(_restart(client, addresses))
        raise
    loop.run(_close(client))


async def _join(
    loop: DaskLoop, address: str, settings: HostSettings
) -> tuple[Client, Team, list[str]]:
    try:
        client = await Client(
            address, asynchronous=True, direct_to_workers=True, timeout=settings.wait_seconds
        )
        await client.wait_for_workers(1, timeout=settings.wait_seconds)
    except (OSError, TimeoutError, ValueError) as error:
        raise HostError(
            f"no Dask cluster with workers at {address} (DASK_SCHEDULER_ADDRESS) within "
            f"{settings.wait_seconds:g} s: {error}"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        await client.upload_file(str(_code(Path(folder))))
    workers = sorted((await client.scheduler.identity())["workers"])
    # By their addresses: a worker's own name can be anything.
    named = {worker.partition("://")[2]: worker for worker in workers}
    watch = Watch(settings)
    for name, worker in named.items():
        watch.follow(name, worker, lambda: True)
    return client, await Team.gather(loop, client, named, watch), workers


def _code(folder: Path) -> Path:
    """The job's modules as an archive that Python imports from."""
    root = Path(__file__).parent.parent
    archive = folder / "lightgbmmt_code.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in _CODE:
            for file in sorted((root / name).rglob("*.py")):
                packed.write(file, file.relative_to(root).as_posix())
        packed.write(root / "exceptions.py", "exceptions.py")
    return archive


async def _close(client: Client) -> None:
    await client.close()


async def _restart(client: Client, addresses: list[str]) -> None:
    with contextlib.suppress(OSError, TimeoutError, ValueError, RuntimeError):
        async with asyncio.timeout(_RESTART_SECONDS):
            await client.restart_workers(addresses, timeout=_RESTART_SECONDS, raise_for_error=False)
