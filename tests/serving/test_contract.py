"""What is promised of serving, line by line, from outside the process."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count
from jobs import predictions
from servers import CSV, JSON, JSON_LINES, PARQUET, Reply, Server
from trees import CATEGORICAL, NUMERICAL, TASKS

FEATURES = [*NUMERICAL, *CATEGORICAL]
PROBS = [f"{task}_prob" for task in TASKS]


@pytest.fixture(scope="module")
def wanted(finished_job: Path) -> list[dict[str, Any]]:
    """What the job itself has predicted for the test rows."""
    return records(predictions(finished_job, "test")[PROBS])


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    table = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def json_text(rows: pd.DataFrame) -> str:
    return json.dumps(records(rows), allow_nan=False)


def parquet_bytes(rows: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    rows.to_parquet(file, index=False)
    return file.getvalue()


def csv_records(reply: Reply, names: list[str] | None = None) -> list[dict[str, Any]]:
    assert reply.status == 200, reply
    assert reply.content_type == CSV
    rows = csv.DictReader(io.StringIO(reply.text), fieldnames=names)
    return [{name: float(text) for name, text in row.items()} for row in rows]


def test_ping(server: Server) -> None:
    assert server.get("/ping").status == 200


def test_execution_parameters(server: Server) -> None:
    reply = server.get("/execution-parameters")
    assert reply.content_type == JSON
    assert json.loads(reply.body) == {
        "MaxConcurrentTransforms": cpu_count(),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


@pytest.mark.parametrize("count", [1, 7, 300])
def test_csv_with_a_header(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]], count: int
) -> None:
    # Labels and ids are passed over, columns may stand in any order.
    shuffled = raw_rows[:count][["channel", "isCard", "amount", "id", "country", "balance", "age"]]
    assert server.post(shuffled.to_csv(index=False), CSV).predictions == wanted[:count]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("content_type", [CSV, "text/csv; charset=utf-8; header=absent"])
def test_csv_without_a_header_has_the_features_in_the_models_order(
    server: Server,
    raw_rows: pd.DataFrame,
    wanted: list[dict[str, Any]],
    content_type: str,
    line_end: str,
) -> None:
    text = raw_rows[FEATURES].to_csv(index=False, header=False, lineterminator=line_end)
    assert server.post(text, content_type).predictions == wanted


def test_a_byte_order_mark_is_no_part_of_the_first_name(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    text = "\ufeff" + raw_rows[FEATURES].to_csv(index=False)
    assert server.post(text, CSV).predictions == wanted


def test_json_a_record(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    for number in range(5):
        (record,) = records(raw_rows[number : number + 1])
        assert server.post(json.dumps(record)).predictions == [wanted[number]]


def test_json_a_list_of_records(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    assert server.post(json_text(raw_rows)).predictions == wanted


def test_json_instances(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    body = f'{{"instances": {json_text(raw_rows)}}}'
    assert server.post(body).predictions == wanted


def test_json_lines(server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]) -> None:
    body = "\n".join(json.dumps(record) for record in records(raw_rows))
    assert server.post(body, JSON_LINES).predictions == wanted
    assert server.post(body + "\r\n\n", JSON_LINES).predictions == wanted


def test_parquet(server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]) -> None:
    assert server.post(parquet_bytes(raw_rows), PARQUET).predictions == wanted


@pytest.mark.parametrize("accept", [None, "*/*", JSON, "application/json; charset=utf-8"])
def test_json_is_the_default_answer(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]], accept: str | None
) -> None:
    reply = server.post(
        raw_rows[:2].to_csv(index=False), CSV, **({} if accept is None else {"accept": accept})
    )
    assert reply.content_type == JSON
    assert json.loads(reply.body) == {"predictions": wanted[:2]}


def test_an_answer_in_csv_has_a_header_if_the_request_has_one(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    with_header = raw_rows[FEATURES].to_csv(index=False)
    without = raw_rows[FEATURES].to_csv(index=False, header=False)
    assert csv_records(server.post(with_header, CSV, accept=CSV)) == wanted
    assert csv_records(server.post(without, CSV, accept=CSV), PROBS) == wanted
    assert csv_records(server.post(json_text(raw_rows), accept=CSV), PROBS) == wanted
    asked = server.post(without, CSV, accept="text/csv; header=present")
    assert csv_records(asked) == wanted


def test_an_answer_in_json_lines(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    reply = server.post(json_text(raw_rows), accept=JSON_LINES)
    assert reply.content_type == JSON_LINES
    assert [json.loads(line) for line in reply.text.splitlines()] == wanted


@pytest.mark.parametrize("content_type", [CSV, JSON, JSON_LINES, PARQUET, "text/plain", None])
def test_an_empty_body(server: Server, content_type: str | None) -> None:
    assert server.post(b"", content_type) == Reply(204, b"", None)
    assert server.post(iter([b""]), content_type) == Reply(204, b"", None)


@pytest.mark.parametrize(
    ("body", "content_type"), [("[]", JSON), (",".join(FEATURES), CSV), ("\n", JSON_LINES)]
)
def test_no_rows(server: Server, body: str, content_type: str) -> None:
    assert server.post(body, content_type).predictions == []


def test_parquet_without_rows(server: Server, raw_rows: pd.DataFrame) -> None:
    assert server.post(parquet_bytes(raw_rows[:0]), PARQUET).predictions == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", None])
def test_unknown_content_types(server: Server, content_type: str | None) -> None:
    reply = server.post("1,2,3", content_type)
    assert reply.status == 415
    assert reply.text.startswith("wanted a content type of text/csv, application/json, ")


def test_compressed_bodies_are_none_of_the_content_types(server: Server) -> None:
    assert server.post(b"\x1f\x8b", CSV, content_encoding="gzip").status == 415


def test_unknown_accept(server: Server, raw_rows: pd.DataFrame) -> None:
    reply = server.post(json_text(raw_rows[:1]), accept="image/png")
    assert reply.status == 406
    assert "found the accept header 'image/png'" in reply.text


def test_unknown_addresses_and_methods(server: Server) -> None:
    assert server.get("/").status == 404
    assert server.get("/invocations").status == 405


RECORD = {"amount": "1", "age": "2", "balance": "3", "country": '"DE"', "channel": '"web"'}


def record_text(**changes: str) -> str:
    """A record whose values may be anything."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in (RECORD | changes).items()) + "}"


