"""Precomputed artifacts are found, loaded and checked, each fault with file and key."""

import json
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from exceptions import ArtifactError, DataError
from processing.features.artifacts import (
    PrecomputedArtifacts,
    check_can_be_read,
    check_no_missing,
    load_artifacts,
)
from processing.writing.atomic import write_json, write_pickle

NUMERICAL = ["amount", "Air temperature [K]"]
CATEGORICAL = ["country"]
IMPUTE = {"amount": 1.5, "Air temperature [K]": 300.0}
TABLES = {"country": {"bins": {"NA": 0.25, "01": 0.5}, "default_bin": 0.1}}
SELECTED = {"selected_features": ["country", "amount"]}


def load(folder: Path, which: str = "irf") -> PrecomputedArtifacts:
    return load_artifacts(
        folder,
        imputation="i" in which,
        risk_tables="r" in which,
        features="f" in which,
        numerical=NUMERICAL,
        categorical=CATEGORICAL,
    )


def fill(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    write_pickle(folder / "impute_dict.pkl", IMPUTE)
    write_pickle(folder / "risk_table_map.pkl", TABLES)
    write_json(folder / "selected_features.json", SELECTED)


def pack(source: Path, archive: Path, prefix: str = "") -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(source.iterdir()):
            tar.add(path, f"{prefix}{path.name}")


def test_artifacts_are_loaded_from_the_folder(tmp_path: Path) -> None:
    fill(tmp_path)
    assert load(tmp_path) == PrecomputedArtifacts(IMPUTE, TABLES, ["country", "amount"])  # type: ignore[arg-type]
    assert load(tmp_path, "") == PrecomputedArtifacts(None, None, None)


@pytest.mark.parametrize("prefix", ["", "./", "model/"])
def test_artifacts_are_loaded_from_the_archive_and_leave_nothing(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    fill(tmp_path / "made")
    channel = tmp_path / "channel"
    channel.mkdir()
    pack(tmp_path / "made", channel / "model.tar.gz", prefix)
    assert load(channel).impute_dict == IMPUTE
    assert list(aside.iterdir()) == []
    assert [path.name for path in channel.iterdir()] == ["model.tar.gz"]


def test_a_file_in_the_folder_wins_over_the_archive(tmp_path: Path) -> None:
    fill(tmp_path / "made")
    channel = tmp_path / "channel"
    channel.mkdir()
    pack(tmp_path / "made", channel / "model.tar.gz")
    write_pickle(channel / "impute_dict.pkl", {**IMPUTE, "amount": 7.0})
    loaded = load(channel)
    assert loaded.impute_dict == {**IMPUTE, "amount": 7.0}
    assert loaded.risk_tables == TABLES


def test_values_become_plain_and_entries_of_other_columns_stay(tmp_path: Path) -> None:
    values = {np.str_("amount"): np.float32(1.5), "Air temperature [K]": 3, "other": np.float64(2)}
    write_pickle(tmp_path / "impute_dict.pkl", values)
    loaded = load(tmp_path, "i").impute_dict
    assert loaded == {"amount": 1.5, "Air temperature [K]": 3.0, "other": 2.0}
    assert {(type(name), type(value)) for name, value in loaded.items()} == {(str, float)}


def test_with_selected_features_only_their_entries_are_needed(tmp_path: Path) -> None:
    fill(tmp_path)
    write_pickle(tmp_path / "impute_dict.pkl", {"amount": 1.5})
    assert load(tmp_path, "if").impute_dict == {"amount": 1.5}
    with pytest.raises(ArtifactError, match=r"impute_dict\.pkl: missing entries: 'Air temp"):
        load(tmp_path, "i")


def test_missing_artifacts_are_reported_together_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "impute.pkl").touch()
    with pytest.raises(
        ArtifactError,
        match=r"wanted impute_dict\.pkl, risk_table_map\.pkl, directly or in model\.tar\.gz, "
        r"because USE_PRECOMPUTED_IMPUTATION, USE_PRECOMPUTED_RISK_TABLES is true; "
        r"found impute\.pkl$",
    ):
        load(tmp_path, "ir")
    with pytest.raises(ArtifactError, match=r"it does not exist$"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match=r"found nothing$"):
        load(tmp_path / "empty")


class Attack:
    """Pickles as a call."""

    def __reduce__(self) -> Any:
        return os.system, ("exit 1",)


IMPUTE_FAULTS: dict[str, tuple[object, str]] = {
    "a list": ([1.0], "wanted {column: value}, found a list"),
    "no text": ({1: 1.0}, "found 1 keys that are no text but int"),
    "lacking": ({"amount": 1.0}, "missing entries: 'Air temperature \\[K\\]'"),
    "text value": ({**IMPUTE, "amount": "1.5"}, "found: amount: a str"),
    "bool value": ({**IMPUTE, "amount": True}, "found: amount: a bool"),
    "NaN": ({**IMPUTE, "amount": float("nan")}, "found: amount: nan"),
    "infinite": ({**IMPUTE, "amount": float("inf")}, "found: amount: inf"),
    "too large": ({**IMPUTE, "amount": 1e39}, "found: amount: 1e\\+39"),
    "huge integer": ({**IMPUTE, "amount": 10**400}, "found: amount: an integer"),
    "an array": ({**IMPUTE, "amount": np.ones(2)}, "found: amount: a ndarray"),
    "an attack": ({**IMPUTE, "amount": Attack()}, r"asks for posix\.system"),
}


@pytest.mark.parametrize("name", IMPUTE_FAULTS)
@pytest.mark.parametrize("in_archive", [False, True])
def test_a_malformed_impute_dict_names_file_and_key(
    name: str, in_archive: bool, tmp_path: Path
) -> None:
    document, message = IMPUTE_FAULTS[name]
    made = tmp_path / "made"
    made.mkdir()
    (made / "impute_dict.pkl").write_bytes(pickle.dumps(document))
    where = r"made/impute_dict\.pkl"
    if in_archive:
        pack(made, made / "model.tar.gz")
        (made / "impute_dict.pkl").unlink()
        where = r"made/model\.tar\.gz: impute_dict\.pkl"
    with pytest.raises(ArtifactError, match=f"{where}: .*{message}"):
        load(made, "i")


def table(**changes: object) -> dict[str, object]:
    return {"country": {**TABLES["country"], **changes}}


TABLE_FAULTS: dict[str, tuple[object, str]] = {
    "None": (None, "found a NoneType"),
    "lacking": ({}, "missing entries: 'country'"),
    "flat": ({"country": 0.5}, "column 'country': wanted .*bins.*, found a float"),
    "no bins": ({"country": {"default_bin": 0.1}}, "column 'country': missing entries: 'bins'"),
    "no default": ({"country": {"bins": {}}}, "missing entries: 'default_bin'"),
    "bins a list": (table(bins=[0.1]), "column 'country', \"bins\": wanted .* found a list"),
    "integer categories": (table(bins={1: 0.1, 2: 0.2}), "found 2 keys that are no text but int"),
    "text risk": (table(bins={"01": "high"}), "found: country, bins, 01: a str"),
    "NaN risk": (table(bins={"01": float("nan")}), "found: country, bins, 01: nan"),
    "no risk": (table(default_bin=None), "found: country, default_bin: a NoneType"),
}


@pytest.mark.parametrize("name", TABLE_FAULTS)
def test_malformed_risk_tables_name_file_column_and_key(name: str, tmp_path: Path) -> None:
    document, message = TABLE_FAULTS[name]
    write_pickle(tmp_path / "risk_table_map.pkl", document)
    with pytest.raises(ArtifactError, match=rf"risk_table_map\.pkl: .*{message}"):
        load(tmp_path, "r")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is not valid JSON: Expecting property name"),
        (b"\xff\xfe", "is not UTF-8 text: byte 0xff at line 1"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "the key .* is missing"),
        (b'{"selected_features": ["amuont"]}', r"'amuont' \(nearest: 'amount'\)"),
        (b" " * (16 * 2**20 + 1), "larger than 16 MiB"),
    ],
    ids=["cut", "no UTF-8", "deep", "no key", "unknown", "large"],
)
def test_malformed_selected_features_name_the_file(
    data: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "selected_features.json").write_bytes(data)
    with pytest.raises(ArtifactError, match=rf"selected_features\.json.* .*{message}"):
        load(tmp_path, "f")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps(SELECTED)
    (tmp_path / "selected_features.json").write_text(text, encoding="utf-8")
    assert load(tmp_path, "f").selected_features == ["country", "amount"]


