"""Batch scoring gives the bits of the job's predictions, in every case of the table."""

import io
from pathlib import Path

import numpy as np
import pytest
from jobs import members
from scoring_cases import CASES, probabilities, read_exactly

from lightgbmmt_model_inference import run_batch
from scoring.batch.places import BatchPlaces

# Most of what a job of 200 tasks does is draw 800 curves.
LONG = {"200 tasks"}
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_the_bits_of_the_job(name: str, tmp_path: Path) -> None:
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
