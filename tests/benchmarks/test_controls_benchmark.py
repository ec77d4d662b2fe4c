"""The benchmark of the controls, on few rows."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.controls import (
    RIGHT_ONLY,
    base_rates,
    compared,
    constraints,
    going_on,
    scores,
)
from benchmarks.controls_data import DIRECTIONS, TASKS, applications, splits_of


def rates_along(rows: pd.DataFrame, feature: str, task: str) -> list[float]:
    """A task's rates in the lower, middle and upper third of a feature."""
    ordered = rows[task].to_numpy()[np.argsort(rows[feature].to_numpy(), kind="stable")]
    return [float(part.mean()) for part in np.array_split(ordered, 3)]


def test_the_truth_is_as_its_directions_say() -> None:
    """Rows of more income, or of less debt, have fewer defaults."""
    rows = applications(60_000, 0).rows
    for name, direction in DIRECTIONS.items():
        rate = rates_along(rows, name, "default")
        assert np.sign(rate[-1] - rate[0]) == direction, name
    late = rates_along(applications(60_000, 0, u_shaped=True).rows, "age", "late")
    assert late[1] < min(late[0], late[2])


def test_per_task_only_the_wrong_constraint_is_left_out() -> None:
    by_task = RIGHT_ONLY["monotone_constraints"]
    assert by_task["late"] == {k: v for k, v in DIRECTIONS.items() if k != "age"}
    assert by_task["default"] == by_task["write_off"] == DIRECTIONS


def test_a_table_has_the_reference_and_differences_to_it() -> None:
    table, splits = splits_of(60, 0)
    good = splits["test"][TASKS].to_numpy(float) * 0.8 + 0.1
    text = compared("title", lambda _: (splits, {"bad": 1 - good, "good": good}), 2)
    header, _, bad, best = text.strip().splitlines()
    assert header.startswith("| title | AUC |")
    assert bad.startswith("| bad | 0.0000 |")
    assert best.startswith("| good | +1.0000 ± 0.0000 |")
    assert scores(splits, good)[0] == 1.0
    assert table.tasks == TASKS


def test_constraints_are_measured() -> None:
    splits, variants = constraints(150, 0, 1, u_shaped=True)
    assert list(variants) == ["no constraint", "all tasks", "per task, where right"]
    assert all(prob.shape == (len(splits["test"]), 3) for prob in variants.values())
    assert len({prob.tobytes() for prob in variants.values()}) == 3


@pytest.mark.long
def test_base_rates_and_initial_models_are_measured() -> None:
    splits, variants = base_rates(600, 0, 1)
    level = {name: scores(splits, prob)[3] for name, prob in variants.items()}
    assert level["sampled"] > 2 * level["sampled, task_base_rates"]
    _, variants = going_on(150, 0, 1)
    assert len({prob.tobytes() for prob in variants.values()}) == 4
