"""The job writes no artifact that it would refuse to read."""

from pathlib import Path

import pytest
from failure_cases import failure_text, results
from jobs import run_script
from trees import hyperparameters, make_splits, write_tree


@pytest.mark.long
def test_risk_tables_beyond_what_is_read_are_refused_before_the_training(tmp_path: Path) -> None:
    """A column that nearly tells rows apart: 900,000 categories of 80 characters."""
    splits = make_splits(900_000)
    for name, table in splits.items():
        splits[name] = table.assign(session=[f"{name}-{row:074d}" for row in range(len(table))])
    knobs = hyperparameters(cat_field_list=["session", "country"], num_iterations=1)
    write_tree(tmp_path, splits, knobs, "parquet")
    done = run_script(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("risk_table_map.pkl would take ")
    assert "more than 64 MiB are not read again by anything that scores" in done.stderr
    assert "'session' 900,000, 'country' 5" in done.stderr
    assert failure_text(tmp_path) == done.stderr
    assert "iteration 1" not in done.stdout
    assert results(tmp_path) == []
