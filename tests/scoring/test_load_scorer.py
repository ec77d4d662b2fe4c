"""Model directories: where they are found, and that their parts must belong together."""

import json
import os
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from exceptions import ArtifactError
from scoring.model_directory import load_scorer
from scoring.scorer import Scorer


@pytest.fixture
def model(finished_job: Path, tmp_path: Path) -> Path:
    """A copy of a model directory."""
    return Path(shutil.copytree(finished_job / "model", tmp_path / "model"))


def pack(model: Path, archive: Path, prefix: str = "") -> Path:
    """The directory as a `model.tar.gz`."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model.iterdir()):
            tar.add(path, f"{prefix}{path.name}")
    return archive


@pytest.mark.parametrize("prefix", ["", "model/", "./"])
@pytest.mark.parametrize("as_folder", [False, True])
def test_an_archive_is_as_good(
    model: Path, tmp_path: Path, scorer: Scorer, rows: pa.Table, prefix: str, *, as_folder: bool
) -> None:
    archive = pack(model, tmp_path / "input" / "model.tar.gz", prefix)
    found = load_scorer(archive.parent if as_folder else archive)
    np.testing.assert_array_equal(found.score(rows), scorer.score(rows))


def test_an_archive_has_the_calibration_in_its_folder(model: Path, tmp_path: Path) -> None:
    (model / "calibration").mkdir()
    table = {f"{task}_prob": [(0, 0), (1, 1)] for task in ("isFraud", "isCard", "isDebit")}
    (model / "calibration" / "calibration_models_dict.pkl").write_bytes(pickle.dumps(table))
    assert load_scorer(pack(model, tmp_path / "model.tar.gz")).calibration is not None


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_no_model(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("no archive")
    with pytest.raises(ArtifactError, match=r"wanted a model directory|not a readable tar.gz"):
        load_scorer(tmp_path / name)


def edit_json(name: str, edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Changes a JSON file of the directory."""

    def change(model: Path) -> None:
        document = json.loads((model / name).read_text(encoding="utf-8"))
        edit(document)
        (model / name).write_text(json.dumps(document), encoding="utf-8")

    return change


def edit_pickle(name: str, edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Changes a pickle of the directory."""

    def change(model: Path) -> None:
        document = pickle.loads((model / name).read_bytes())
        edit(document)
        (model / name).write_bytes(pickle.dumps(document))

    return change


def edit_text(name: str, old: str, new: str) -> Callable[[Path], object]:
    """Replaces text in a file of the directory."""

    def change(model: Path) -> None:
        text = (model / name).read_text(encoding="utf-8")
        assert old in text
        (model / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def remove(name: str) -> Callable[[Path], object]:
    """Removes a file of the directory."""
    return lambda model: (model / name).unlink()


def empty(model: Path) -> None:
    """Removes all files of the directory."""
    for path in model.iterdir():
        path.unlink()


def pipe_for(name: str) -> Callable[[Path], object]:
    """Puts a pipe in a file's place, which nobody writes to."""

    def change(model: Path) -> None:
        (model / name).unlink()
        os.mkfifo(model / name)

    return change


MODEL, COLUMNS, SELECTED = "lightgbmmt_model.txt", "feature_columns.txt", "selected_features.json"
SETTINGS, IMPUTE, RISKS = "hyperparameters.json", "impute_dict.pkl", "risk_table_map.pkl"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    **{f"no {name}": (remove(name), f"wanted {name}") for name in (MODEL, COLUMNS, SETTINGS)},
    **{f"no {name} ": (remove(name), f"wanted {name}") for name in (SELECTED, IMPUTE, RISKS)},
    "nothing": (empty, "found nothing"),
    "another order": (
        edit_json(SELECTED, lambda d: d["selected_features"].reverse()),
        "does not belong to .*: wanted the same features in the same order",
    ),
    "columns of another model": (
        edit_text(COLUMNS, "1,age", "1,balance"),
        "does not belong to .*selected_features.json",
    ),
    "trees of other features": (
        edit_text(MODEL, "feature_names=amount", "feature_names=price"),
        "lightgbmmt_model.txt does not belong to .*feature_columns.txt: their features differ",
    ),
    "a selected feature that is none": (
        edit_json(SELECTED, lambda d: d["selected_features"].append("extra")),
        "neither in tab_field_list nor in cat_field_list",
    ),
    "fewer tasks": (
        edit_json(SETTINGS, lambda d: d["task_label_names"].pop()),
        "it has 3 tasks, task_label_names has 2",
    ),
    "no tasks": (edit_json(SETTINGS, lambda d: d.pop("task_label_names")), "task_label_names as a"),
    "a list that is none": (
        edit_json(SETTINGS, lambda d: d.update(cat_field_list="country")),
        "cat_field_list as a list of different names",
    ),
    "no id": (edit_json(SETTINGS, lambda d: d.update(id_name=7)), "name of the id column"),
    "no JSON": (lambda model: (model / SETTINGS).write_text("{"), "not valid JSON"),
    "a column without a mean": (
        edit_pickle(IMPUTE, lambda d: d.pop("age")),
        "impute_dict.pkl: missing entries: 'age'",
    ),
    "a mean that is none": (
        edit_pickle(IMPUTE, lambda d: d.update(age=float("nan"))),
        "wanted a finite number",
    ),
    "a column without a table": (
        edit_pickle(RISKS, lambda d: d.pop("country")),
        "risk_table_map.pkl: missing entries: 'country'",
    ),
    "a pickle that runs something": (
        lambda model: (model / RISKS).write_bytes(b"cposix\nsystem\n(S'true'\ntR."),
        "posix.system",
    ),
    "a model that is no text": (
        lambda model: (model / MODEL).write_bytes(b"tree\n\xff\xfe"),
        "not UTF-8 text",
    ),
    "a model with wrong sizes": (
        edit_text(MODEL, "tree_sizes=", "tree_sizes=1"),
        "lightgbmmt_model.txt: damaged: tree_sizes",
    ),
    "a pipe": (pipe_for(MODEL), "cannot be read: it is a pipe"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_parts_that_do_not_belong_together_are_refused(model: Path, name: str) -> None:
    damage, message = DAMAGES[name]
    damage(model)
    with pytest.raises(ArtifactError, match=message) as caught:
        load_scorer(model)
    assert "\n" not in str(caught.value)


def test_categories_of_a_table_that_another_job_wrote(model: Path, rows: pa.Table) -> None:
    """It says `1.0` where our rows' category is `1`."""
    expected = load_scorer(model).score(rows)

    def rename(tables: dict[str, Any]) -> None:
        bins = tables["country"]["bins"]
        bins["1.0"] = bins.pop("1")

    edit_pickle(RISKS, rename)(model)
    np.testing.assert_array_equal(load_scorer(model).score(rows), expected)
