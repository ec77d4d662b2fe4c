"""Label columns and weight columns as arrays."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from processing.dataset.label_arrays import label_arrays

NAN = float("nan")


def frame(**columns: Any) -> pd.DataFrame:
    """Four rows: uint8 labels unless they have gaps, float32 weights."""
    plain: dict[str, Any] = {
        "a": [0, 1, 1, 0],
        "b": [1, 1, 0, 0],
        "w": [2.0, 0.5, 0.0, 1.0],
        "v": [3.0, 1.0, 1.0, 4.0],
    }
    kinds = {"w": np.float32, "v": np.float32}
    return pd.DataFrame(
        {
            name: np.array(values, dtype=kinds.get(name, np.float32 if NAN in values else np.uint8))
            for name, values in (plain | columns).items()
        }
    )


@pytest.mark.parametrize("tasks", [["a", "b"], ["b", "a"]])
def test_labels_are_in_the_order_of_the_tasks(tasks: list[str]) -> None:
    df = frame()
    label, weight = label_arrays(df, tasks, None, {})
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, df[tasks].to_numpy())
    assert weight is None


@pytest.mark.parametrize(
    ("sample_weight", "task_weights", "expected"),
    [
        ("w", {}, [[2, 2], [0.5, 0.5], [0, 0], [1, 1]]),
        (None, {"b": "v"}, [[1, 3], [1, 1], [1, 1], [1, 4]]),
        (None, {"a": "w", "b": "v"}, [[2, 3], [0.5, 1], [0, 1], [1, 4]]),
        ("w", {"b": "v"}, [[2, 6], [0.5, 0.5], [0, 0], [1, 4]]),
        (None, {"a": "w", "b": "w"}, [[2, 2], [0.5, 0.5], [0, 0], [1, 1]]),
    ],
)
def test_weights_multiply(
    sample_weight: str | None, task_weights: dict[str, str], expected: list[list[float]]
) -> None:
    label, weight = label_arrays(frame(), ["a", "b"], sample_weight, task_weights)
    assert weight is not None
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(label, frame()[["a", "b"]].to_numpy())


@pytest.mark.parametrize(("n_tasks", "order"), [(2, "F"), (9, "C")])
def test_arrays_lie_in_memory_as_the_passes_over_rows_want_them(n_tasks: int, order: str) -> None:
    tasks = [f"task{number}" for number in range(n_tasks)]
    df = frame(**{name: [0, 1, 1, 0] for name in tasks})
    label, weight = label_arrays(df, tasks, "w", {})
    assert weight is not None
    for array in (label, weight):
        assert array.flags.f_contiguous == (order == "F")


def test_an_unknown_label_is_0_and_weighs_nothing_for_its_task_alone() -> None:
    df = frame(b=[1.0, NAN, NAN, 0.0])
    label, weight = label_arrays(df, ["a", "b"], None, {})
    assert weight is not None
    np.testing.assert_array_equal(label, [[0, 1], [1, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(weight, [[1, 1], [1, 0], [1, 0], [1, 1]])
    _, weight = label_arrays(df, ["a", "b"], "w", {"b": "v"})
    np.testing.assert_array_equal(weight, [[2, 6], [0.5, 0], [0, 0], [1, 4]])


def test_float_labels_without_gaps_need_no_weights() -> None:
    df = frame().astype({"a": np.float32, "b": np.float32})
    label, weight = label_arrays(df, ["a", "b"], None, {})
    assert weight is None
    np.testing.assert_array_equal(label, frame()[["a", "b"]].to_numpy())


def test_the_table_is_left_as_it_is() -> None:
    df = frame(b=[1.0, NAN, NAN, 0.0])
    before = df.copy()
    label_arrays(df, ["a", "b"], "w", {"b": "v"})
    pd.testing.assert_frame_equal(df, before)
