"""Probabilities of raw rows: the bits of the job, one row or many, one thread or many."""

import threading
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from jobs import predictions
from numpy.typing import NDArray

from exceptions import DataError
from scoring.model_directory import load_scorer
from scoring.scorer import Scorer


@pytest.fixture(scope="module")
def expected(finished_job: Path, scorer: Scorer) -> NDArray[np.float64]:
    """What the job has written for the test split."""
    found = predictions(finished_job, "test")
    return found[[f"{task}_prob" for task in scorer.tasks]].to_numpy()


def test_what_a_scorer_says_of_itself(scorer: Scorer) -> None:
    assert scorer.tasks == ["isFraud", "isCard", "isDebit"]
    assert scorer.features == ["amount", "age", "balance", "country", "channel"]
    assert scorer.numerical == ["amount", "age", "balance"]
    assert scorer.categorical == ["country", "channel"]
    assert scorer.id_name == "id"
    assert scorer.calibration is None


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_bits_of_the_job(
    scorer: Scorer, rows: pa.Table, expected: NDArray[np.float64], n_threads: int
) -> None:
    np.testing.assert_array_equal(scorer.score(rows, n_threads), expected)


@pytest.mark.parametrize("size", [1, 2, 16, 17, 64, 65, 257])
def test_the_same_bits_in_batches_of_any_size(
    scorer: Scorer, rows: pa.Table, expected: NDArray[np.float64], size: int
) -> None:
    found = [scorer.score(batch) for batch in rows.to_batches(max_chunksize=size)]
    np.testing.assert_array_equal(np.concatenate(found), expected)


def test_columns_may_stand_anywhere_and_others_do_not_matter(
    scorer: Scorer, rows: pa.Table, expected: NDArray[np.float64]
) -> None:
    names = [*rows.column_names[::-1], "extra"]
    extra = rows.append_column("extra", pa.array([[1]] * len(rows))).select(names)
    np.testing.assert_array_equal(scorer.score(extra), expected)


def test_no_rows(scorer: Scorer, rows: pa.Table) -> None:
    assert scorer.score(rows.slice(0, 0)).shape == (0, 3)


def test_several_threads_at_once(
    scorer: Scorer, rows: pa.Table, expected: NDArray[np.float64]
) -> None:
    differing: list[int] = []

    def work(start: int) -> None:
        for row in range(start, 300, 4):
            if not np.array_equal(scorer.score(rows.slice(row, 1)), expected[row : row + 1]):
                differing.append(row)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert differing == []


NUMBERS = ["1.5", " 1.5 ", "NA", "NaN", "null", "", "?", "1,5", "-0", "1e3", "0x10"]


@pytest.mark.parametrize("size", [1, 100])
def test_odd_numbers(scorer: Scorer, size: int) -> None:
    noted: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}

    def note(column: str, texts: pa.Array | None, usable: int) -> None:
        numbers[column] = usable
        if texts is not None and len(texts):
            noted.setdefault(column, []).extend(texts.to_pylist())

    repeats = size if size > 1 else 1
    batch = pa.RecordBatch.from_pydict(
        {
            "amount": pa.array(NUMBERS * repeats),
            "age": pa.array([str(i) for i in range(len(NUMBERS) * repeats)]),
            "balance": pa.array([None] * (len(NUMBERS) * repeats), pa.int64()),
            "country": pa.array(["NA"] * (len(NUMBERS) * repeats)),
            "channel": pa.array(["web"] * (len(NUMBERS) * repeats)),
        }
    )
    features = scorer.features_of(batch, note_numbers=note)
    mean = features[2, 0]
    assert mean not in (0.0, 1.5)
    np.testing.assert_array_equal(
        features[: len(NUMBERS), 0],
        np.array([1.5, 1.5, *[mean] * 6, 0.0, 1000.0, mean], np.float32),
    )
    assert noted == {"amount": ["?", "1,5", "0x10"] * repeats}
    assert numbers == {"amount": 4 * repeats, "age": 11 * repeats, "balance": 0}


