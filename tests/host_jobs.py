"""Jobs of several hosts on one machine: a process per host, each with a loopback address."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from host_networks import HostNetwork
from jobs import SCRIPT, job_environment
from trees import hyperparameters, make_splits, write_hyperparameters, write_table

LIMIT_SECONDS = 120
SECONDS_TO_END = 10


# Below those that the system gives to outgoing connections, and others for each worker of pytest:
# jobs whose hosts have the same names must not meet.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(
    range(10_000 + 2_000 * (_WORKER % 10), 12_000 + 2_000 * (_WORKER % 10), 16)
)


def next_port() -> int:
    """The first of 16 ports that no other job of these tests uses."""
    return next(_PORTS)


def write_config(
    base: Path,
    names: Sequence[str],
    current: str,
    sharded: Sequence[str],
    interface: str | None = None,
) -> None:
    """What the platform writes for one host of several."""
    folder = base / "input" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    hosts: dict[str, object] = {"current_host": current, "hosts": list(names)}
    if interface is not None:
        hosts["network_interface_name"] = interface
    (folder / "resourceconfig.json").write_text(json.dumps(hosts))
    channels = {name: {"S3DistributionType": "ShardedByS3Key"} for name in sharded}
    (folder / "inputdataconfig.json").write_text(json.dumps(channels))


@dataclass
class HostJob:
    """A job on several hosts, each with a tree of its own below `folder`.

    Attributes:
        names: The hosts' names; addresses of loopback, if they have no networks of their own.
        network: Where the hosts are; None: all on loopback.
        processes: The running hosts.
        outputs: What each host has printed, once it has ended.
    """

    folder: Path
    names: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    network: HostNetwork | None = None
    processes: "dict[str, subprocess.Popen[str]]" = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def base(self, host: int = 0) -> Path:
        """The tree of a host."""
        return self.folder / self.names[host]

    def start(self, order: Sequence[int] | None = None) -> None:
        """Starts the hosts."""
        port = str(next_port())
        for host in range(len(self.names)) if order is None else order:
            log = (self.folder / f"{self.names[host]}.log").open("w")
            self.processes[self.names[host]] = subprocess.Popen(
                [*self._entry(self.names[host]), sys.executable, str(SCRIPT)],
                cwd=self.folder,
                env=job_environment(self.base(host), **{"HOSTS_PORT": port, **self.environ}),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                process_group=0,
            )
            log.close()

    def _entry(self, name: str) -> list[str]:
        return [] if self.network is None else self.network.entry(name)

    def wait(self) -> list[int]:
        """The exit code of every host, in their order."""
        codes = [self.processes[name].wait(LIMIT_SECONDS) for name in self.processes]
        by_name = dict(zip(self.processes, codes, strict=True))
        for name in self.names:
            self.outputs[name] = (self.folder / f"{name}.log").read_text()
        return [by_name[name] for name in self.names if name in by_name]

    def wait_within(self, seconds: float, hosts: Sequence[int]) -> list[int]:
        """Exit codes of some hosts, all of which must end in time."""
        end = time.monotonic() + seconds
        return [
            self.processes[self.names[host]].wait(max(0.0, end - time.monotonic()))
            for host in hosts
        ]

    def wait_for_line(self, host: int, text: str) -> None:
        """Waits until a host's log has a text, or the host has ended."""
        log, process = self.folder / f"{self.names[host]}.log", self.processes[self.names[host]]
        end = time.monotonic() + LIMIT_SECONDS
        while text not in log.read_text() and process.poll() is None:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.001)

    def send(self, number: signal.Signals, host: int, target: str = "group") -> None:
        """Sends a signal to a host's `parent`, to its `child`, or to its `group`: both."""
        parent = self.processes[self.names[host]].pid
        if target == "group":
            os.killpg(parent, number)
            return
        children = Path(f"/proc/{parent}/task/{parent}/children")
        os.kill(parent if target == "parent" else int(children.read_text().split()[0]), number)

    def left(self) -> list[str]:
        """Hosts of which a process runs yet or is frozen, be it the parent or the child."""
        groups = {process.pid: name for name, process in self.processes.items()}
        found = set()
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                state, _, group = file.read_text().rpartition(") ")[2].split()[:3]
                # A process that has ended stays as long as whoever inherited it does not look.
                found |= {groups.get(int(group))} if state not in "ZX" else set()
        return [name for name in self.names if name in found]

    def all_ended(self) -> bool:
        """Whether no process is left, some seconds after what should have been the last one."""
        end = time.monotonic() + SECONDS_TO_END
        while self.left() and time.monotonic() < end:
            time.sleep(0.02)
        return not self.left()

    def end_all(self) -> None:
        """Ends what is left; a test's last resort."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, order: Sequence[int] | None = None) -> list[int]:
        """Starts the hosts and waits for their end."""
        self.start(order)
        return self.wait()

    def run_well(self, order: Sequence[int] | None = None) -> "HostJob":
        """As `run`; every host must end well."""
        codes = self.run(order)
        assert codes == [0] * len(self.names), self.outputs
        return self

    def failures(self) -> list[str]:
        """First line of every host's failure file."""
        files = [self.base(host) / "output" / "failure" for host in range(len(self.names))]
        return [file.read_text().partition("\n")[0] if file.exists() else "" for file in files]

    def clear(self) -> None:
        """Removes what the hosts have written, but for checkpoints."""
        for host in range(len(self.names)):
            for name in ("model", "output"):
                shutil.rmtree(self.base(host) / name, ignore_errors=True)


def host_job(
    folder: Path,
    n_hosts: int = 2,
    *,
    splits: Mapping[str, pd.DataFrame] | None = None,
    ending: str = "csv",
    n_files: int = 1,
    sharded: Sequence[str] = (),
    change: Callable[[Path, int], None] = lambda base, host: None,
    environ: Mapping[str, str] | None = None,
    network: HostNetwork | None = None,
    **knobs: Any,
) -> HostJob:
    """Writes the trees of a job.

    Args:
        folder: Where the trees go.
        n_hosts: Number of hosts.
        splits: The data; `make_splits()` if None.
        ending: Format of the data files.
        n_files: Files per split.
        sharded: Channels whose files are shared out among the hosts; every host has all others.
        change: Is called with every tree and its host's number.
        environ: Further environment variables.
        network: Where the hosts are; None: all on loopback.
        knobs: Hyperparameters other than those of `trees.hyperparameters`.
    """
    if network is None:
        names = [f"127.0.0.{number + 1}" for number in range(n_hosts)]
    else:
        names = network.names[:n_hosts]
    for host, name in enumerate(names):
        base = folder / name
        for split, table in (splits or make_splits()).items():
            bounds = [len(table) * i // n_files for i in range(n_files + 1)]
            (base / "input" / "data" / split).mkdir(parents=True, exist_ok=True)
            for number in range(n_files):
                if split in sharded and number * n_hosts // n_files != host:
                    continue
                part = table.iloc[bounds[number] : bounds[number + 1]]
                write_table(part, base / "input" / "data" / split / f"part-{number}.{ending}")
        write_hyperparameters(base, hyperparameters(**knobs))
        write_config(base, names, name, sharded, None if network is None else "eth0")
        change(base, host)
    return HostJob(folder, names, dict(environ or {}), network)
