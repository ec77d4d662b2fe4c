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


def wait_for_checkpoint(job: HostJob, other_than: frozenset[str] = frozenset()) -> frozenset[str]:
    """Waits until the first host has a checkpoint that it did not have; names of all it has."""
    deadline = time.monotonic() + 2 * MINUTE
    while True:
        found = frozenset(path.name for path in (job.base() / "checkpoints").glob("[!.]*"))
        if found - other_than:
            return found
        assert time.monotonic() < deadline
        assert len(job.left()) == len(job.names)
        time.sleep(0.05)


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
    try:
        wait_for_checkpoint(job)
        yield job
    finally:
        job.end_all()


@pytest.mark.parametrize("target", ["group", "parent", "child"])
@pytest.mark.parametrize("lost", [0, 1])
def test_all_others_end_and_name_the_host_that_is_killed(
    training: HostJob, target: str, lost: int
) -> None:
    training.send(signal.SIGKILL, lost, target)
    others = [host for host in range(3) if host != lost]
    assert training.wait_within(MINUTE, others) == [1, 1]
    # A parent is left to tell of its child; a child ends with its parent.
    expected = 1 if target == "child" else -signal.SIGKILL
    assert training.wait_within(MINUTE, [lost]) == [expected]
    assert training.all_ended()
    failures = training.failures()
    for host in others:
        assert failures[host].startswith(f"host {training.names[lost]} is lost: ")
    told = "the job was ended by SIGKILL" if target == "child" else ""
    assert failures[lost].startswith(told)
    assert bool(failures[lost]) == bool(told)
    assert not model_file(training.base()).exists()


@pytest.mark.parametrize("target", ["group", "child"])
@pytest.mark.parametrize("lost", [0, 1])
def test_all_others_end_and_name_the_host_that_is_frozen_and_so_does_it_if_it_wakes_up(
    training: HostJob, target: str, lost: int
) -> None:
    training.send(signal.SIGSTOP, lost, target)
    others = [host for host in range(3) if host != lost]
    assert training.wait_within(MINUTE, others) == [1, 1]
    failures = training.failures()
    for host in others:
        assert failures[host].startswith(f"host {training.names[lost]} is lost: ")
    assert training.left() == [training.names[lost]]
    training.send(signal.SIGCONT, lost)
    assert training.wait_within(MINUTE, [lost]) == [1]
    assert training.failures()[lost].startswith("host ")
    assert training.all_ended()


@pytest.mark.parametrize("host", [0, 1])
def test_a_frozen_parent_is_no_lost_host(training: HostJob, host: int) -> None:
    """The parent only waits for its child, which goes on."""
    training.send(signal.SIGSTOP, host, "parent")
    time.sleep(2 * LOST_SECONDS)
    wait_for_checkpoint(training, wait_for_checkpoint(training))
    training.send(signal.SIGTERM, host, "child")
    others = [other for other in range(3) if other != host]
    assert training.wait_within(MINUTE, others) == [0, 0]
    training.send(signal.SIGCONT, host, "parent")
    assert training.wait_within(MINUTE, [host]) == [0]
    assert training.failures() == ["", "", ""]
    assert training.all_ended()


@pytest.mark.parametrize("host", [0, 2])
def test_a_host_that_is_asked_to_stop_ends_the_job_with_a_complete_model(
    training: HostJob, host: int
) -> None:
    training.send(signal.SIGTERM, host, "parent")
    assert training.wait_within(MINUTE, range(3)) == [0, 0, 0]
    assert training.failures() == ["", "", ""]
    assert booster(training.base()).num_trees() >= 10
    assert training.all_ended()


def test_a_host_that_never_comes_is_named(tmp_path: Path) -> None:
    job = host_job(tmp_path, 3, environ={"HOSTS_WAIT_SECONDS": "15"})
    job.start(order=[0, 1])
    assert job.wait_within(MINUTE, [0, 1]) == [1, 1]
    failures = job.failures()
    assert failures[0].startswith(f"host {job.names[2]} did not come within 15 s")
    assert failures[1] == failures[0]


def test_a_first_host_that_never_comes_is_named(tmp_path: Path) -> None:
    job = host_job(tmp_path, environ={"HOSTS_WAIT_SECONDS": "5"})
    job.start(order=[1])
    assert job.wait_within(MINUTE, [1]) == [1]
    assert job.failures()[1].startswith(f"the first host, {job.names[0]}, did not come within 5 s")
