"""Hosts that meet on a machine where others listen, too."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_jobs import host_job, next_port
from jobs import model_file

FIRST = "127.0.0.1"
OTHER_SCHEDULER = """
import asyncio, sys
from distributed import Scheduler

async def main():
    scheduler = await Scheduler(
        host=sys.argv[1], port=int(sys.argv[2]), dashboard_address=f"{sys.argv[1]}:0"
    )
    print("listens", flush=True)
    await scheduler.finished()

asyncio.run(main())
"""


@pytest.fixture(params=["nobody's", "of another Dask cluster"])
def taken_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port of the first host at which something listens that never answers, or answers None."""
    port = next_port()
    if request.param == "nobody's":
        with socket.create_server((FIRST, port)):
            yield port
        return
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_SCHEDULER, FIRST, str(port)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        yield port
        process.kill()


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path, taken_port: int) -> None:
    job = host_job(tmp_path, environ={"HOSTS_PORT": str(taken_port)}, num_iterations=2)
    job.run_well()
    assert model_file(job.base()).exists()


def test_that_all_ports_are_taken_is_told(tmp_path: Path) -> None:
    port = next_port()
    listening = [socket.create_server((FIRST, port + number)) for number in range(16)]
    environ = {"HOSTS_PORT": str(port), "HOSTS_WAIT_SECONDS": "3"}
    job = host_job(tmp_path, environ=environ, num_iterations=2)
    try:
        assert job.run() == [1, 1]
    finally:
        for one in listening:
            one.close()
    first, other = job.failures()
    assert first == (
        f"no port from {port} to {port + 15} of {FIRST} is free for the hosts to meet at: set "
        "HOSTS_PORT to another one"
    )
    assert other.startswith(f"the first host, {FIRST}, did not come within 3 s: nothing of this ")
