"""Hosts that are killed, frozen or asked to stop in the middle of the training."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from host_jobs import HostJob, host_job
from jobs import booster, model_file

pytestmark = pytest.mark.long

MINUTE = 60.0
LOST_SECONDS = 6
KNOBS: dict[str, Any] = {
    "checkpoint_frequency": 10,
    "eval_frequency": 20,
    "num_iterations": 100_000,
}


def with_checkpoints(base: Path, host: int) -> None:
    """Every host has a checkpoint folder; only the first writes there."""
    (base / "checkpoints").mkdir()
    del host


@pytest.fixture
def training(tmp_path: Path) -> Iterator[HostJob]:
    """Three hosts in the middle of a training that would not end for hours."""
    job = host_job(
        tmp_path,
        3,
        environ={"HOSTS_LOST_SECONDS": str(LOST_SECONDS)},
        change=with_checkpoints,
        **KNOBS,
    )
    job.start()
    deadline = time.monotonic() + 2 * MINUTE
    while not list((job.base() / "checkpoints").iterdir()):
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in job.processes.values())
        time.sleep(0.05)
    yield job
    for process in job.processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def wait_for(job: HostJob, hosts: list[int]) -> list[int]:
    """Exit codes of hosts, all of which must end within a minute."""
    end = time.monotonic() + MINUTE
    return [job.processes[job.names[host]].wait(max(0.0, end - time.monotonic())) for host in hosts]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("lost", [0, 1])
def test_all_others_end_and_name_the_host_that_is_lost(
    training: HostJob, number: signal.Signals, lost: int
) -> None:
    training.processes[training.names[lost]].send_signal(number)
    others = [host for host in range(3) if host != lost]
    assert wait_for(training, others) == [1, 1]
    failures = training.failures()
    for host in others:
        assert failures[host].startswith(f"host {training.names[lost]} is lost: ")
    assert not model_file(training.base()).exists()


def test_a_job_that_lost_a_host_goes_on_to_the_bytes_of_an_undisturbed_one(tmp_path: Path) -> None:
    knobs = {**KNOBS, "num_iterations": 400}
    whole = host_job(tmp_path / "whole", **knobs).run_well()
    job = host_job(tmp_path / "job", change=with_checkpoints, **knobs)
    job.start()
    checkpoints = job.base() / "checkpoints"
    while not list(checkpoints.iterdir()):
        time.sleep(0.02)
    job.processes[job.names[1]].kill()
    assert wait_for(job, [0, 1]) == [1, -signal.SIGKILL]
    job.run_well()
    assert "Going on from a checkpoint" in job.outputs[job.names[0]]
    assert model_file(job.base()).read_bytes() == model_file(whole.base()).read_bytes()


@pytest.mark.parametrize("host", [0, 2])
def test_a_host_that_is_asked_to_stop_ends_the_job_with_a_complete_model(
    training: HostJob, host: int
) -> None:
    training.processes[training.names[host]].terminate()
    assert wait_for(training, [0, 1, 2]) == [0, 0, 0]
    assert training.failures() == ["", "", ""]
    assert booster(training.base()).num_trees() >= 30


def test_a_host_that_never_comes_is_named(tmp_path: Path) -> None:
    job = host_job(tmp_path, 3, environ={"HOSTS_WAIT_SECONDS": "15"})
    job.start(order=[0, 1])
    assert wait_for(job, [0, 1]) == [1, 1]
    failures = job.failures()
    assert failures[0].startswith(f"host {job.names[2]} did not come within 15 s")
    assert failures[1] == failures[0]


def test_a_first_host_that_never_comes_is_named(tmp_path: Path) -> None:
    job = host_job(tmp_path, environ={"HOSTS_WAIT_SECONDS": "5"})
    job.start(order=[1])
    assert wait_for(job, [1]) == [1]
    assert job.failures()[1].startswith(f"the first host, {job.names[0]}, did not come within 5 s")
