"""Row weights."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exceptions import DataError
from processing.messages import listed, quoted


def check_weights(table: pd.DataFrame, weight_columns: Sequence[str], split: str) -> None:
    """Check that weights can weigh: none missing, negative or infinite, and not all zero.

    Args:
        table: n rows; the weight columns are float32 with NaN where missing.
        weight_columns: the weight columns, which the table has.
        split: what messages call the table: `train`.

    Raises:
        DataError: unfit weights, all columns in one message. Rows are counted from 1 over the whole
            table.
    """
    problems = []
    for name in weight_columns:
        weights = table[name].to_numpy()
        faults = {
            "missing": np.isnan(weights),
            "negative": weights < 0,
            "infinite": np.isposinf(weights),
        }
        parts = [
            f"{np.count_nonzero(is_fault)} {fault} (first in row {np.argmax(is_fault) + 1})"
            for fault, is_fault in faults.items()
            if is_fault.any()
        ]
        if not parts and not weights.any():
            parts.append("only zeros")
        if parts:
            problems.append(f"column {quoted(name)}: {' and '.join(parts)}")
    if problems:
        raise DataError(f"{split}: wanted weights of zero or more, found {listed(problems, '; ')}")
