"""A split's features in the form that LightGBM takes without a copy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa


def feature_table(df: pd.DataFrame, feature_columns: Sequence[str]) -> pa.Table:
    """Features as an Arrow table of float32 columns, in the given order.

    Columns that are float32 already are shared with `df`, not copied. They go by the names
    `Column_0`, `Column_1`, ...: LightGBM does not take every name, and does not need any.

    Args:
        df: Has a numeric column of every name, without missing values.
        feature_columns: Names of the features.
    """
    return pa.table(
        {
            f"Column_{index}": pa.array(df[name].to_numpy(dtype=np.float32))
            for index, name in enumerate(feature_columns)
        }
    )
