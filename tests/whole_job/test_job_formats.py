"""Files of every kind through the whole job: the same data give the same model."""

import csv
import gzip
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs import members, model_file, model_json, predictions, run_job
from trees import FORMATS, ID_NAME, TASKS, hyperparameters, make_splits, write_table, write_tree

Convert = Callable[["pd.Series[Any]"], "pd.Series[Any]"]

ENDINGS = [*FORMATS, "csv.gz", "tsv.gz"]


def outcome(base: Path) -> tuple[bytes, list[pd.DataFrame]]:
    """What must not depend on how the data were written."""
    return model_file(base).read_bytes(), [predictions(base, split) for split in ("val", "test")]


def assert_same_outcome(base: Path, other: Path) -> None:
    (model, tables), (other_model, other_tables) = outcome(base), outcome(other)
    assert model == other_model
    for table, other_table in zip(tables, other_tables, strict=True):
        # Text holds all digits: not even the last bit of a probability is lost.
        pd.testing.assert_frame_equal(table, other_table, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_model_and_predictions(
    tmp_path: Path, finished_job: Path, ending: str
) -> None:
    run_job(write_tree(tmp_path, make_splits(), hyperparameters(), ending))
    assert_same_outcome(tmp_path, finished_job)
    format_of_predictions = ending.removesuffix(".gz")
    for split in ("val", "test"):
        assert f"{split}/predictions.{format_of_predictions}" in members(tmp_path, split)


def test_the_training_data_decide_the_format_of_all_predictions(
    tmp_path: Path, finished_job: Path
) -> None:
    splits = make_splits()
    write_tree(tmp_path, {"train": splits["train"]}, hyperparameters(), "tsv")
    write_tree(tmp_path, {"val": splits["val"]}, hyperparameters(), "parquet")
    write_tree(tmp_path, {"test": splits["test"]}, hyperparameters(), "csv.gz")
    run_job(tmp_path)
    assert_same_outcome(tmp_path, finished_job)
    assert "val/predictions.tsv" in members(tmp_path, "val")
    assert "test/predictions.tsv" in members(tmp_path, "test")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_shards_are_one_table_whatever_the_order_of_their_columns(
    tmp_path: Path, finished_job: Path, ending: str
) -> None:
    rng = np.random.default_rng(1)
    write_tree(tmp_path, {}, hyperparameters())
    for split, table in make_splits().items():
        folder = tmp_path / "input" / "data" / split
        bounds = [0, 10, 11, len(table) // 2, len(table)]
        for i, (start, end) in enumerate(itertools.pairwise(bounds)):
            shard = table[rng.permutation(table.columns)][start:end]
            if i == 2:
                shard = shard.assign(note="nobody asked for this")
            # In a subfolder, as writers of partitioned tables do.
            name = f"day={i}/part.{ending}" if i == 3 else f"{i}.{ending}"
            write_table(shard, folder / name)
        (folder / "_SUCCESS").touch()
        (folder / f".0.{ending}.crc").write_bytes(b"crc")
        (folder / f"_broken.{ending}").write_bytes(b"\x00")
        (folder / "_temporary").mkdir()
        (folder / "_temporary" / f"0.{ending}").write_bytes(b"\x00")
    run_job(tmp_path)
    assert_same_outcome(tmp_path, finished_job)


def with_byte_order_mark(content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def with_windows_line_ends(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def without_last_line_end(content: bytes) -> bytes:
    return content.removesuffix(b"\n")


def with_every_field_quoted(content: bytes) -> bytes:
    lines = [line.split(b",") for line in content.splitlines()]
    return b"\n".join(b",".join(b'"' + field + b'"' for field in line) for line in lines)


def in_two_gzip_members(content: bytes) -> bytes:
    return gzip.compress(content[:5000]) + gzip.compress(content[5000:])


@pytest.mark.parametrize(
    ("rewrite", "ending"),
    [
        (with_byte_order_mark, "csv"),
        (with_windows_line_ends, "csv"),
        (lambda content: with_byte_order_mark(with_windows_line_ends(content)), "csv"),
        (without_last_line_end, "csv"),
        (with_every_field_quoted, "csv"),
        (lambda content: in_two_gzip_members(with_byte_order_mark(content)), "csv.gz"),
    ],
)
def test_ways_to_write_the_same_text(
    tmp_path: Path, finished_job: Path, rewrite: Callable[[bytes], bytes], ending: str
) -> None:
    # The id is the first column, whose name a byte-order mark would change.
    write_tree(tmp_path, make_splits(), hyperparameters())
    for path in (tmp_path / "input" / "data").glob("*/*.csv"):
        content = path.read_bytes()
        path.unlink()
        path.with_name(f"part-0.{ending}").write_bytes(rewrite(content))
    run_job(tmp_path)
    assert_same_outcome(tmp_path, finished_job)


@pytest.mark.parametrize("ending", FORMATS)
def test_without_an_id_column_there_are_row_numbers(
    tmp_path: Path, finished_job: Path, ending: str
) -> None:
    splits = {name: table.drop(columns=ID_NAME) for name, table in make_splits().items()}
    write_tree(tmp_path, splits, hyperparameters(id_name="row"), ending)
    run_job(tmp_path)
    assert model_file(tmp_path).read_bytes() == model_file(finished_job).read_bytes()
    for split in ("val", "test"):
        table = predictions(tmp_path, split)
        assert table.columns[0] == "row"
        assert table["row"].astype("int64").tolist() == list(range(len(table)))


def test_parquet_integers_as_ids_become_their_digits(tmp_path: Path) -> None:
    splits = make_splits(200)
    large = {name: table.assign(id=2**62 + table.index) for name, table in splits.items()}
    run_job(write_tree(tmp_path, large, hyperparameters(num_iterations=1), "parquet"))
    ids = predictions(tmp_path, "test")["id"]
    assert ids.tolist() == [str(2**62 + row) for row in splits["test"].index]


ODD_IDS = [
    "00123",
    "NA",
    "nan",
    "null",
    "1e5",
    "1.0",
    " x ",
    "a,b",
    'say "x"',
    "a\tb",
    "é\n欺",
    "'",
]


@pytest.mark.parametrize("ending", FORMATS)
def test_ids_are_text_and_stay_as_they_are(tmp_path: Path, ending: str) -> None:
    splits = make_splits(200)
    splits["test"] = splits["test"][: len(ODD_IDS)].assign(id=ODD_IDS)
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=1), ending))
    content = members(tmp_path, "test")[f"test/predictions.{ending}"]
    if ending == "parquet":
        ids = pd.read_parquet(io.BytesIO(content))["id"].tolist()
    else:
        lines = io.StringIO(content.decode(), newline="")
        rows = csv.reader(lines, delimiter="\t" if ending == "tsv" else ",")
        ids = [row[0] for row in rows][1:]
    assert ids == ODD_IDS


# The same numbers and labels in types and spellings that formats and writers differ in.
SPELLINGS: dict[str, tuple[Convert, str]] = {
    "integer numbers": (lambda s: s.astype("Int64"), "parquet"),
    "text numbers": (lambda s: s.map(repr, na_action="ignore"), "parquet"),
    "float32": (lambda s: s.astype("float32"), "parquet"),
    "markers": (lambda s: s.astype("str").where(s.notna(), "N/A"), "csv"),
    "no numbers": (lambda s: s.astype("str").where(s.notna(), "unknown"), "csv"),
    "exponents": (lambda s: s.map("{:.6e}".format, na_action="ignore"), "tsv"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_numbers_in_other_types_are_the_same_numbers(
    tmp_path: Path,
    finished_job: Path,
    spelling: str,
    job_log: pytest.LogCaptureFixture,
) -> None:
    convert, ending = SPELLINGS[spelling]
    splits = {
        name: table.assign(balance=convert(table["balance"]))
        for name, table in make_splits().items()
    }
    run_job(write_tree(tmp_path, splits, hyperparameters(), ending))
    assert_same_outcome(tmp_path, finished_job)
    missing = int(make_splits()["train"]["balance"].isna().sum())
    message = f"train: column 'balance': {missing} texts are no numbers and count as missing"
    assert (message in job_log.text) == (spelling == "no numbers")


LABELS: dict[str, tuple[Convert, str]] = {
    "booleans": (lambda s: s.astype("bool"), "parquet"),
    "floats": (lambda s: s.astype("float64"), "csv"),
    "float32": (lambda s: s.astype("float32"), "parquet"),
    "text": (lambda s: s.astype("str"), "parquet"),
    "words": (lambda s: s.map({0: "False", 1: "true"}), "csv"),
    "spaces": (lambda s: s.map({0: " 0", 1: "1.0 "}), "tsv"),
}


@pytest.mark.parametrize("spelling", LABELS)
def test_labels_in_other_types_are_the_same_labels(
    tmp_path: Path, finished_job: Path, spelling: str
) -> None:
    convert, ending = LABELS[spelling]
    splits = {
        name: table.assign(**{task: convert(table[task]) for task in TASKS})
        for name, table in make_splits().items()
    }
    run_job(write_tree(tmp_path, splits, hyperparameters(), ending))
    assert_same_outcome(tmp_path, finished_job)


def risk_bins(base: Path) -> dict[str, float]:
    bins: dict[str, float] = pd.read_pickle(base / "model" / "risk_table_map.pkl")["country"][
        "bins"
    ]
    return bins


def test_categories_with_leading_zeros_are_categories_of_their_own(finished_job: Path) -> None:
    assert set(risk_bins(finished_job)) == {"DE", "NA", "FR", "01", "1"}
    bins = risk_bins(finished_job)
    assert bins["01"] - bins["1"] > 0.1


COUNTRY_CODES = {"DE": 1, "NA": 2, "FR": 30, "01": 4, "1": 5}


def splits_with_integer_categories(kind: Any) -> dict[str, pd.DataFrame]:
    """Splits whose countries are integers of a type, with missing values."""
    splits = make_splits(300)
    for name, table in splits.items():
        numbers = table["country"].map(COUNTRY_CODES)
        texts = numbers.astype("Int64").astype("str").where(numbers.notna(), None)
        splits[name] = table.assign(country=texts if kind == "text" else numbers.astype(kind))
    return splits


@pytest.fixture(scope="module")
def job_with_text_categories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("text")
    splits = splits_with_integer_categories("text")
    run_job(write_tree(base, splits, hyperparameters(num_iterations=20)))
    assert set(risk_bins(base)) == {"1", "2", "30", "4", "5"}
    assert model_json(base, "feature_importance.json")["country"] > 0
    return base


# With missing values pandas makes floats of integers, and CSV then shows them as `1.0`.
@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("float64", "csv"),
        ("Int64", "csv"),
        ("float64", "parquet"),
        ("Int64", "parquet"),
        ("float32", "parquet"),
        ("text", "parquet"),
        ("category", "parquet"),
    ],
)
def test_integer_categories_are_the_same_in_every_format_and_type(
    tmp_path: Path, job_with_text_categories: Path, kind: str, ending: str
) -> None:
    splits = splits_with_integer_categories(kind)
    # The splits need not agree in how they write a category either.
    splits["val"] = splits_with_integer_categories("text")["val"]
    run_job(write_tree(tmp_path, splits, hyperparameters(num_iterations=20), ending))
    assert_same_outcome(tmp_path, job_with_text_categories)
    assert risk_bins(tmp_path) == risk_bins(job_with_text_categories)
