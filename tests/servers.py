"""Starting the server on a model directory, and asking it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import ROOT, job_environment

SERVING_SCRIPT = str(ROOT / "lightgbmmt_serving.py")
START_SECONDS = 60.0
CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: bytes
    content_type: str | None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The records of an answer in JSON."""
        assert self.status == 200, self
        records: list[dict[str, Any]] = json.loads(self.body)["predictions"]
        return records


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: "subprocess.Popen[str]"
    port: int
    log_file: Path

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self.log_file.read_text(encoding="utf-8")

    def connection(self, timeout: float = 60.0) -> http.client.HTTPConnection:
        """A connection that stays open from request to request."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def socket(self) -> socket.socket:
        """A connection for requests that no client would make."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60.0)

    def get(self, path: str) -> Reply:
        """Asks by GET."""
        with closing(self.connection()) as connection:
            return ask(connection, "GET", path, None, {})

    def post(
        self,
        body: bytes | str | Iterator[bytes],
        content_type: str | None = JSON,
        path: str = "/invocations",
        **headers: str,
    ) -> Reply:
        """Asks for predictions on a connection of its own."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            given["content-type"] = content_type
        content = body.encode() if isinstance(body, str) else body
        with closing(self.connection()) as connection:
            return ask(connection, "POST", path, content, given)

    def workers(self) -> list[int]:
        """Process ids of those that answer."""
        return children(self.process.pid)

    def family(self) -> list[int]:
        """Process ids of the server and all below it."""
        found = [self.process.pid]
        for pid in found:
            found += children(pid)
        return found


def children(pid: int) -> list[int]:
    """Process ids of those that a process has started, by whichever thread."""
    return [
        int(child)
        for file in Path(f"/proc/{pid}/task").glob("*/children")
        for child in file.read_text().split()
    ]


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None,
    headers: Mapping[str, str],
) -> Reply:
    """One request on a connection."""
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    return Reply(response.status, response.read(), response.getheader("content-type"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(
    base: Path,
    log_file: Path,
    command: Sequence[str] = (sys.executable, SERVING_SCRIPT),
    **environ: str,
) -> Server:
    """Starts the real script on the model of a base folder; it may not be there yet."""
    port = free_port()
    variables = {"SAGEMAKER_BIND_TO_PORT": str(port)} | environ
    with log_file.open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=log_file.parent,
            env=job_environment(base, **variables),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return Server(process, port, log_file)


def wait_until_healthy(server: Server) -> None:
    """Waits for the first good /ping."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log
        try:
            assert server.get("/ping").status == 200
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"no answer to /ping within {START_SECONDS} s:\n{server.log}")


@contextmanager
def serving(base: Path, log_file: Path, **environ: str) -> Iterator[Server]:
    """A server that answers, ended by SIGTERM."""
    server = start_server(base, log_file, **environ)
    try:
        wait_until_healthy(server)
        yield server
    finally:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in server.family():
                os.kill(pid, signal.SIGKILL)
            server.process.wait(30)


def resident_bytes(pids: list[int]) -> int:
    """Memory of processes, what several share counted once for each in part."""
    return sum(
        1024 * int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )
