"""The handler as SageMaker's inference toolkit calls it: text bodies as str, results as a pair."""

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jobs import predictions
from trees import TASKS

import lightgbmmt_inference_handler as handler
from exceptions import ArtifactError
from scoring.scorer import Scorer
from serving.application import Invocations
from serving.faults import NotAcceptableError, UnsupportedTypeError


def transform(folder: Path, body: str | bytes, content_type: str, accept: str) -> tuple[bytes, str]:
    """What the toolkit's `Transformer` does with the four functions (sagemaker-inference 1.10)."""
    model = handler.model_fn(str(folder))
    rows = handler.input_fn(body, content_type)
    return handler.output_fn(handler.predict_fn(rows, model), accept)


def test_the_four_functions_make_the_jobs_predictions(
    finished_job: Path, raw_rows: pd.DataFrame
) -> None:
    probs = predictions(finished_job, "test")[[f"{task}_prob" for task in TASKS]]
    text = raw_rows.to_csv(index=False)
    body, content_type = transform(finished_job / "model", text, "text/csv", "application/json")
    assert content_type == "application/json"
    assert json.loads(body)["predictions"] == probs.to_dict("records")
    parquet = bytearray(raw_rows.to_parquet(index=False))
    folder = finished_job / "model"
    assert transform(folder, bytes(parquet), "application/x-parquet", "*/*")[0] == body


def test_reasons_are_asked_for_in_the_body(finished_job: Path) -> None:
    record = {"amount": 1, "age": 2, "balance": 3, "country": "DE", "channel": None}
    text = json.dumps({"instances": [record], "reasons": 1})
    body, _ = transform(finished_job / "model", text, "application/json", "application/jsonlines")
    assert set(json.loads(body)) >= {f"{task}_reason_1" for task in TASKS}


def test_faults_are_told_apart_by_type(finished_job: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedTypeError, match="found 'text/html'"):
        transform(finished_job / "model", "1", "text/html", "*/*")
    with pytest.raises(NotAcceptableError, match="found the accept header 'text/html'"):
        transform(finished_job / "model", "1,2,3,DE,web", "text/csv", "text/html")
    with pytest.raises(ArtifactError, match="is no model directory"):
        handler.model_fn(str(tmp_path))


class Context:
    """Stands for the model server's side of the toolkit."""

    def __init__(self, model_dir: Path, content_type: str, accept: str | None) -> None:
        self.system_properties = {"model_dir": str(model_dir)}
        self.request_processor = [self]
        self.properties = {"Content-Type": content_type} | ({"Accept": accept} if accept else {})
        self.answer: dict[str, Any] = {}

    def get_request_properties(self) -> dict[str, str]:
        """The headers of the request."""
        return self.properties

    def set_response_content_type(self, _index: int, value: str) -> None:
        """Takes what the answer is."""
        self.answer["type"] = value

    def set_response_status(self, code: int, phrase: str) -> None:
        """Takes what went wrong."""
        self.answer |= {"code": code, "phrase": phrase}


@pytest.mark.skipif(
    importlib.util.find_spec("sagemaker_inference") is None,
    reason="the toolkit is not installed: requirements-toolkit.txt, which needs a C compiler",
)
def test_the_toolkit_itself_calls_the_four_functions(
    finished_job: Path, raw_rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "lightgbmmt_inference_handler.py")
    from sagemaker_inference.transformer import Transformer

    folder = finished_job / "model"
    text = raw_rows[:3].to_csv(index=False)
    wanted, _ = transform(folder, text, "text/csv", "*/*")
    toolkit = Transformer()
    for body, content_type in [
        (text.encode(), "text/csv"),
        (raw_rows[:3].to_parquet(index=False), "application/x-parquet"),
    ]:
        context = Context(folder, content_type, None)
        assert toolkit.transform([{"body": body}], context) == [wanted]
        assert context.answer == {"type": "application/json"}
    context = Context(folder, "text/csv", "text/csv")
    (answer,) = toolkit.transform([{"body": text.encode()}], context)
    assert context.answer == {"type": "text/csv"}
    assert answer.count(b"\n") == 4
    context = Context(folder, "application/json", "application/json")
    (answer,) = toolkit.transform([{"body": b"[1]"}], context)
    assert "wanted an object as record 1, found a number" in context.answer["phrase"]


def test_an_error_of_ours_is_told_without_its_message(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    private = "Geheim4711"

    def fails(_rows: object) -> None:
        raise RuntimeError(private)

    # No request is known that leads here, so that a fault must be made.
    monkeypatch.setattr(scorer, "features_of", fails)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"1,2,3,DE,web", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-type", b"text/csv")], "query_string": b""}
    with caplog.at_level("INFO"):
        asyncio.run(Invocations(scorer)(scope, receive, send))
    assert (sent[0]["status"], sent[1]["body"]) == (500, b"internal error")
    assert "internal error: RuntimeError" in caplog.text
    assert "in predict_fn" in caplog.text
    assert private not in caplog.text
    assert "invocations: 500, 12 bytes in, 14 out" in caplog.text
