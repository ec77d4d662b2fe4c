"""Hosts with networks of their own, as on machines of their own: names, interfaces, links."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from host_jobs import HostJob, host_job
from host_networks import HostNetwork, NoNamespacesError
from jobs import model_file
from test_lost_hosts import KNOBS, LOST_SECONDS, MINUTE, wait_for_checkpoint, with_checkpoints

pytestmark = pytest.mark.long


@pytest.fixture
def network() -> Iterator[HostNetwork]:
    """Three hosts."""
    try:
        with HostNetwork(3) as made:
            yield made
    except NoNamespacesError as error:
        pytest.skip(str(error))


def test_hosts_with_networks_of_their_own_train_the_same_model_each_time(
    network: HostNetwork, tmp_path: Path
) -> None:
    knobs: dict[str, Any] = {"loss_type": "adaptive", "early_stopping_rounds": 5}
    job = host_job(tmp_path, 3, n_files=3, sharded=("train",), network=network, **knobs)
    models = set()
    for order in ((0, 1, 2), (2, 1, 0)):
        job.clear()
        job.run_well(order)
        models.add(model_file(job.base()).read_bytes())
    assert len(models) == 1
    assert "train: 600 rows on 3 hosts: node-1 200, node-2 200, node-3 200" in job.outputs["node-1"]


@pytest.mark.parametrize("lost", [0, 1])
def test_all_end_and_name_the_host_whose_link_is_down(
    network: HostNetwork, tmp_path: Path, lost: int
) -> None:
    job: HostJob = host_job(
        tmp_path,
        3,
        environ={"HOSTS_LOST_SECONDS": str(LOST_SECONDS)},
        change=with_checkpoints,
        network=network,
        **KNOBS,
    )
    job.start()
    try:
        wait_for_checkpoint(job)
        network.cut_off(job.names[lost])
        assert job.wait_within(MINUTE, range(3)) == [1, 1, 1]
        assert job.all_ended()
    finally:
        job.end_all()
    reasons = job.failures()
    for host in range(3):
        if host != lost:
            assert reasons[host].startswith(f"host {job.names[lost]} is lost: ")
    # Who is cut off sees the others gone.
    assert reasons[lost].startswith("host node-")
    assert " is lost: it has not answered for" in reasons[lost]
    assert not model_file(job.base()).exists()
