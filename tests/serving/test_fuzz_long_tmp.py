"""Any body of any content type: an answer below 500, and the next one is right again."""

import http.client
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import closing

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import CSV, JSON, JSON_LINES, PARQUET, Server, ask
from trees import CATEGORICAL, NUMERICAL

FEATURES = [*NUMERICAL, *CATEGORICAL]
ROW = b"1.5,2,3,DE,web\n"
TYPES = [CSV, JSON, JSON_LINES, PARQUET, "text/csv; header=present", "text/csv; header=absent"]
OUTCOMES = {200, 204, 400, 406, 413, 415}

names = st.sampled_from([*FEATURES, "id", "instances", "reasons", "", "Amount"])
numbers = st.one_of(st.integers(), st.floats(), st.integers(-(10**400), 10**400))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)
whole_records = st.fixed_dictionaries(dict.fromkeys(FEATURES, st.one_of(scalars, values)))
records = st.one_of(whole_records, st.dictionaries(names, values))
documents = st.one_of(
    records,
    st.lists(records, max_size=4),
    st.fixed_dictionaries(
        {"instances": st.lists(records, max_size=3)}, optional={"reasons": values}
    ),
    values,
)


def json_body(document: object) -> bytes:
    return json.dumps(document).encode()


def csv_body(rows: Iterable[Iterable[object]]) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows).encode(errors="surrogatepass")


fields = st.one_of(st.sampled_from(FEATURES), st.text(max_size=8), numbers, st.just(""))
tables = st.lists(st.lists(fields, min_size=4, max_size=6), max_size=5)


bodies = st.one_of(
    st.binary(max_size=200),
    documents.map(json_body),
    st.lists(records.map(json_body)).map(b"\n".join),
    tables.map(csv_body),
    tables.map(csv_body).map(f"{','.join(FEATURES)}\n".encode().__add__),
)


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    with closing(server.connection()) as opened:
        yield opened


@settings(
    max_examples=6000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=bodies,
    content_type=st.sampled_from(TYPES) | st.text('abc/;=+*, "', max_size=20),
    accept=st.sampled_from([JSON, CSV, JSON_LINES, "*/*"]) | st.text("abc/;=q0.1*,", max_size=20),
    query=st.sampled_from(["", "?reasons=1"])
    | st.text("reasons=1&?%", max_size=9).map("?".__add__),
)
def test_no_body_is_the_servers_fault(
    connection: http.client.HTTPConnection, body: bytes, content_type: str, accept: str, query: str
) -> None:
    headers = {"content-type": content_type, "accept": accept}
    reply = ask(connection, "POST", f"/invocations{query}", body, headers)
    assert reply.status in OUTCOMES, reply
    if reply.status != 200:
        assert "\n" not in reply.text
    good = ask(connection, "POST", "/invocations", ROW, {"content-type": CSV})
    assert len(good.predictions) == 1


@pytest.fixture(scope="module")
def parquet(raw_rows: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    raw_rows[:20].to_parquet(file, index=False)
    return file.getvalue()


@settings(
    max_examples=4000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_to_parquet_is_the_servers_fault(
    connection: http.client.HTTPConnection, parquet: bytes, data: st.DataObject
) -> None:
    body = bytearray(parquet)
    places = st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(places, min_size=1, max_size=8)):
        body[place] = byte
    end = data.draw(st.integers(0, len(body)) | st.just(len(body)))
    reply = ask(connection, "POST", "/invocations", bytes(body[:end]), {"content-type": PARQUET})
    assert reply.status in OUTCOMES, reply
