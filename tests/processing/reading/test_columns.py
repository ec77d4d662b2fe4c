"""Checks of column names."""

from dataclasses import replace

import pytest

from exceptions import DataError
from processing.reading.columns import TableColumns, check_columns

COLUMNS = TableColumns(("y", "z"), ("amount",), ("country",), "id", ("amount", "w", "w"))


def test_columns_by_role_and_each_once() -> None:
    assert COLUMNS.numbers == ("amount", "w")
    assert COLUMNS.categories == ("y", "z", "country")
    assert COLUMNS.required == ("y", "z", "amount", "w", "country")


@pytest.mark.parametrize(
    "arguments",
    [
        (("y", "a"), ("a",), (), "id"),
        (("y", "z"), ("a",), ("a",), "id"),
        (("y", "z"), ("a", "a"), (), "a"),
        (("y", "y"), ("b",), (), "y"),
    ],
)
def test_one_column_in_two_roles_is_refused(
    arguments: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str],
) -> None:
    with pytest.raises(DataError, match=r"these have several: '[ay]'"):
        TableColumns(*arguments)


def test_order_extra_columns_and_a_missing_id_are_fine() -> None:
    names = ["w", "country", "amount", "z", "y"]
    files = {"a": [*names, "id"], "b": ["id", "x", "x", *names]}
    assert check_columns(files, dict.fromkeys(files, COLUMNS))
    assert not check_columns({"a": names}, {"a": COLUMNS})


def test_files_may_need_different_columns() -> None:
    columns = replace(COLUMNS, evaluation=("previous", "amount"))
    assert columns.numbers == ("amount", "w", "previous")
    trained = list(columns.without_evaluation().required)
    evaluated, scored = [*trained, "previous"], ["amount", "country"]
    needed = {
        "train": columns.without_evaluation(),
        "val": columns,
        "test": columns.without_labels(),
    }
    assert not check_columns({"train": trained, "val": evaluated, "test": scored}, needed)
    with pytest.raises(DataError, match=r"^val: columns missing: 'previous'"):
        check_columns({"train": trained, "val": trained, "test": scored}, needed)


@pytest.mark.parametrize(
    ("names_of_file", "message"),
    [
        (
            {"a.csv": ["y", "z", "Amount", "w", "cuntry"]},
            r"^a\.csv: columns missing: 'amount' \(nearest: 'Amount'\), "
            r"'country' \(nearest: 'cuntry'\); found 5 columns: 'y', 'z', 'Amount', 'w', 'cuntry'$",
        ),
        (
            {"a": ["y", "z", "amount", "w", "country"], "b": ["z", "amount", "w", "country"]},
            r"^b: columns missing: 'y'; found 4 columns: 'z', 'amount', 'w', 'country'$",
        ),
        ({"a": ["y"], "b": ["y"]}, "^a, b: columns missing: 'z'.*; found 1 columns: 'y'$"),
        (
            {"a": ["y", "y", "z", "amount", "w", "country", "id", "id"]},
            "^a: columns present more than once: 'y', 'id'$",
        ),
        (
            {"a": ["y", "y", "amount", "w", "country"]},
            "^a: columns missing: 'z'; .*; a: columns present more than once: 'y'$",
        ),
        (
            {
                "a": ["y", "z", "amount", "w", "country"],
                "b": ["y", "z", "amount", "w", "country", "id"],
            },
            "^the id column 'id' is in b but not in a: give it to all files .*, or to none$",
        ),
    ],
)
def test_all_faults_of_the_columns_are_named(
    names_of_file: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_columns(names_of_file, dict.fromkeys(names_of_file, COLUMNS))
