"""The server against one by hand: one row, many rows, many clients."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from benchmarks.speed_bench import Bench
from benchmarks.speed_report import Row, medians
from benchmarks.timing import CHECKOUT, RunFailedError, by_turns, run_process, say

_START_SECONDS = 60.0
_CLIENTS = 8


@dataclass(frozen=True)
class ServerSizes:
    """How much is asked for."""

    demo_rows: int  # that the model is trained on
    requests: int  # of one row, and a tenth of it of many rows
    rows: int  # of a request of many
    seconds: float  # of many clients


FULL = ServerSizes(demo_rows=60_000, requests=2000, rows=1000, seconds=10.0)
QUICK = ServerSizes(demo_rows=2_000, requests=50, rows=100, seconds=0.5)


@dataclass
class Measured:
    """What one server did in one round; times in milliseconds."""

    one_row: list[float] = field(default_factory=list)
    many_rows: list[float] = field(default_factory=list)
    per_second: float = 0.0
    errors: int = 0

    @property
    def p99(self) -> float:
        """The time within which 99 of 100 requests for one row are answered."""
        return quantiles(self.one_row, n=100)[98]


class Client:
    """A connection that stays open, for as long as the server keeps it."""

    def __init__(self, port: int, body: bytes, content_type: str) -> None:
        head = (
            f"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._port, self._request = port, head.encode() + body
        self._socket: socket.socket | None = None

    def ask(self) -> bool:
        """Asks once; whether the answer is a good one."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._request)
        head, _, body = self._receive().partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += self._socket.recv(1 << 16)
        if lower.startswith(b"http/1.0") or b"connection: close" in lower:
            self.close()
        return lower.split()[1] == b"200" and b"_prob" in body

    def close(self) -> None:
        """Ends the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _receive(self) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            part = self._socket.recv(1 << 16) if self._socket else b""
            if not part:
                raise ConnectionError("the server has ended the connection")
            received += part
        return received


def measure_server(bench: Bench, sizes: ServerSizes) -> list[Row]:
    """One row by JSON, many by CSV, and many clients, with the model of the demo."""
    base = _demo(bench.folder / f"demo-{sizes.demo_rows}", sizes.demo_rows)
    one, many = _bodies(base, sizes.rows)
    servers = {
        "server": [sys.executable, str(CHECKOUT / "lightgbmmt_serving.py")],
        "by hand": [sys.executable, "-m", "benchmarks.server_by_hand"],
    }
    rounds = by_turns(
        {
            name: partial(_measured, name, command, base / "model", one, many, sizes)
            for name, command in servers.items()
        },
        bench.n_pairs,
    )
    pairs = [(each["server"], each["by hand"]) for each in rounds]
    errors = [sum(side.errors for side in sides) for sides in zip(*pairs, strict=True)]
    one_row = [(median(a.one_row), median(b.one_row)) for a, b in pairs]
    many_rows = [(median(a.many_rows), median(b.many_rows)) for a, b in pairs]
    per_second = [(a.per_second, b.per_second) for a, b in pairs]
    ours, theirs = medians(per_second)
    cores = len(os.sched_getaffinity(0))
    return [
        Row(3, "one row of JSON, p50", tuple(a for a, _ in one_row), "ms", limit=2.0),
        Row(3, "one row of JSON, p99", tuple(a.p99 for a, _ in pairs), "ms", limit=8.0),
        Row(3, "one row of JSON, p50 / by hand", _ratios(one_row), limit=0.35, note=_note(one_row)),
        Row(
            3,
            f"{sizes.rows:,} rows of CSV, p50 / by hand",
            _ratios(many_rows),
            note=_note(many_rows),
        ),
        Row(
            3,
            f"{_CLIENTS} clients, {cores} cores: requests per second by hand / ours",
            tuple(b / a for a, b in per_second),
            note=f"{ours:,.0f} and {theirs:,.0f} per second; errors: {errors[0]} and {errors[1]}",
        ),
    ]


def _ratios(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(ours / theirs for ours, theirs in pairs)


def _note(pairs: Sequence[tuple[float, float]]) -> str:
    ours, theirs = medians(pairs)
    return f"{ours:.2f} ms, {theirs:.2f} ms"


def _demo(base: Path, n_rows: int) -> Path:
    """The tree of the demo with its model."""
    if not (base / "model").exists():
        rows = ["--rows", str(n_rows)]
        run_process([sys.executable, "-m", "examples.payments", str(base), *rows], CHECKOUT)
        script = str(CHECKOUT / "lightgbmmt_training.py")
        run_process([sys.executable, script], CHECKOUT, {"SAGEMAKER_BASE_DIR": str(base)})
    return base


def _bodies(base: Path, n_rows: int) -> tuple[bytes, bytes]:
    """One row of the test split as JSON, and many as CSV."""
    file = next((base / "input" / "data" / "test").iterdir())
    with file.open(encoding="utf-8", newline="") as lines:
        record = next(csv.DictReader(lines))
    with file.open("rb") as lines:
        text = b"".join(line for _, line in zip(range(n_rows + 1), lines, strict=False))
    values = {name: _json_value(text) for name, text in record.items()}
    return json.dumps({"instances": [values]}).encode(), text


def _json_value(text: str) -> object:
    with suppress(ValueError):
        return float(text)
    return text or None


def _measured(
    name: str, command: list[str], model: Path, one: bytes, many: bytes, sizes: ServerSizes
) -> Measured:
    say(f"{name} ...")
    result = Measured()
    with _running(command, model) as port:
        result.one_row = _times(result, Client(port, one, "application/json"), sizes.requests)
        result.many_rows = _times(result, Client(port, many, "text/csv"), sizes.requests // 10)
        clients = [Client(port, one, "application/json") for _ in range(_CLIENTS)]
        result.per_second = _rate(result, clients, sizes.seconds)
    return result


@contextmanager
def _running(command: list[str], model: Path) -> Iterator[int]:
    """A server that answers, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = json.dumps({"model": str(model), "port": port})
    environ: Mapping[str, str] = {
        **os.environ,
        "SM_MODEL_DIR": str(model),
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    arguments = [values] if "-m" in command else []
    with subprocess.Popen(
        [*command, *arguments], cwd=CHECKOUT, env=environ, stdout=subprocess.DEVNULL
    ) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise RunFailedError(f"no server on port {port} within {_START_SECONDS:.0f} s")


def _times(result: Measured, client: Client, count: int) -> list[float]:
    if not client.ask():
        raise RunFailedError("the server has refused a row of the demo: see above what it says")
    for _ in range(count // 10):
        client.ask()
    times = []
    for _ in range(count):
        started = time.perf_counter()
        is_good = client.ask()
        times.append(1000 * (time.perf_counter() - started))
        result.errors += not is_good
    client.close()
    return times


def _rate(result: Measured, clients: Sequence[Client], seconds: float) -> float:
    """Good answers per second of several clients at a time."""
    end = time.perf_counter() + seconds
    outcomes: list[bool] = []

    def run(ask: Callable[[], bool]) -> None:
        while time.perf_counter() < end:
            try:
                outcomes.append(ask())
            except OSError:
                outcomes.append(False)

    threads = [threading.Thread(target=run, args=(client.ask,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    result.errors += outcomes.count(False)
    return outcomes.count(True) / seconds
