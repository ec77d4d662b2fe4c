"""Whatever comes through the port: the server stays, stays small, and answers the others."""

import contextlib
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from servers import CSV, JSON, PARQUET, Server, resident_bytes
from trees import CATEGORICAL, NUMERICAL

FEATURES = [*NUMERICAL, *CATEGORICAL]
MEGABYTE = 2**20
ROW = b"1.5,2,3,DE,web\n"
REQUEST = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"


@pytest.fixture(autouse=True)
def stays_small_and_answers(server: Server) -> Iterator[None]:
    wanted = server.post(ROW, CSV).predictions
    workers = set(server.workers())
    before = resident_bytes(server.family())
    yield
    assert server.post(ROW, CSV).predictions == wanted
    assert workers <= set(server.workers())
    assert resident_bytes(server.family()) - before < 200 * MEGABYTE


def test_too_large_with_a_length(server: Server) -> None:
    reply = server.post((b"1" * MEGABYTE for _ in range(100)), CSV, content_length=str(100 << 20))
    assert reply.status == 413
    assert reply.text == "wanted a body of at most 6291456 bytes"


def test_too_large_in_chunks(server: Server) -> None:
    before = resident_bytes(server.family())
    assert server.post((b"1" * MEGABYTE for _ in range(100)), CSV).status == 413
    assert resident_bytes(server.family()) - before < 40 * MEGABYTE


def test_a_client_that_asks_first_need_not_send_a_body_that_is_too_large(server: Server) -> None:
    with server.socket() as connection:
        length = b"content-length: 104857600\r\nexpect: 100-continue\r\n\r\n"
        connection.sendall(REQUEST + length)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def parquet_table(**changes: object) -> pa.Table:
    row = {"amount": 1.0, "age": 2.0, "balance": 3.0, "country": "DE", "channel": "web"}
    columns = {name: changes.get(name, value) for name, value in row.items()}
    n_rows = max(len(c) for c in columns.values() if not isinstance(c, float | str))  # type: ignore[arg-type]
    return pa.table(
        {
            name: pa.array(np.repeat(np.array([value], dtype=object), n_rows))
            if isinstance(value, float | str)
            else value
            for name, value in columns.items()
        }
    )


def test_parquet_of_more_rows_than_are_answered(server: Server) -> None:
    file = io.BytesIO()
    with pq.ParquetWriter(file, parquet_table(age=pa.array([1.0])).schema) as writer:
        table = parquet_table(age=pa.array(np.ones(100_000)))
        for _ in range(30):
            writer.write_table(table)
    assert file.tell() < MEGABYTE
    reply = server.post(file.getvalue(), PARQUET)
    assert reply.status == 413
    assert reply.text == "wanted at most 2097152 rows, the file says 3000000"


@pytest.mark.parametrize("column", ["country", "age"])
@pytest.mark.parametrize("form", ["compressed", "dictionary", "delta"])
def test_parquet_that_grows(server: Server, column: str, form: str) -> None:
    n_rows, length = {"compressed": (1, 100 << 20), "dictionary": (400, 2**19)}.get(
        form, (200, 2**19)
    )
    text = pa.array(["1" * length] * n_rows, pa.large_string())
    file = io.BytesIO()
    pq.write_table(
        parquet_table(**{column: text}),
        file,
        compression="zstd",
        use_dictionary=form == "dictionary",
        column_encoding={column: "DELTA_BYTE_ARRAY"} if form == "delta" else None,
        store_schema=False,
    )
    body = file.getvalue()
    assert len(body) < MEGABYTE
    reply = server.post(body, PARQUET)
    if form == "dictionary" and column == "country":
        assert len(reply.predictions) == n_rows
    else:
        assert reply.status == 413
        assert "grows too large" in reply.text or "bytes when decoded" in reply.text


