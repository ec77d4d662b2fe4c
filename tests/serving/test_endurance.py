"""Many requests from several clients, some of them garbage: right answers, and no memory."""

import json
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import predictions
from servers import CSV, JSON, PARQUET, Server, ask, resident_bytes, serving
from trees import TASKS

N_CLIENTS = 8
GARBAGE = [
    (b'{"amount": ', JSON, 400),
    (b"[" * 10_000, JSON, 400),
    (b"\x00\xff" * 500, CSV, 400),
    (b"PAR1" * 100, PARQUET, 400),
    (b"x", "text/plain", 415),
    (b"", JSON, 204),
    (b"1" * (6 * 2**20 + 1), CSV, 413),
]


@pytest.mark.parametrize(
    "n_requests", [800, pytest.param(10_000, marks=pytest.mark.long)], ids=["some", "many"]
)
def test_every_client_gets_its_own_answers(
    finished_job: Path, tmp_path: Path, raw_rows: pd.DataFrame, n_requests: int
) -> None:
    probs = predictions(finished_job, "test")[[f"{task}_prob" for task in TASKS]]
    wanted = probs.to_dict("records")
    table = raw_rows.astype(object).where(raw_rows.notna(), None)
    bodies = [json.dumps(record).encode() for record in table.to_dict("records")]
    faults: list[object] = []

    def client(server: Server, number: int, count: int) -> None:
        rng = np.random.default_rng(number)
        with closing(server.connection()) as connection:
            for _ in range(count):
                if rng.random() < 0.01:
                    body, content_type, status = GARBAGE[rng.integers(len(GARBAGE))]
                    headers = {"content-type": content_type}
                    reply = ask(connection, "POST", "/invocations", body, headers)
                    if reply.status != status:
                        faults.append((body[:20], reply))
                else:
                    row = int(rng.integers(len(bodies)))
                    headers = {"content-type": JSON}
                    reply = ask(connection, "POST", "/invocations", bodies[row], headers)
                    if reply.status != 200 or reply.predictions != [wanted[row]]:
                        faults.append((row, reply))

    def run(server: Server, count: int) -> None:
        threads = [
            threading.Thread(target=client, args=(server, number, count // N_CLIENTS))
            for number in range(N_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with serving(finished_job, tmp_path / "log") as server:
        for body, content_type, _ in 4 * GARBAGE:
            server.post(body, content_type)
        run(server, 400)
        before = resident_bytes(server.family())
        run(server, n_requests)
        after = resident_bytes(server.family())
    assert not faults
    # The allocator's own coming and going; a leak of a kilobyte per request would be ten megabytes.
    assert after - before < 8 * 2**20
