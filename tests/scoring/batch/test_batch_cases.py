"""Batch and server give the bits of the job's predictions, in every case of the table."""

import io
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from jobs import members
from scoring_cases import CASES, probabilities, read_exactly
from served_rows import request_bodies, served

from lightgbmmt_model_inference import run_batch
from scoring.batch.places import BatchPlaces
from serving.handler import model_fn

# Most of what a job of 200 tasks does is draw 800 curves.
LONG = {"200 tasks"}
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_the_bits_of_the_job(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    base = case.run(tmp_path / "opt_ml")
    file_format = case.ending.removesuffix(".gz")
    expected = read_exactly(
        io.BytesIO(members(base, "test")[f"test/predictions.{file_format}"]), file_format
    )
    places = BatchPlaces(base / "model", base / "input" / "data" / "test", tmp_path / "scored")
    run_batch(places, case.flags)
    found = read_exactly(tmp_path / "scored" / f"predictions.{file_format}", file_format)
    id_name = str(case.knobs.get("id_name", "id"))
    assert found[id_name].tolist() == expected[id_name].tolist()
    np.testing.assert_array_equal(
        probabilities(found, case.tasks), probabilities(expected, case.tasks)
    )
    assert len(np.unique(probabilities(found, case.tasks))) > 5
    # The server in this process: what it does with a body does not depend on how it came.
    for variable, value in case.flags.items():
        monkeypatch.setenv(variable, value)
    scorer = model_fn(base / "model")
    wanted = iter(probabilities(expected, case.tasks))
    for file in sorted((base / "input" / "data" / "test").iterdir()):
        rows: list[object] = []
        for content_type, body in request_bodies(file, scorer.features):
            answer = served(scorer, body, content_type)
            rows = rows or list(islice(wanted, len(answer)))
            np.testing.assert_array_equal(answer, rows, content_type)
    assert next(wanted, None) is None