def test_a_dictionary_of_numbers_is_not_unfolded_by_the_server(server: Server) -> None:
    numbers = pa.DictionaryArray.from_arrays(np.zeros(500, np.int8), pa.array(["1" * 2**19]))
    file = io.BytesIO()
    pq.write_table(parquet_table(age=numbers), file)
    assert server.post(file.getvalue(), PARQUET).status == 413


def test_delta_encoded_texts(server: Server) -> None:
    file = io.BytesIO()
    table = parquet_table(country=pa.array(["DE", "FR"]))
    encoding = {"country": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, file, use_dictionary=False, column_encoding=encoding)
    rows = b"1,2,3,DE,web\n1,2,3,FR,web\n"
    assert server.post(file.getvalue(), PARQUET).body == server.post(rows, CSV).body


def test_parquet_that_points_beyond_a_dictionary_or_holds_no_text(server: Server) -> None:
    no_text = pa.array([b"\xff\xfe", b"DE"])
    for column in ("country", "age"):
        for values in (no_text, no_text.view(pa.string()), no_text.dictionary_encode()):
            file = io.BytesIO()
            pq.write_table(parquet_table(**{column: values}), file)
            assert server.post(file.getvalue(), PARQUET).status == 400
    file = io.BytesIO()
    texts = ["DE", "NA", "FR", "01", "1", "XX"] * 4
    pq.write_table(parquet_table(country=pa.array(texts)), file, compression="none")
    whole = file.getvalue()
    indices = whole.index(b"XX", whole.index(b"DE")) + 2
    widths = [place for place in range(indices, indices + 80) if whole[place] == 3]
    outcomes = set()
    for place in widths:
        damaged = whole[:place] + b"\x06" + whole[place + 1 :]
        outcomes.add(server.post(damaged, PARQUET).status)
    assert outcomes in ({200, 400}, {400})


def test_damaged_parquet(server: Server) -> None:
    file = io.BytesIO()
    pq.write_table(parquet_table(age=pa.array(np.ones(50))), file)
    whole = file.getvalue()
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 5):
            damaged[place] = rng.integers(256)
        assert server.post(bytes(damaged), PARQUET).status in (200, 400, 413)


