"""Features as an Arrow table."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from processing.features.feature_table import feature_table

DF = pd.DataFrame(
    {
        "b [K]": np.array([1.5, 2.5, -1e30], dtype=np.float32),
        "id": ["a", "b", "c"],
        "a": np.array([1, 2, 3], dtype=np.int64),
        "c": np.array([0.1, 0.2, 0.3], dtype=np.float64),
    }
)


@pytest.mark.parametrize("order", [["b [K]", "a", "c"], ["c", "b [K]"], ["a"]])
def test_the_columns_are_those_asked_for_in_their_order(order: list[str]) -> None:
    table = feature_table(DF, order)
    assert table.column_names == [f"Column_{index}" for index in range(len(order))]
    assert set(table.schema.types) == {pa.float32()}
    for column, name in zip(table.columns, order, strict=True):
        np.testing.assert_array_equal(column.to_numpy(), DF[name].to_numpy(dtype=np.float32))


def test_float32_columns_are_not_copied() -> None:
    column = np.arange(1000, dtype=np.float32)
    df = pd.DataFrame({"a": column}, copy=False)
    (chunk,) = feature_table(df, ["a"]).column(0).chunks
    assert chunk.buffers()[1].address == column.ctypes.data


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(KeyError, match="absent"):
        feature_table(DF, ["a", "absent"])
