"""The batch step as a pipeline of the older system runs it: a process, its tree, its markers."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from batch_steps import make_step, names, output, rows_file, run, run_in_this_process
from jobs import members, predictions
from scoring_cases import probabilities, read_exactly
from trees import TASKS, write_table

from scoring.batch.places import BatchPlaces

PROBS = [f"{task}_prob" for task in TASKS]


@pytest.fixture
def step(finished_job: Path, tmp_path: Path) -> Path:
    """A step that is ready to be run."""
    return make_step(finished_job, tmp_path)


def run_here(step: Path, **environ: str) -> int:
    """Runs the step in this process, and gives its exit code."""
    places = BatchPlaces.of(["--job_type", "x"], {"SAGEMAKER_BASE_DIR": str(step)})
    return run_in_this_process(places, environ)


def test_as_the_older_step_definition_runs_it(step: Path, finished_job: Path) -> None:
    (output(step) / "_FAILURE").write_text("of an earlier run")
    finished = run(
        step,
        "--job_type",
        "calibration",
        "--surprise",
        "7",
        ID_FIELD="id",
        TASK_LABEL_NAMES="isFraud,isCard,isDebit",
        OUTPUT_FORMAT="csv",
        JSON_ORIENT="records",
        USE_SECURE_PYPI="true",
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert names(output(step)) == ["_HEALTH", "_SUCCESS", "predictions.csv"]
    assert (output(step) / "_HEALTH").read_text().startswith("healthy: ")
    assert "300 rows scored" in finished.stdout

    written = (output(step) / "predictions.csv").read_text(encoding="utf-8").splitlines()
    given = rows_file(step).read_text(encoding="utf-8").splitlines()
    expected = read_exactly(predictions_file(finished_job, step / "unpacked"), "csv")
    assert written[0] == f"{given[0]},{','.join(PROBS)}"
    assert len(written) == len(given)
    for i, (line, row) in enumerate(zip(written[1:], given[1:], strict=True)):
        added = line.removeprefix(f"{row},").split(",")
        assert [float(text) for text in added] == probabilities(expected, TASKS)[i].tolist()


def predictions_file(base: Path, folder: Path) -> Path:
    """The predictions of a job's test split, unpacked into a folder: others share the job."""
    path = folder / "predictions.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(members(base, "test")["test/predictions.csv"])
    return path