def keys(size: int, end: bytes) -> bytes:
    """An object of hundreds of thousands of keys."""
    return b"{" + b"".join(b'"%06d":0,' % n for n in range(size // 12)) + end + b"}"


def names(size: int) -> bytes:
    """A CSV of as many columns, some of them the model's."""
    return b",".join([b"amount,age,balance", *(b"%06d" % n for n in range(size // 8))]) + b"\n"


def test_many_small_things_in_a_large_body(server: Server) -> None:
    size = 6 * MEGABYTE - 10
    for body, content_type in [
        (b"[" + b"{}," * (size // 3) + b"{}]", JSON),
        (b"[" * size, JSON),
        (b'{"' + b"a" * size + b'":1}', JSON),
        (b"[" + b"1," * (size // 2) + b"1]", JSON),
        (keys(size, b'"a":1,"a":1'), JSON),
        (keys(size, b'"amount":1'), JSON),
        (names(size), CSV),
        (b"," * size, CSV),
        (b"," * (size // 2) + b"\n" + b"," * (size // 2 - 1), CSV),
        (b'"' * size, CSV),
        (b"\r" * size, CSV),
        (b"\x00" * size, CSV),
        (b"\x00" * size, PARQUET),
    ]:
        assert server.post(body, content_type).status == 400, body[:10]


def test_two_hundred_idle_connections_and_slow_ones(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(240):
            connection = stack.enter_context(closing(server.socket()))
            if number % 6 == 1:
                connection.sendall(b"POST /invocations HTTP/1.1\r\nhost")
            if number % 6 == 2:
                connection.sendall(REQUEST + b"content-length: 5000000\r\n\r\n" + 50_000 * b"1")
        started = time.monotonic()
        for _ in range(40):
            assert server.get("/ping").status == 200
            assert server.post(ROW, CSV).status == 200
        assert server.post(ROW * 10_000, CSV).status == 200
        assert time.monotonic() - started < 10


@pytest.mark.long
def test_those_who_take_too_long_are_ended(server: Server) -> None:
    """All at once, because each takes as long as a limit: 10 s for headers, 20 s for the rest."""
    answer_size = 10 * MEGABYTE
    with contextlib.ExitStack() as stack:
        header, body, reader = (stack.enter_context(server.socket()) for _ in range(3))
        body.sendall(REQUEST + b"content-length: 100\r\n\r\n1")
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        n_rows = answer_size // 80
        content = ROW * n_rows
        length = f"accept: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        reader.sendall(REQUEST + length.encode() + content)
        started = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 30:
                header.sendall(b"P")
                time.sleep(0.5)
        assert 8 < time.monotonic() - started < 16
        assert body.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert 17 < time.monotonic() - started < 26
        while f"invocations: 200, {len(content)} bytes in" not in server.log:
            assert time.monotonic() - started < 40
            time.sleep(0.2)
        assert time.monotonic() - started > 17


def test_broken_connections(server: Server) -> None:
    reset = struct.pack("ii", 1, 0)
    for start in (
        b"",
        b"POST /inv",
        REQUEST,
        REQUEST + b"content-length: 1000\r\n\r\n1,2",
        REQUEST + b"transfer-encoding: chunked\r\n\r\n5\r\n1,2",
        REQUEST + b"content-length: %d\r\n\r\n%s" % (len(ROW), ROW),
    ):
        for way in ("close", "reset", "half"):
            with server.socket() as connection:
                connection.sendall(start)
                if way == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                if way == "half":
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(0.2)
                    with contextlib.suppress(TimeoutError):
                        connection.recv(1000)
    assert "the client has gone" in server.log


@pytest.mark.parametrize(
    "start",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 500 * b"\x00",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        REQUEST + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
        REQUEST + b"transfer-encoding: chunked\r\n\r\nx\r\n",
    ],
)
def test_what_is_no_http_is_told_so(server: Server, start: bytes) -> None:
    with server.socket() as connection:
        connection.sendall(start)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("start", [b"GET /", REQUEST + b"x: ", REQUEST])
def test_headers_without_an_end(server: Server, start: bytes) -> None:
    before = resident_bytes(server.family())
    with server.socket() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(start)
        for number in range(200):
            more = b"a: b\r\n" * 10_000 if start == REQUEST else b"a" * 60_000
            connection.sendall(more)
            assert number < 199
    assert resident_bytes(server.family()) - before < 20 * MEGABYTE


def test_requests_one_behind_the_other_are_answered_in_order(server: Server) -> None:
    rows = [f"{amount},2,3,DE,web\n".encode() for amount in (1, 1000, 1, 1000)]
    with server.socket() as connection:
        for row in rows:
            connection.sendall(REQUEST + b"content-length: %d\r\n\r\n" % len(row) + row)
        received = b""
        while received.count(b"isDebit_prob") < len(rows):
            received += connection.recv(10_000)
    answers = [
        json.loads(part.split(b"\r\n\r\n")[1]) for part in received.split(b"HTTP/1.1 200 OK")[1:]
    ]
    assert answers[0] == answers[2] != answers[1] == answers[3]


def test_nobody_gets_the_rows_of_another(server: Server, raw_rows: pd.DataFrame) -> None:
    """Large and small requests side by side, each with rows of its own."""
    bodies = [raw_rows[start : start + 10].to_csv(index=False) for start in range(0, 80, 10)]
    bodies = [
        body if n % 2 else body + 3000 * body.split("\n", 1)[1] for n, body in enumerate(bodies)
    ]
    wanted = [server.post(body, CSV).body for body in bodies]
    faults = []

    def repeat(number: int) -> None:
        for _ in range(5):
            reply = server.post(bodies[number], CSV)
            if reply.body != wanted[number]:
                faults.append((number, reply.status))

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
