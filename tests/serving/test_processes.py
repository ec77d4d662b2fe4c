"""How the server starts, ends, and goes on when a process of it dies."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from joblib import cpu_count
from jobs import ROOT
from servers import CSV, PARQUET, Server, serving, start_server, wait_until_healthy

from exceptions import UserError
from lightgbmmt_serving import bind_port

ROW = b"1.5,2,3,DE,web\n"
START = (
    b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: %d\r\n\r\n"
)


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_training_job_imports_nothing_of_it() -> None:
    code = "import sys, lightgbmmt_training; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    packages = {name.split(".")[0] for name in done.stdout.split()}
    assert "lightgbm" in packages
    assert not packages & {"serving", "gunicorn", "uvicorn", "starlette", "anyio", "h11"}


def refuses(server: Server) -> bool:
    try:
        server.socket().close()
    except ConnectionError:
        return True
    return False


def test_requests_under_way_are_finished_after_sigterm(finished_job: Path, tmp_path: Path) -> None:
    server = start_server(finished_job, tmp_path / "log")
    wait_until_healthy(server)
    wanted = server.post(ROW, CSV).predictions
    with contextlib.ExitStack() as stack:
        idle, *busy = (stack.enter_context(server.socket()) for _ in range(5))
        for connection in busy:
            connection.sendall(START % len(ROW) + ROW[:5])
        idle.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in idle.recv(1000)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(server), 10)
        for connection in busy:
            connection.sendall(ROW[5:])
        for connection in busy:
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
            assert b"200 OK" in head
            assert json.loads(body)["predictions"] == wanted
        assert server.process.wait(5) == 0


@pytest.mark.long
def test_a_request_that_never_ends_does_not_keep_the_server(
    finished_job: Path, tmp_path: Path
) -> None:
    server = start_server(finished_job, tmp_path / "log")
    wait_until_healthy(server)
    family = server.family()
    with server.socket() as connection:
        connection.sendall(START % len(ROW) + ROW[:5])
        time.sleep(0.5)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert time.monotonic() - started < 29
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]


def sockets_of(pid: int) -> int:
    links = [link for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith("socket:") for link in links)


@pytest.mark.skipif(cpu_count() < 2, reason="one processor, one process")
def test_clients_that_come_together_are_shared_by_the_processes(server: Server) -> None:
    until(lambda: len(server.workers()) > 1, 10)
    shared = 0
    for _ in range(10):
        idle = {pid: sockets_of(pid) for pid in server.workers()}
        with contextlib.ExitStack() as stack:
            # So many that none is done with them before the others have come to run.
            clients = [stack.enter_context(server.socket()) for _ in range(64)]
            for client in clients:
                client.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
            for client in clients:
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
            taken = [sockets_of(pid) - before for pid, before in idle.items()]
        shared += max(taken) <= 45
        time.sleep(0.1)
    # One process takes some sixty of them where asyncio is left to itself.
    assert shared >= 3


def test_a_worker_that_dies_is_replaced(finished_job: Path, tmp_path: Path) -> None:
    with serving(finished_job, tmp_path / "log") as server:
        wanted = server.post(ROW, CSV).predictions
        until(lambda: len(server.workers()) == cpu_count(), 10)
        before = set(server.workers())
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(server.workers()) - before) == len(before), 20)
        assert server.post(ROW, CSV).predictions == wanted
        assert server.log.count("Serving ") == 1


def test_the_decoder_of_parquet_is_replaced_and_ends_with_its_worker(
    finished_job: Path, tmp_path: Path, raw_rows: pd.DataFrame
) -> None:
    rows = raw_rows.to_parquet(index=False)
    with serving(finished_job, tmp_path / "log") as server:
        until(lambda: len(server.workers()) == cpu_count(), 10)
        one, *others = server.workers()
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert len(server.post(rows, PARQUET).predictions) == len(raw_rows)
            (decoder,) = set(server.family()) - {server.process.pid, one, *others}
            os.kill(decoder, signal.SIGKILL)
            assert len(server.post(rows, PARQUET).predictions) == len(raw_rows)
            (decoder,) = set(server.family()) - {server.process.pid, one, *others}
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
    until(lambda: not Path(f"/proc/{decoder}").exists(), 5)


def test_a_model_in_an_archive_elsewhere(finished_job: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(finished_job / "model", ".")
    with serving(tmp_path, tmp_path / "log", SM_MODEL_DIR=str(folder)) as server:
        assert len(server.post(ROW, CSV).predictions) == 1
        assert f"Serving {folder} (3 tasks, 5 features) on port {server.port}" in server.log


@pytest.mark.parametrize("damage", ["empty", "no model file", "half a model file"])
def test_a_model_that_does_not_load(finished_job: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in (finished_job / "model").iterdir() if damage != "empty" else ():
        content = file.read_bytes()
        if file.name == "lightgbmmt_model.txt":
            content = content[: len(content) // 2] if damage == "half a model file" else b""
        if content:
            (folder / file.name).write_bytes(content)
    server = start_server(tmp_path, tmp_path / "log")
    answers = []

    def ping() -> None:
        while server.process.poll() is None:
            with contextlib.suppress(OSError):
                answers.append(server.get("/ping"))
            time.sleep(0.02)

    thread = threading.Thread(target=ping)
    thread.start()
    assert server.process.wait(60) == 1
    thread.join()
    assert answers == []
    (line,) = server.log.splitlines()
    assert line.startswith("The model is not served: ")
    assert str(folder) in line


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "\u0661"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(UserError, match="SAGEMAKER_BIND_TO_PORT must be a port, 1 to 65535, found"):
        bind_port({"SAGEMAKER_BIND_TO_PORT": port})


def test_the_default_port() -> None:
    assert bind_port({}) == bind_port({"SAGEMAKER_BIND_TO_PORT": ""}) == 8080


def test_a_port_that_is_taken(finished_job: Path, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))  # noqa: S104
        other.listen()
        taken = str(other.getsockname()[1])
        server = start_server(finished_job, tmp_path / "log", SAGEMAKER_BIND_TO_PORT=taken)
        assert server.process.wait(60) == 1
        assert "in use" in server.log
