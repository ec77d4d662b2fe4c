"""The archive of a split's evaluation."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processing.writing import evaluation_output
from processing.writing.evaluation_output import prediction_columns, write_evaluation

FORMATS = pytest.mark.parametrize("data_format", ["csv", "tsv", "parquet"])
SEPARATORS = {"csv": ",", "tsv": "\t"}


def draw(folder: Path) -> None:
    (folder / "val_task_1_b_roc.jpg").write_bytes(b"second")
    (folder / "val_task_0_ä [K]_roc.jpg").write_bytes(b"first")


def write(output_dir: Path, data_format: str = "csv", split: str = "val", **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    arguments: dict[str, Any] = {
        "ids": pd.Series(["00123", "7", "x y"], dtype="str"),
        "id_name": "id",
        "task_columns": ["isFraud", "b"],
        "y_true": {0: np.array([0, 1, 1], np.uint8), 1: np.array([1.0, np.nan, 0.0], np.float32)},
        "y_prob": rng.random((3, 2)) ** 9,
        "metrics": {"task_0_isFraud": {"auc_roc": 0.5, "log_loss": None}},
        "plot": draw,
    }
    archive = output_dir / f"{split}.tar.gz"
    write_evaluation(archive, split, data_format=data_format, **(arguments | changes))
    return archive


def member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def read_predictions(archive: Path, data_format: str, split: str = "val") -> pd.DataFrame:
    content = io.BytesIO(member(archive, f"{split}/predictions.{data_format}"))
    if data_format == "parquet":
        return pd.read_parquet(content)
    sep = SEPARATORS[data_format]
    frame = pd.read_csv(content, sep=sep, dtype=str, keep_default_na=False)
    figures = frame.columns[1:]
    return (
        frame.astype(dict.fromkeys(figures, "object"))
        .replace({"": "nan"})
        .astype(dict.fromkeys(figures, float))
    )


@FORMATS
@pytest.mark.parametrize("split", ["val", "test"])
def test_members_and_nothing_else(tmp_path: Path, data_format: str, split: str) -> None:
    archive = write(tmp_path, data_format, split)
    assert list(tmp_path.iterdir()) == [archive]
    with tarfile.open(archive, "r:gz") as tar:
        assert tar.getnames() == [
            f"{split}/predictions.{data_format}",
            f"{split}/metrics.json",
            f"{split}_metrics/val_task_0_ä [K]_roc.jpg",
            f"{split}_metrics/val_task_1_b_roc.jpg",
        ]
        assert all(info.isfile() and info.mtime == 0 for info in tar)
    assert member(archive, f"{split}_metrics/val_task_1_b_roc.jpg") == b"second"


def test_text_is_plain_where_nothing_needs_quotes(tmp_path: Path) -> None:
    archive = write(tmp_path, y_prob=np.array([[0.1, 1e-7], [0.25, 1.0], [1 / 3, 0.0]]))
    assert member(archive, "val/predictions.csv").decode().splitlines() == [
        "id,isFraud_true,isFraud_prob,b_true,b_prob",
        "00123,0,0.1,1,1e-7",
        "7,1,0.25,,1",
        "x y,1,0.3333333333333333,0,0",
    ]


@FORMATS
def test_predictions_can_be_read_back_exactly(tmp_path: Path, data_format: str) -> None:
    y_prob = np.random.default_rng(1).random((3, 2)) ** 20
    frame = read_predictions(write(tmp_path, data_format, y_prob=y_prob), data_format)
    assert list(frame) == prediction_columns("id", ["isFraud", "b"])
    assert frame["id"].tolist() == ["00123", "7", "x y"]
    assert frame["isFraud_true"].tolist() == [0, 1, 1]
    np.testing.assert_array_equal(frame["b_true"].to_numpy(float), [1, np.nan, 0])
    np.testing.assert_array_equal(frame[["isFraud_prob", "b_prob"]], y_prob)


def test_unknown_labels_are_null_and_known_ones_integers_in_parquet(tmp_path: Path) -> None:
    content = io.BytesIO(member(write(tmp_path, "parquet"), "val/predictions.parquet"))
    table = pq.read_table(content)
    assert table["b_true"].to_pylist() == [1, None, 0]
    assert str(table.schema.field("isFraud_true").type) == "int8"


@FORMATS
def test_row_numbers_stay_integers(tmp_path: Path, data_format: str) -> None:
    archive = write(tmp_path, data_format, ids=np.arange(3))
    if data_format == "parquet":
        assert read_predictions(archive, data_format)["id"].tolist() == [0, 1, 2]
    else:
        lines = member(archive, f"val/predictions.{data_format}").decode().splitlines()
        assert [line[:2] for line in lines[1:]] == [
            f"{i}{SEPARATORS[data_format]}" for i in (0, 1, 2)
        ]


ODD_TEXT = st.text(alphabet="a0,.\t\n\r\"' \\é欺/$", min_size=1, max_size=6)


@FORMATS
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(ODD_TEXT, min_size=3, max_size=3),
    names=st.lists(ODD_TEXT, min_size=3, max_size=3, unique=True),
)
def test_odd_names_and_ids_can_be_read_back(
    tmp_path: Path, data_format: str, ids: list[str], names: list[str]
) -> None:
    id_name, *tasks = names
    archive = write(
        tmp_path,
        data_format,
        ids=pd.Series(ids, dtype="str"),
        id_name=id_name,
        task_columns=tasks,
    )
    frame = read_predictions(archive, data_format)
    assert list(frame) == prediction_columns(id_name, tasks)
    assert frame[id_name].tolist() == ids


@FORMATS
def test_chunks_make_one_table(
    tmp_path: Path, data_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 25
    rng = np.random.default_rng(0)
    rows: dict[str, Any] = {
        "ids": pd.concat([pd.Series(["a"] * 12), pd.Series(["b,"] * 13)]).astype("str"),
        "y_true": {0: rng.integers(0, 2, n), 1: np.where(rng.random(n) < 0.5, 1.0, np.nan)},
        "y_prob": rng.random((n, 2)),
    }
    whole = read_predictions(write(tmp_path, data_format, **rows), data_format)
    monkeypatch.setattr(evaluation_output, "_CHUNK_ROWS", 10)
    chunked = read_predictions(write(tmp_path, data_format, **rows), data_format)
    assert len(chunked) == n
    pd.testing.assert_frame_equal(chunked, whole)


@FORMATS
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, data_format: str) -> None:
    first = write(tmp_path, data_format).read_bytes()
    assert first[4:8] == bytes(4), "the time in the header of gzip (RFC 1952)"
    assert write(tmp_path, data_format).read_bytes() == first


def test_metrics_are_readable_and_keep_names_unaltered(tmp_path: Path) -> None:
    metrics = {'task_0_ä "b"': {"auc_roc": 0.1 + 0.2, "log_loss": None, "defined": True}}
    content = member(write(tmp_path, metrics=metrics), "val/metrics.json")
    assert json.loads(content) == metrics
    assert "ä" in content.decode()


def test_metrics_hold_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path, metrics={"aggregate": {"mean_auc_roc": float("nan")}})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_and_the_old_archive_stays_when_drawing_fails(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    before = write(tmp_path).read_bytes()
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, plot=fail)
    assert [file.name for file in tmp_path.iterdir()] == ["val.tar.gz"]
    assert (tmp_path / "val.tar.gz").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.arange(2)}, r"\[\(2,\), \(3,\), \(3,\)\] and \(3, 2\)"),
        ({"y_true": {0: np.zeros(3), 1: np.zeros(4)}}, r"\[\(3,\), \(3,\), \(4,\)\] and \(3, 2\)"),
        ({"y_prob": np.zeros((3, 1))}, r"shape \(n, 2\), got shapes .* and \(3, 1\)"),
    ],
)
def test_faulty_shapes_are_printed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(tmp_path, **changes)