HEADER = "amount,age,balance,country,channel"
UNREADABLE: dict[str, tuple[str, str | bytes, str]] = {
    "no JSON": (JSON, "{'amount': 1}", "Expecting property name"),
    "a number": (JSON, "1", "wanted a record, a list of records or an object with 'instances'"),
    "null": (JSON, "null", "found null"),
    "a list of lists": (JSON, "[[1, 2]]", "wanted an object as record 1, found a list"),
    "a typo beside instances": (JSON, '{"instances": [], "reason": 1}', "found 'reason'"),
    "instances": (JSON, '{"instances": 1}', "found a number"),
    "NaN": (JSON, record_text(age="NaN"), "NaN is no number that JSON allows; a missing value is"),
    "Infinity": (JSON, record_text(age="-Infinity"), "-Infinity is no number that JSON allows"),
    "a key twice": (JSON, '[{"age": 1, "age": 2}]', "the key 'age' is given twice"),
    "deep lists": (JSON, "[" * 100_000, "nested too deeply"),
    "deep objects": (JSON, '{"a":' * 100_000, "nested too deeply"),
    "many digits": (JSON, record_text(age="9" * 5000), "a number of more than 4,300 digits"),
    "half a surrogate pair": (JSON, record_text(country=r'"\ud800"'), "half of a surrogate pair"),
    "an object inside": (JSON, record_text(age="{}"), "found an object in record 1"),
    "a list inside": (JSON, f"[{record_text()},{record_text(age='[1]')}]", "a list in record 2"),
    "not UTF-8": (JSON, b'{"country": "\xff"}', "not UTF-8 text, from byte 13 on"),
    "UTF-16": (JSON, record_text().encode("utf-16"), "not UTF-8"),
    "a line": (JSON_LINES, record_text() + '\n{"a"', "the JSON of line 2 cannot be read"),
    "a list in a line": (JSON_LINES, "[]", "wanted an object in line 1, found a list"),
    "a short row": (CSV, f"{HEADER}\n1,2,3\n", "fields in every row as in the first, row 2 of the"),
    "few fields": (CSV, "1,2,3\n", "found a first row of 3 fields"),
    "a quote": (CSV, '1,2,3,"DE,web\n', "a quote that is never closed"),
    "CSV in latin-1": (CSV, "1,2,3,Öl,web\n".encode("latin-1"), "not UTF-8 text"),
    "blank lines": (CSV, "\n\n", "the CSV has no row"),
    "a column twice": (CSV, f"{HEADER},age\n1,2,3,4,5,6", "columns present more than once: 'age'"),
    "names of others": (CSV, "a,b,c,d,e\n1,2,3,4,5\n", "the first row has no number"),
    "infinite": (CSV, f"{HEADER}\n1,inf,3,DE,web", "found infinite or larger ones: column 'age'"),
    "no Parquet": (PARQUET, "PAR1", "no Parquet file"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_bodies(server: Server, case: str) -> None:
    content_type, body, sentence = UNREADABLE[case]
    reply = server.post(body, content_type)
    assert reply.status == 400, reply
    assert sentence in reply.text
    assert "\n" not in reply.text


@pytest.mark.parametrize("content_type", [CSV, JSON, JSON_LINES, PARQUET])
def test_missing_columns_are_named_with_the_nearest(
    server: Server, raw_rows: pd.DataFrame, content_type: str
) -> None:
    rows = raw_rows[:3].rename(columns={"balance": "Balanc"})
    bodies = {
        CSV: rows.to_csv(index=False).encode(),
        JSON: json_text(rows).encode(),
        JSON_LINES: "\n".join(json.dumps(record) for record in records(rows)).encode(),
        PARQUET: parquet_bytes(rows),
    }
    reply = server.post(bodies[content_type], content_type)
    assert reply.status == 400
    assert "'balance' (nearest: 'Balanc')" in reply.text


@pytest.mark.parametrize("value", ["1e999", "-1e300", f"{'9' * 400}"])
def test_numbers_beyond_float32(server: Server, value: str) -> None:
    reply = server.post(record_text(amount=value))
    assert reply.status == 400
    assert "'amount'" in reply.text


def test_a_missing_value_is_null_and_a_missing_key_is_an_error(
    server: Server, raw_rows: pd.DataFrame
) -> None:
    some, none = records(raw_rows[:2])
    del none["age"]
    reply = server.post(json.dumps([some, none]))
    assert reply.status == 400
    assert reply.text.startswith("columns missing in record 2: 'age'")
    assert server.post(json.dumps(some | {"age": None})).status == 200


def test_one_category_in_all_the_types_that_json_has(server: Server) -> None:
    record = {"amount": 10, "age": 20, "balance": 30, "channel": "web"}
    answers = [
        server.post(json.dumps(record | {"country": country})).predictions
        for country in (1, 1.0, "1", "1.0")
    ]
    assert answers[0] == answers[1] == answers[2] == answers[3]
    other = server.post(json.dumps(record | {"country": "01"})).predictions
    assert other != answers[0]
    mixed = [record | {"country": country} for country in (1, 1.0, "1", None, "01")]
    assert server.post(json.dumps(mixed)).predictions[:3] == 3 * answers[0]


def test_numbers_may_be_text(server: Server, raw_rows: pd.DataFrame) -> None:
    (record,) = records(raw_rows[:1])
    as_text = record | {name: str(record[name]) for name in NUMERICAL}
    assert (
        server.post(json.dumps(as_text)).predictions == server.post(json.dumps(record)).predictions
    )


def test_reasons(server: Server, raw_rows: pd.DataFrame) -> None:
    body = json_text(raw_rows[:20])
    plain = server.post(body).predictions
    asked = server.post(body, path="/invocations?reasons=2").predictions
    in_body = server.post(f'{{"instances": {body}, "reasons": 2}}').predictions
    assert asked == in_body
    assert [{name: row[name] for name in PROBS} for row in asked] == plain
    extra = [
        f"{task}_reason_{n}{end}" for task in TASKS for n in (1, 2) for end in ("", "_contribution")
    ]
    assert list(asked[0]) == [*PROBS, *extra]
    for row in asked:
        for task in TASKS:
            first, second = (
                row[f"{task}_reason_1_contribution"],
                row[f"{task}_reason_2_contribution"],
            )
            assert row[f"{task}_reason_1"] in [*FEATURES, None]
            assert (first is None) == (row[f"{task}_reason_1"] is None)
            if second is not None:
                assert first >= second > 0


@pytest.mark.parametrize("asked", ["-1", "x", "1.5", "9" * 50, "%C2%B2"])
def test_reasons_that_are_no_number(server: Server, raw_rows: pd.DataFrame, asked: str) -> None:
    reply = server.post(json_text(raw_rows[:1]), path=f"/invocations?reasons={asked}")
    assert reply.status == 400
    assert "wanted reasons as a whole number" in reply.text


@pytest.mark.parametrize("asked", ["-1", '"2"', "true", "1.5", "[1]"])
def test_reasons_in_the_body_that_are_no_number(
    server: Server, raw_rows: pd.DataFrame, asked: str
) -> None:
    reply = server.post(f'{{"instances": {json_text(raw_rows[:1])}, "reasons": {asked}}}')
    assert reply.status == 400
    assert reply.text == "wanted as reasons a whole number from 0 on"


def test_nothing_of_a_request_is_logged(server: Server) -> None:
    private = "Geheim4711"
    record = {"amount": private, "age": 1, "balance": 1, "country": private, "channel": "web"}
    assert server.post(json.dumps(record)).status == 200
    assert server.post(json.dumps({private: 1})).status == 400
    assert server.post(f'{{"amount": "{private}', path=f"/invocations?{private}=1").status == 400
    assert server.post(private, f"text/{private}").status == 415
    assert server.get(f"/{private}").status == 404
    # A request is logged when it has been answered, by whichever process did.
    end = time.monotonic() + 10
    while "invocations: 415, 10 bytes in, " not in server.log and time.monotonic() < end:
        time.sleep(0.05)
    log = server.log
    assert private not in log
    assert "invocations: 200, " in log
    assert "invocations: 415, 10 bytes in, " in log


def chunked(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def test_a_body_in_chunks(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    body = raw_rows.to_csv(index=False).encode()
    assert server.post(chunked(body, 100), CSV).predictions == wanted


def test_six_megabytes(
    server: Server, raw_rows: pd.DataFrame, wanted: list[dict[str, Any]]
) -> None:
    header, *lines = raw_rows.to_csv(index=False).encode().splitlines(keepends=True)
    times = (6 * 2**20 - len(header)) // sum(map(len, lines))
    body = header + times * b"".join(lines)
    body += b"\n" * (6 * 2**20 - len(body))
    reply = server.post(body, CSV, accept=CSV)
    found = np.loadtxt(io.BytesIO(reply.body), delimiter=",", skiprows=1)
    assert found.shape == (times * len(lines), len(TASKS))
    assert np.array_equal(found[-len(lines) :], [list(row.values()) for row in wanted])
    assert server.post(body + b"\n", CSV).status == 413
