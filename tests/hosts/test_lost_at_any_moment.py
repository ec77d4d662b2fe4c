"""A host is killed or frozen at any moment from the start to the last written file.

Who is left ends in time and names the host, or has a complete result if nothing more was needed of
the host; started again, the job gives what an undisturbed one gives.
"""

import signal
from pathlib import Path
from typing import Any

import pytest
from host_jobs import HostJob, host_job
from jobs import members, model_file
from test_lost_hosts import MINUTE, with_checkpoints

pytestmark = pytest.mark.long

KNOBS: dict[str, Any] = {
    "checkpoint_frequency": 10,
    "eval_frequency": 10,
    "num_iterations": 60,
}
ENVIRON = {"HOSTS_LOST_SECONDS": "5", "HOSTS_WAIT_SECONDS": "15"}

# Whose log says that the moment has come (None: the lost host's own), and by what.
MOMENTS: dict[str, tuple[int | None, str]] = {
    "started": (None, "Host "),
    "met": (0, "All hosts are there"),
    "read": (0, "val: "),
    "counted": (0, "task 2 "),
    "connecting": (None, "Listening"),
    "first trees": (0, "iteration 6/"),
    "last tree": (0, "iteration 60/"),
    "evaluation": (0, "Similarity"),
    "test rows": (0, "test:main_auc"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> HostJob:
    """A finished job of three hosts."""
    return host_job(tmp_path_factory.mktemp("whole"), 3, **KNOBS).run_well()


def results(job: HostJob) -> dict[str, object]:
    """What the first host has written, but for how long it took."""
    found: dict[str, object] = {"model": model_file(job.base()).read_bytes()}
    for split in ("val", "test"):
        found[split] = members(job.base(), split)
    return found


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["kill", "freeze"])
@pytest.mark.parametrize("lost", [0, 1], ids=["first", "other"])
def test_a_host_lost_at_any_moment(
    undisturbed: HostJob, tmp_path: Path, lost: int, number: signal.Signals, moment: str
) -> None:
    job = host_job(tmp_path, 3, environ=ENVIRON, change=with_checkpoints, **KNOBS)
    others = [host for host in range(3) if host != lost]
    job.start()
    try:
        host, line = MOMENTS[moment]
        job.wait_for_line(lost if host is None else host, line)
        job.send(number, lost)
        codes = job.wait_within(MINUTE, others)
        failures = job.failures()
        for host, code in zip(others, codes, strict=True):
            assert code == (1 if failures[host] else 0)
            assert not code or f"host {job.names[lost]} " in failures[host].replace(",", "")
        if lost and codes[0] == 0:
            assert results(job) == results(undisturbed)
        if number == signal.SIGSTOP:
            job.send(signal.SIGCONT, lost)
        [code] = job.wait_within(MINUTE, [lost])
        assert code in ((-signal.SIGKILL,) if number == signal.SIGKILL else (0, 1))
        assert job.all_ended()
    finally:
        job.end_all()
    job.processes.clear()
    job.run_well()
    assert results(job) == results(undisturbed)
