"""What docs/scoring.md tells to run is run from there."""

import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from jobs import ROOT
from recipes import recipes
from servers import CSV, Server, start_server, wait_until_healthy

from serving import limits

PAGE = "docs/scoring.md"


def recipe(language: str, part: str) -> str:
    (found,) = (text for text in recipes(PAGE, language) if part in text)
    return found


def test_the_server_starts_by_the_command_of_the_page(finished_job: Path, tmp_path: Path) -> None:
    (tmp_path / "opt_ml").symlink_to(finished_job)
    (tmp_path / "lightgbmmt_serving.py").symlink_to(ROOT / "lightgbmmt_serving.py")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = recipe("sh", "lightgbmmt_serving.py").replace("python", "exec python")
    server = start_server(tmp_path, tmp_path / "log", ["bash", "-c", command], PATH=path)
    try:
        wait_until_healthy(server)
    finally:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert "Serving opt_ml/model (3 tasks, 5 features)" in server.log


def test_the_client_of_the_page(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    text = recipe("python", "urlopen").replace("localhost:8080", f"127.0.0.1:{server.port}")
    found: dict[str, Any] = {}
    exec(text, found)  # noqa: S102 - our own page
    assert len(found["predictions"]) == 2
    prob, reason = capsys.readouterr().out.split()
    assert 0 < float(prob) < 1
    assert reason in {"amount", "age", "balance", "country", "channel", "None"}


class Endpoint:
    """Stands for the SDK's: passes a request on to a server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def invoke(self, body: str, content_type: str, accept: str = "*/*") -> str:
        """What an endpoint does."""
        reply = self.server.post(body, content_type, accept=accept)
        assert reply.status == 200, reply
        return reply.text


class Transformer:
    """Stands for the SDK's: sends the lines of a file and joins the answers to them."""

    def __init__(self, server: Server, accept: str, assemble_with: str) -> None:
        assert assemble_with == "Line"
        self.server, self.accept = server, accept
        self.joined: list[str] = []

    def transform(self, data: str, content_type: str, split_type: str, join_source: str) -> None:
        """What a transform job does with one request of several records."""
        assert (data[:5], split_type, join_source) == ("s3://", "Line", "Input")
        lines = ["129.9,33,,DE,web", "15,1200,-40.5,01,app"]
        reply = self.server.post("\n".join(lines), content_type, accept=self.accept)
        answers = reply.text.splitlines()
        self.joined = [f"{a},{b}" for a, b in zip(lines, answers, strict=True)]


def builder_class(server: Server) -> type:
    """Stands for the SDK's `ModelBuilder`, with its parameters (sagemaker-serve 1.27)."""

    class ModelBuilder:
        def __init__(
            self, image_uri: str, model_path: str, role_arn: str, instance_type: str
        ) -> None:
            # With these the SDK takes image and model as they are.
            assert model_path.startswith("s3://")
            assert model_path.endswith("model.tar.gz")

        def build(self, model_name: str) -> None:
            self.is_built = True

        def deploy(self, endpoint_name: str, initial_instance_count: int) -> Endpoint:
            assert self.is_built
            return Endpoint(server)

        def transformer(
            self,
            instance_count: int,
            instance_type: str,
            accept: str,
            assemble_with: str,
            output_path: str,
        ) -> Transformer:
            assert self.is_built
            return Transformer(server, accept, assemble_with)

    return ModelBuilder


def test_the_endpoint_and_the_transform_job_of_the_page(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = ModuleType("sagemaker.serve")
    serve.ModelBuilder = builder_class(server)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sagemaker.serve", serve)
    found: dict[str, Any] = {}
    exec(recipe("python", "ModelBuilder("), found)  # noqa: S102 - our own page
    exec(recipe("python", "transformer("), found)  # noqa: S102
    wanted = server.post("129.9,33,,DE,web\n", CSV, accept=CSV).text
    assert found["answer"] == server.post("129.9,33,,DE,web\n", CSV).text
    first, second = found["transformer"].joined
    assert first == f"129.9,33,,DE,web,{wanted}".rstrip("\n")
    assert np.all([0 < float(text) < 1 for text in second.split(",")[5:]])


def test_the_limits_of_the_page_are_those_of_the_server() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for shown in (
        f"within {limits.BODY_SECONDS:.0f} seconds",
        f"larger than {limits.MAX_BODY_BYTES >> 20} MB",
        f"{limits.MAX_RESULT_VALUES:,} values of an answer",
        f"{limits.MAX_PARQUET_BYTES >> 20} MB of decoded Parquet",
        f"{limits.MAX_REASON_ROWS:,} rows with reasons",
    ):
        assert shown in text
