"""Features and the columns that they come from."""

from processing.features.encodings import (
    encoding_name,
    feature_names,
    own_columns,
    source_column,
)
from processing.features.risk_tables import RiskTable

MAIN: RiskTable = {"bins": {}, "default_bin": 0.0}
TABLES: dict[str, RiskTable] = {
    "c": MAIN,
    "d": MAIN,
    "d|b": {**MAIN, "column": "d", "task": "b"},
    "c|a": {**MAIN, "column": "c", "task": "a"},
    "c|b": {**MAIN, "column": "c", "task": "b"},
}
FEATURES = ["c", "x", "d", "c|a", "c|b", "d|b"]


def test_further_risks_come_last_column_by_column() -> None:
    assert feature_names(["c", "x", "d"], TABLES) == FEATURES


def test_columns_that_are_not_used_have_no_features() -> None:
    assert feature_names(["x", "d"], TABLES) == ["x", "d", "d|b"]
    assert feature_names(["x"], {}) == ["x"]


def test_the_column_of_a_feature() -> None:
    assert [source_column(name, TABLES) for name in FEATURES] == ["c", "x", "d", "c", "c", "d"]
    assert own_columns(FEATURES, TABLES) == ["c", "x", "d"]


def test_a_name_that_is_taken_is_not_used() -> None:
    assert encoding_name("c", "t", {"c"}) == "c|t"
    assert encoding_name("c", "t", {"c|t", "c|t_"}) == "c|t__"
