"""The example data sets and the view of the results: real calls, few rows."""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from examples import ai4i2020, payments, show_results
from examples.tree import FileFormat, write_splits
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters

ROWS = payments.MIN_ROWS
AI4I_CSV = Path(__file__).parents[3] / "shared" / "data" / "ai4i2020" / "ai4i2020.csv"
TEXT_COLUMNS = [payments.ID_NAME, *payments.CATEGORICAL]


def read_channel(
    base: Path, split: str, text_columns: list[str], file_format: FileFormat = "csv"
) -> pd.DataFrame:
    """All shards of a channel as one table, read without the project's own readers."""
    files = sorted((base / "input" / "data" / split).glob(f"*.{file_format}"))
    assert files, f"no {file_format} file in {split}"
    if file_format == "parquet":
        parts = [pd.read_parquet(file) for file in files]
    else:
        parts = [
            pd.read_csv(
                file,
                sep="\t" if file_format == "tsv" else ",",
                dtype=dict.fromkeys(text_columns, "str"),
                keep_default_na=False,
                na_values=[""],
            )
            for file in files
        ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def splits() -> dict[str, pd.DataFrame]:
    return payments.make_splits(ROWS, seed=3)


def test_payments_have_the_columns_sizes_and_rates_that_are_promised(
    splits: dict[str, pd.DataFrame],
) -> None:
    assert {name: len(table) for name, table in splits.items()} == {
        "train": ROWS,
        "val": ROWS // 3,
        "test": ROWS // 3,
    }
    for table in splits.values():
        expected = [*TEXT_COLUMNS, *payments.NUMERICAL, payments.PREVIOUS_SCORE, *payments.TASKS]
        assert list(table.columns) == expected
        for task, rate in payments.FRAUD_RATES.items():
            assert table[task].isin([0, 1]).all()
            assert table[task].sum() == round(rate * len(table)) > 0
        kinds = table[payments.TASKS[1:]].any(axis=1)
        assert (table.loc[kinds, payments.MAIN_TASK] == 1).all()
        assert table[payments.MAIN_TASK].sum() > kinds.sum()


def test_payments_have_what_makes_real_tables_hard(splits: dict[str, pd.DataFrame]) -> None:
    table = pd.concat(splits.values())
    assert table[payments.ID_NAME].is_unique
    assert table[payments.ID_NAME].str.fullmatch(r"\d{9}").all()
    assert table[payments.ID_NAME].str.startswith("0").all()
    assert {"0742", "0763", "5411"} <= set(table["mcc"])
    assert (table["country"] == "NA").any()
    assert table["country"].isna().any()
    assert table["merchant"].nunique() > 100
    # A number is missing where it does not apply, and only there.
    assert table["card_age_days"].notna().equals(table["method"] == "card")
    assert table["device"].isna().equals(table["method"] == "direct_debit")


def test_same_seed_same_payments_other_seed_others(splits: dict[str, pd.DataFrame]) -> None:
    again = payments.make_splits(ROWS, seed=3)
    other = payments.make_splits(ROWS, seed=4)
    for name, table in splits.items():
        pd.testing.assert_frame_equal(table, again[name])
        assert not table["amount"].equals(other[name]["amount"])


def test_too_few_payments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1500 rows are needed, not 1499"):
        payments.make_splits(ROWS - 1)


@pytest.mark.parametrize("file_format", get_args(FileFormat))
def test_every_format_holds_the_payments_that_were_made(
    tmp_path: Path, splits: dict[str, pd.DataFrame], file_format: FileFormat
) -> None:
    payments.write_tree(tmp_path, ROWS, 3, file_format, "adaptive")
    for name, table in splits.items():
        written = read_channel(tmp_path, name, TEXT_COLUMNS, file_format)
        pd.testing.assert_frame_equal(written, table, check_dtype=False)
    files = sorted(file.name for file in (tmp_path / "input" / "data" / "train").iterdir())
    assert files == ["_SUCCESS", *(f"part-0000{i}.{file_format}" for i in range(3))]


@pytest.mark.parametrize("settings", [payments.hyperparameters(), ai4i2020.hyperparameters()])
def test_the_job_accepts_the_hyperparameters(settings: dict[str, object]) -> None:
    accepted = LightGBMMtModelHyperparameters.model_validate(settings).model_dump()
    assert {name: accepted[name] for name in settings} == settings


def test_a_tree_is_not_mixed_with_an_earlier_one(
    tmp_path: Path, splits: dict[str, pd.DataFrame]
) -> None:
    write_splits(tmp_path, {"val": splits["val"]}, {})
    with pytest.raises(FileExistsError, match=r"these folders are not empty: .*input/data/val$"):
        write_splits(tmp_path, splits, {}, "parquet")
    assert not (tmp_path / "input" / "data" / "train").exists()


def test_payments_command_line(tmp_path: Path, splits: dict[str, pd.DataFrame]) -> None:
    base = tmp_path / "a tree"
    options = f"--rows {ROWS} --seed 3 --format tsv --loss-type adaptive_kd".split()
    done = subprocess.run(
        [sys.executable, "-m", "examples.payments", base, *options],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"payments: 1,500 training rows written to {base} (tsv)\n"
    written = read_channel(base, "test", TEXT_COLUMNS, "tsv")
    pd.testing.assert_frame_equal(written, splits["test"], check_dtype=False)
    settings = json.loads((base / "code/hyperparams/hyperparameters.json").read_text("utf-8"))
    assert settings == payments.hyperparameters("adaptive_kd", seed=3)


def write_machines(path: Path, n_rows: int) -> Path:
    """A file in AI4I's form: byte-order mark, Windows line ends, the published columns."""
    header = ["UDI", "Product ID", "Type", *ai4i2020.NUMERICAL, *ai4i2020.TASKS, "RNF"]
    lines = [",".join(header)]
    for i in range(1, n_rows + 1):
        lines.append(f"{i},M{i},{'LMH'[i % 3]},298.{i % 10},308.6,{1400 + i},42.8,{i},0,0,0,0,0,0")
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())
    return path


@pytest.mark.parametrize("file_format", get_args(FileFormat))
def test_ai4i_is_split_60_20_20_without_loss(tmp_path: Path, file_format: FileFormat) -> None:
    source = write_machines(tmp_path / "machines.csv", 50)
    ai4i2020.write_tree(source, tmp_path / "ml", seed=1, file_format=file_format)
    parts = [
        read_channel(tmp_path / "ml", split, ["UDI"], file_format)
        for split in ("train", "val", "test")
    ]
    assert [len(part) for part in parts] == [30, 10, 10]
    together = pd.concat(parts).sort_values("UDI", key=lambda ids: ids.astype(int))
    original = pd.read_csv(source, encoding="utf-8-sig", dtype={"UDI": "str"})
    pd.testing.assert_frame_equal(together.reset_index(drop=True), original, check_dtype=False)


def test_ai4i_split_depends_on_the_seed_alone(tmp_path: Path) -> None:
    source = write_machines(tmp_path / "machines.csv", 50)
    ids = []
    for i, seed in enumerate([1, 1, 2]):
        ai4i2020.write_tree(source, tmp_path / str(i), seed)
        ids.append(list(read_channel(tmp_path / str(i), "test", ["UDI"])["UDI"]))
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.skipif(not AI4I_CSV.exists(), reason="the AI4I 2020 table is not there")
def test_real_ai4i_has_positives_of_every_task_in_every_split(tmp_path: Path) -> None:
    ai4i2020.write_tree(AI4I_CSV, tmp_path)
    for split, n_rows in {"train": 6000, "val": 2000, "test": 2000}.items():
        table = read_channel(tmp_path, split, ["UDI"])
        assert len(table) == n_rows
        assert (table[ai4i2020.TASKS].sum() > 0).all()


def write_results(base: Path, metrics: Mapping[str, Mapping[str, object]]) -> None:
    """What a finished job leaves, as far as the view reads it."""
    folder = base / "output" / "data"
    folder.mkdir(parents=True)
    content = json.dumps(metrics).encode()
    with tarfile.open(folder / "test.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("test/metrics.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    (base / "model").mkdir()
    (base / "model" / "lightgbmmt_model.txt").write_bytes(b"x" * 1_234_567)
    (base / "model" / "notes").write_bytes(b"x" * 12)


FULL_METRICS = {
    "auc_roc": 0.9,
    "average_precision": 0.5,
    "f1_score": 0.1,
    "log_loss": 0.25,
    "n_rows": 2000,
    "n_positives": 60,
    "best_f1_threshold": 0.125,
    "f1_at_best_threshold": 0.6,
    "defined": True,
}


def test_results_are_shown_as_an_aligned_table(tmp_path: Path) -> None:
    one_class = {"auc_roc": 0.5, "average_precision": 0.5, "f1_score": 0.0, "defined": False}
    write_results(
        tmp_path,
        {
            "task_0_isFraud": FULL_METRICS,
            "task_1_task_1_odd/name": FULL_METRICS | {"auc_roc": 0.8, "best_f1_threshold": None},
            "task_2_none": one_class | {"n_rows": 2000, "n_positives": 0, "log_loss": None},
            "aggregate": {"mean_auc_roc": 0.85},
        },
    )
    shown = show_results.show(tmp_path).splitlines()
    assert shown[0] == "Test split (2,000 rows), 3 tasks, one model"
    assert [line.split() for line in shown[4:7]] == [
        ["isFraud", "60", "3.00%", "0.9000", "0.5000", "0.2500", "0.600", "0.125"],
        ["task_1_odd/name", "60", "3.00%", "0.8000", "0.5000", "0.2500", "0.600", "-"],
        ["none", "0", "0.00%", "-", "-", "-", "-", "-"],
    ]
    assert shown[8].split() == ["mean", "0.8500", "0.5000", "0.2500", "0.600"]
    assert len({len(line) for line in shown[2:8]}) == 1
    assert shown[12].split() == [
        "model/lightgbmmt_model.txt",
        "1.2",
        "MB",
        *show_results.CONTENTS["lightgbmmt_model.txt"].split(),
    ]
    assert shown[13].split() == ["model/notes", "12", "B"]
    assert shown[14].startswith("  output/data/test.tar.gz")
    assert len(shown) == 15
    report = tmp_path / "output" / "data" / "report.html"
    report.write_text("<!DOCTYPE html>")
    named = show_results.show(tmp_path).splitlines()
    assert named[-2:] == ["", f"Open in a browser: {report.resolve()}"]


def test_results_with_the_specified_keys_only(tmp_path: Path) -> None:
    scores = {"auc_roc": 0.75, "average_precision": 0.5, "f1_score": 0.1}
    write_results(tmp_path, {"task_0_a": scores, "aggregate": {}})
    assert show_results.show(tmp_path).splitlines()[4].split() == [
        *["a", "-", "-", "0.7500", "0.5000", "-", "-", "-"]
    ]


def test_results_before_the_job_ran(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.show_results", tmp_path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"there is no {tmp_path}/output/data/test.tar.gz: run the job with test data first\n"
    )
