"""The fingerprint changes with everything that it is made of, and with nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from processing.writing.fingerprint import fingerprint

X = np.arange(12, dtype=np.float32).reshape(4, 3)
LABEL = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], dtype=np.uint8)
WEIGHT = np.ones((4, 2), dtype=np.float32)


def table(x: Any = X, chunks: int = 1) -> pa.Table:
    """A table of float32 columns in one or more chunks."""
    columns = {
        f"c{index}": pa.chunked_array([pa.array(part) for part in np.array_split(column, chunks)])
        for index, column in enumerate(x.T)
    }
    return pa.table(columns)


def changed(array: Any, index: Any, value: Any) -> Any:
    array = array.copy()
    array[index] = value
    return array


PLAIN = fingerprint("settings", [table(), table()], [LABEL, WEIGHT, LABEL, None])

OTHERS: dict[str, Callable[[], str]] = {
    "settings": lambda: fingerprint("Settings", [table(), table()], [LABEL, WEIGHT, LABEL, None]),
    "a feature value": lambda: fingerprint(
        "settings", [table(changed(X, (3, 2), 11.5)), table()], [LABEL, WEIGHT, LABEL, None]
    ),
    "a value of the second table": lambda: fingerprint(
        "settings", [table(), table(changed(X, (0, 0), 1e-30))], [LABEL, WEIGHT, LABEL, None]
    ),
    "the order of rows": lambda: fingerprint(
        "settings", [table(X[::-1]), table()], [LABEL, WEIGHT, LABEL, None]
    ),
    "the order of columns": lambda: fingerprint(
        "settings", [table(X[:, ::-1]), table()], [LABEL, WEIGHT, LABEL, None]
    ),
    "fewer rows": lambda: fingerprint(
        "settings", [table(X[:3]), table()], [LABEL, WEIGHT, LABEL, None]
    ),
    "another shape": lambda: fingerprint(
        # The same numbers, column after column.
        "settings",
        [table(X.T.reshape(6, 2).T), table()],
        [LABEL, WEIGHT, LABEL, None],
    ),
    "a label": lambda: fingerprint(
        "settings", [table(), table()], [changed(LABEL, (0, 0), 1), WEIGHT, LABEL, None]
    ),
    "a validation label": lambda: fingerprint(
        "settings", [table(), table()], [LABEL, WEIGHT, changed(LABEL, (0, 0), 1), None]
    ),
    "a weight": lambda: fingerprint(
        "settings", [table(), table()], [LABEL, changed(WEIGHT, (0, 0), 2), LABEL, None]
    ),
    "no weights": lambda: fingerprint("settings", [table(), table()], [LABEL, None, LABEL, None]),
    "other weights": lambda: fingerprint(
        "settings", [table(), table()], [LABEL, None, LABEL, WEIGHT]
    ),
    "another dtype": lambda: fingerprint(
        "settings", [table(), table()], [LABEL.astype(np.int8), WEIGHT, LABEL, None]
    ),
    "the shape of labels": lambda: fingerprint(
        "settings", [table(), table()], [LABEL.reshape(2, 4), WEIGHT, LABEL, None]
    ),
}


@pytest.mark.parametrize("name", list(OTHERS))
def test_it_changes_with(name: str) -> None:
    assert OTHERS[name]() != PLAIN


def test_all_changes_are_told_apart() -> None:
    assert len({make() for make in OTHERS.values()}) == len(OTHERS)


def test_it_is_the_same_for_the_same_values_however_they_lie_in_memory() -> None:
    wide = np.zeros((4, 4), dtype=np.uint8)
    wide[:, ::2] = LABEL
    assert (
        fingerprint("settings", [table(chunks=3), table()], [wide[:, ::2], WEIGHT, LABEL, None])
        == fingerprint(
            "settings", [table(), table(chunks=2)], [np.asfortranarray(LABEL), WEIGHT, LABEL, None]
        )
        == PLAIN
    )


def test_where_an_array_is_absent_matters() -> None:
    assert fingerprint("", [], [None, LABEL]) != fingerprint("", [], [LABEL, None])


def test_it_is_64_hex_digits() -> None:
    assert len(PLAIN) == 64
    assert int(PLAIN, 16) >= 0