def test_check_no_missing_names_flag_split_columns_and_counts() -> None:
    df = pd.DataFrame({"a": [1.0, np.nan, np.nan], "b": [1.0, 2.0, 3.0], "c": [np.nan, 1.0, 2.0]})
    check_no_missing(df, ["b"], "val", "USE_PRECOMPUTED_IMPUTATION")
    with pytest.raises(
        ArtifactError,
        match=r"^USE_PRECOMPUTED_IMPUTATION is true, so val must .*: "
        r"'a' \(2 of 3 rows\), 'c' \(1 of 3 rows\)$",
    ):
        check_no_missing(df, ["a", "b", "c"], "val", "USE_PRECOMPUTED_IMPUTATION")


def test_risk_tables_are_refused_where_reading_them_would_be(tmp_path: Path) -> None:
    def tables(n_categories: int) -> dict[str, Any]:
        bins = {f"{number:07d}": number / n_categories for number in range(n_categories)}
        return {"few": TABLES["country"], "many": {"bins": bins, "default_bin": 0.5}}

    write_pickle(tmp_path / "size", tables(20_000))
    size = (tmp_path / "size").stat().st_size
    check_can_be_read(tables(20_000), max_bytes=size)
    message = (
        r"risk_table_map\.pkl would take .* categories: 'many' 20,000, 'few' 2: leave out columns"
    )
    with pytest.raises(DataError, match=message):
        check_can_be_read(tables(20_000), max_bytes=size - 1)
