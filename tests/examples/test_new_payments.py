"""The end of the demo: new payments are made, scored and shown."""

from pathlib import Path

import pandas as pd
import pytest
from jobs import run_job

from examples import new_payments, payments
from examples.tree import write_splits
from lightgbmmt_model_inference import run_batch
from scoring.batch.places import BatchPlaces


def test_new_payments_are_scored_and_shown(tmp_path: Path) -> None:
    base, new, scored = tmp_path / "opt_ml", tmp_path / "new", tmp_path / "scored"
    settings = payments.hyperparameters() | {"num_iterations": 5, "num_threads": 1}
    write_splits(base, payments.make_splits(payments.MIN_ROWS), settings)
    run_job(base)
    new_payments.make(new, rows=300)
    rows = pd.read_csv(new / "payments.csv", dtype="str", keep_default_na=False)
    assert len(rows) == 300
    assert not set(rows.columns) & set(payments.TASKS)
    run_batch(BatchPlaces(base / "model", new, scored), {"REASONS": "1"})
    title, _, heading, *shown = new_payments.show(scored).splitlines()
    assert title == "300 new payments scored; the most suspicious:"
    assert heading.split()[:2] == ["payment", "isFraud"]
    assert len(shown) == 5
    ids, probs, reasons = zip(*(line.split() for line in shown), strict=True)
    assert set(ids) <= set(rows[payments.ID_NAME])
    assert sorted(probs, reverse=True) == list(probs)
    assert set(reasons) <= {*payments.NUMERICAL, *payments.CATEGORICAL}


def test_too_many_new_payments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 500 rows"):
        new_payments.make(tmp_path, rows=501)