def test_one_text_form_per_category(scorer: Scorer) -> None:
    """What Arrow's types have in common is the category."""
    country = scorer.features.index("country")

    def risk(values: pa.Array) -> float:
        columns = {name: pa.array([0.0]) for name in scorer.numerical}
        batch = pa.RecordBatch.from_pydict(
            {**columns, "channel": pa.array(["web"]), "country": values}
        )
        return float(scorer.features_of(batch)[0, country])

    ones = {risk(pa.array([value])) for value in (1, 1.0, "1", "1.0")}
    ones |= {risk(pa.array([1], kind)) for kind in (pa.int8(), pa.uint64(), pa.float32())}
    ones |= {risk(pa.array(["1"], kind)) for kind in (pa.large_string(), pa.binary())}
    ones |= {risk(pa.array(["1"]).dictionary_encode())}
    assert len(ones) == 1
    unseen = {risk(pa.array([value])) for value in ("XX", "", None, float("nan"))}
    assert len(unseen) == 1
    others = {risk(pa.array([value])) for value in ("01", "NA", "DE")}
    assert len(ones | unseen | others) == 5


FAULTS: dict[str, tuple[dict[str, pa.Array | None], str]] = {
    "missing": ({"amount": None}, "columns missing: 'amount'"),
    "infinite": ({"amount": pa.array(["inf"])}, r"'amount' has 1, the first in row 1"),
    "too large": ({"amount": pa.array([1e39])}, "wanted finite numbers"),
    "dates": ({"amount": pa.array([pd.Timestamp("2024-05-17")])}, "wanted numbers in numerical"),
    "lists": ({"country": pa.array([["DE"]])}, r"column 'country' is 'list<"),
    "time zone": (
        {"country": pa.array([pd.Timestamp("2024-05-17", tz="UTC")])},
        "column 'country' is 'timestamp",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_rows_that_cannot_be_scored(scorer: Scorer, rows: pa.Table, name: str) -> None:
    changes, message = FAULTS[name]
    columns = {column: rows.slice(0, 1)[column] for column in scorer.features} | changes
    table = pa.table({column: array for column, array in columns.items() if array is not None})
    with pytest.raises(DataError, match=message):
        scorer.score(table)


def test_a_column_there_twice(scorer: Scorer, rows: pa.Table) -> None:
    with pytest.raises(DataError, match="more than once: 'amount'"):
        scorer.score(rows.append_column("amount", rows["amount"]))
    twice = rows.append_column("extra", rows["id"]).append_column("extra", rows["id"])
    assert len(scorer.score(twice)) == len(rows)


def test_contributions_add_up_to_stock_lightgbms_log_odds(
    finished_job: Path, scorer: Scorer, rows: pa.Table
) -> None:
    booster = lgb.Booster(model_file=str(finished_job / "model" / "lightgbmmt_model.txt"))
    raw_score = booster.predict(scorer.features_of(rows), raw_score=True)
    np.testing.assert_allclose(
        scorer.contributions(rows).sum(axis=2), raw_score, rtol=0, atol=1e-12
    )


def test_rows_that_are_transformed_already(
    finished_job: Path, scorer: Scorer, rows: pa.Table, expected: NDArray[np.float64]
) -> None:
    prepared = load_scorer(finished_job / "model", rows_are_imputed=True, rows_are_mapped=True)
    features = scorer.features_of(rows)
    table = pa.table(dict(zip(scorer.features, features.T, strict=True)))
    np.testing.assert_array_equal(prepared.score(table), expected)
    with pytest.raises(
        DataError, match=r"USE_PRECOMPUTED_IMPUTATION is true.*'balance' has .*first in row"
    ):
        prepared.score(table.set_column(2, "balance", rows["balance"]))
    with pytest.raises(DataError, match=r"USE_PRECOMPUTED_RISK_TABLES is true.*'channel' has 300"):
        prepared.score(table.set_column(4, "channel", rows["channel"]))
