"""Features that are the label in disguise are named in the log."""

import logging
from pathlib import Path

import numpy as np
import pytest
from jobs import run_job
from trees import CATEGORICAL, NUMERICAL, hyperparameters, make_splits, write_tree


@pytest.mark.parametrize("risk_tables", ["main", "per_task"])
def test_a_feature_that_tells_a_label_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, risk_tables: str
) -> None:
    rng = np.random.default_rng(0)
    splits = {}
    for name, table in make_splits(600).items():
        splits[name] = table.assign(
            refunded=-table["isCard"] + rng.normal(0, 0.01, len(table)),
            reason=np.where(table["isFraud"] == 1, "stolen", "none"),
            # A category per row or so carries nothing, if it has not seen the row's label.
            shop=rng.integers(0, len(table), len(table)).astype(str),
        )
    values = hyperparameters(
        tab_field_list=[*NUMERICAL, "refunded"],
        cat_field_list=[*CATEGORICAL, "reason", "shop"],
        risk_tables=risk_tables,
        num_iterations=2,
    )
    with caplog.at_level(logging.WARNING):
        run_job(write_tree(tmp_path, splits, values))
    (warning,) = (text for text in caplog.messages if "alone tell a label" in text)
    assert "'refunded' ranks task 1 (isCard) with an AUC of 1.00000" in warning
    assert "'reason' ranks task 0 (isFraud) with an AUC of 1.00000" in warning
    assert warning.count("ranks task") == 2


def test_ordinary_features_are_not_suspected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        run_job(write_tree(tmp_path, make_splits(600), hyperparameters(num_iterations=2)))
    assert not [text for text in caplog.messages if "alone tell a label" in text]