def test_on_a_laptop(finished_job: Path, tmp_path: Path) -> None:
    finished = run(
        tmp_path,
        *("--model", str(finished_job / "model"), "--output", "new/scored"),
        *("--input", str(finished_job / "input" / "data" / "val")),
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    found = read_exactly(tmp_path / "new" / "scored" / "predictions.csv", "csv")
    expected = predictions(finished_job, "val")
    assert found["id"].tolist() == expected["id"].tolist()


def test_a_model_that_is_no_archive(step: Path, finished_job: Path) -> None:
    model = step / "processing" / "input" / "model"
    shutil.rmtree(model)
    shutil.copytree(finished_job / "model", model)
    assert run_here(step) == 0
    assert "_SUCCESS" in names(output(step))


@pytest.mark.parametrize("wanted", ["csv", "tsv", "parquet", "json"])
@pytest.mark.parametrize("given", ["csv", "parquet"])
def test_formats(step: Path, finished_job: Path, given: str, wanted: str) -> None:
    rows = pd.read_csv(rows_file(step), dtype={"id": "str", "country": "str"}, na_filter=False)
    rows["balance"] = pd.to_numeric(rows["balance"])
    if given == "parquet":
        write_table(rows, rows_file(step).with_suffix(".parquet"))
        rows_file(step).unlink()
    assert run_here(step, OUTPUT_FORMAT=wanted.upper()) == 0
    file = output(step) / f"predictions.{wanted}"
    assert names(output(step)) == ["_HEALTH", "_SUCCESS", file.name]
    found = (
        pd.DataFrame(json.loads(file.read_text(encoding="utf-8")))
        if wanted == "json"
        else read_exactly(file, wanted)
    )
    assert list(found.columns) == [*rows.columns, *PROBS]
    expected = read_exactly(predictions_file(finished_job, step / "unpacked"), "csv")
    np.testing.assert_array_equal(probabilities(found, TASKS), probabilities(expected, TASKS))
    assert found["id"].tolist() == rows["id"].tolist()
    assert found["country"].tolist() == rows["country"].tolist()
    assert pd.to_numeric(found["balance"]).tolist() == pytest.approx(
        rows["balance"].tolist(), nan_ok=True
    )
    if given == wanted == "parquet":
        assert found[list(rows.columns)].dtypes.tolist() == rows.dtypes.tolist()


def broken_row(step: Path) -> None:
    """Adds a row with too few fields at the end."""
    with rows_file(step).open("a") as file:
        file.write("last,1\n")


def renamed(old: str, new: str) -> Callable[[Path], object]:
    """Renames a column."""

    def change(step: Path) -> None:
        text = rows_file(step).read_text(encoding="utf-8")
        rows_file(step).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def appended(row: str) -> Callable[[Path], object]:
    """Adds a row at the end."""

    def change(step: Path) -> None:
        with rows_file(step).open("a", encoding="utf-8") as file:
            file.write(row)

    return change


def other_shard(step: Path) -> None:
    """Adds a file with a column more."""
    rows_file(step).with_name("part-1.csv").write_text("id,amount,age,balance,country,channel,x\n")


def no_model(step: Path) -> None:
    """Removes the model."""
    (step / "processing" / "input" / "model" / "model.tar.gz").unlink()


def headers_only(step: Path) -> None:
    """Leaves no rows."""
    header, _, _ = rows_file(step).read_text(encoding="utf-8").partition("\n")
    rows_file(step).write_text(f"{header}\n", encoding="utf-8")


def all_text(step: Path) -> None:
    """Makes a numerical column useless."""
    table = pd.read_csv(rows_file(step), dtype="str", keep_default_na=False)
    table["amount"] = table["amount"].str.replace(".", ",")
    table["amount"] = table["amount"] + ",5"
    table.to_csv(rows_file(step), index=False)


FAULTS: dict[str, tuple[Callable[[Path], object], dict[str, str], str]] = {
    "no model": (no_model, {}, "is no model directory"),
    "no rows": (headers_only, {}, "no rows, only headers"),
    "broken row": (broken_row, {}, "row 301 has 2"),
    "missing column": (renamed("amount", "amonut"), {}, "columns missing: 'amount' (nearest"),
    "taken name": (renamed("isCard", "isCard_prob"), {}, "scoring adds: 'isCard_prob'"),
    "infinite": (
        appended("x,inf,1,1,DE,web,0,0,0\n"),
        {},
        "the first in input/part-0.csv, row 301",
    ),
    "open quote": (appended('x,1,1,1,"DE,web,0,0,0\n'), {}, "quote that is never closed"),
    "no number": (all_text, {}, "found none: column 'amount' has 300 texts"),
    "other columns": (other_shard, {}, "only in input/part-1.csv: 'x'"),
    "no UTF-8": (
        lambda step: rows_file(step).write_bytes(
            rows_file(step).read_bytes() + b"x,1,1,1,\xff\xfe,web,0,0,0\n"
        ),
        {},
        "in column 'country', row 301",
    ),
    "format": (lambda _: None, {"OUTPUT_FORMAT": "xml"}, "OUTPUT_FORMAT must be one of csv"),
    "orient": (lambda _: None, {"JSON_ORIENT": "table"}, "cannot be written row by row"),
    "unknown orient": (lambda _: None, {"JSON_ORIENT": "x"}, "JSON_ORIENT must be one of"),
    "tasks": (lambda _: None, {"TASK_LABEL_NAMES": '["isFraud"]'}, "the model's tasks are"),
    "no list": (lambda _: None, {"TASK_LABEL_NAMES": "[1]"}, "JSON list of names"),
    "reasons": (lambda _: None, {"REASONS": "-1"}, "whole number from 0 on"),
    "flag": (lambda _: None, {"USE_PRECOMPUTED_IMPUTATION": "maybe"}, "must be true, false"),
    "not imputed": (
        lambda _: None,
        {"USE_PRECOMPUTED_IMPUTATION": "true"},
        "USE_PRECOMPUTED_IMPUTATION is true",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failed_step_says_why_and_leaves_nothing_else(step: Path, name: str) -> None:
    damage, environ, message = FAULTS[name]
    damage(step)
    (output(step) / "_SUCCESS").touch()
    (output(step) / "predictions.csv").write_text("of an earlier run")
    assert run_here(step, **environ) == 1
    assert names(output(step)) == ["_FAILURE", "predictions.csv"]
    first, *others = (output(step) / "_FAILURE").read_text(encoding="utf-8").splitlines()
    assert message in first
    assert others == []
    assert (output(step) / "predictions.csv").read_text() == "of an earlier run"


@pytest.mark.parametrize("inner", ["", "scored"])
def test_an_output_among_the_rows_is_refused(step: Path, finished_job: Path, inner: str) -> None:
    rows = rows_file(step).parent
    places = BatchPlaces(finished_job / "model", rows, rows / inner)
    assert run_in_this_process(places, {}) == 1
    assert "the next run would score its own predictions" in places.failure.read_text()
    assert [path.name for path in rows.rglob("predictions*")] == []


@pytest.mark.parametrize("wanted", ["csv", "parquet"])
def test_many_small_blocks_give_the_same_file(
    step: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    assert run_here(step, OUTPUT_FORMAT=wanted) == 0
    expected = read_exactly(output(step) / f"predictions.{wanted}", wanted)
    monkeypatch.setattr("scoring.batch.pipeline._ADDED_VALUES_PER_BLOCK", 3 * 7)
    monkeypatch.setattr("scoring.batch.blocks.BLOCK_BYTES", 1000)
    assert run_here(step, OUTPUT_FORMAT=wanted) == 0
    pd.testing.assert_frame_equal(
        read_exactly(output(step) / f"predictions.{wanted}", wanted), expected
    )


def test_calibrated_columns_and_reasons(step: Path, finished_job: Path) -> None:
    model = step / "processing" / "input" / "model"
    shutil.rmtree(model)
    shutil.copytree(finished_job / "model", model)
    (model / "calibration").mkdir()
    document = {name: [(0.0, 0.0), (1.0, 0.5)] for name in PROBS}
    (model / "calibration" / "calibration_models_dict.pkl").write_bytes(pickle.dumps(document))
    assert run_here(step, REASONS="2") == 0
    found = read_exactly(output(step) / "predictions.csv", "csv")
    added = list(found.columns)[-3 - 3 - 3 * 4 :]
    assert added == [
        *PROBS,
        *(f"{name}_calibrated" for name in PROBS),
        *(
            f"{task}_reason_{number}{what}"
            for task in TASKS
            for number in (1, 2)
            for what in ("", "_contribution")
        ),
    ]
    for name in PROBS:
        halved = found[f"{name}_calibrated"].astype(float).to_numpy()
        np.testing.assert_allclose(halved, found[name].to_numpy() / 2, rtol=1e-15)
    assert set(found["isFraud_reason_1"]) <= {"", "amount", "age", "balance", "country", "channel"}
    assert (found["isFraud_reason_1"] == "").equals(found["isFraud_reason_1_contribution"] == "")
