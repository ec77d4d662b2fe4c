"""Which features raised a row's log-odds."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from scoring.output_columns import output_names, scored_columns
from scoring.scorer import Scorer


@pytest.mark.parametrize("count", [1, 3, 5, 50])
def test_the_strongest_come_first(
    finished_job: Path, scorer: Scorer, rows: pa.Table, count: int
) -> None:
    features = scorer.features_of(rows)
    booster = lgb.Booster(model_file=str(finished_job / "model" / "lightgbmmt_model.txt"))
    by_task = np.asarray(booster.predict(features, pred_contrib=True)).reshape(len(rows), 3, 6)
    found = scorer.reasons(rows, count)
    assert found.feature.shape == (len(rows), 3, min(count, 5))
    for row in range(0, len(rows), 7):
        for task in range(3):
            contribution = by_task[row, task, :-1]
            strongest = [i for i in np.argsort(-contribution, kind="stable") if contribution[i] > 0]
            wanted = strongest[:count]
            given = found.feature[row, task]
            assert given[given >= 0].tolist() == wanted
            np.testing.assert_array_equal(
                found.contribution[row, task, : len(wanted)], contribution[wanted]
            )
            assert np.isnan(found.contribution[row, task, len(wanted) :]).all()


def test_the_same_for_one_row_and_for_many(scorer: Scorer, rows: pa.Table) -> None:
    many = scorer.reasons(rows, 2)
    for row in range(0, len(rows), 31):
        one = scorer.reasons(rows.slice(row, 1), 2)
        np.testing.assert_array_equal(one.feature[0], many.feature[row])
        np.testing.assert_array_equal(one.contribution[0], many.contribution[row])


def test_in_chunks(scorer: Scorer, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scorer.reasons(rows, 2)
    monkeypatch.setattr("scoring.reasons._VALUES_PER_CHUNK", 18 * 7)
    found = scorer.reasons(rows, 2)
    np.testing.assert_array_equal(found.feature, expected.feature)
    np.testing.assert_array_equal(found.contribution, expected.contribution)


def test_columns_of_reasons(scorer: Scorer, rows: pa.Table) -> None:
    columns = scored_columns(scorer, scorer.features_of(rows), n_reasons=2)
    assert list(columns) == output_names(scorer, 2)
    assert list(columns)[:5] == [
        "isFraud_prob",
        "isCard_prob",
        "isDebit_prob",
        "isFraud_reason_1",
        "isFraud_reason_1_contribution",
    ]
    names = columns["isCard_reason_1"].to_pylist()
    assert set(names) - {None} <= set(scorer.features)
    nulls = columns["isCard_reason_2"].is_null()
    assert nulls.equals(columns["isCard_reason_2_contribution"].is_null())


def test_no_rows_have_no_reasons(scorer: Scorer, rows: pa.Table) -> None:
    columns = scored_columns(scorer, scorer.features_of(rows.slice(0, 0)), n_reasons=2)
    assert all(len(column) == 0 for column in columns.values())
