"""Row weights."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exceptions import DataError
from processing.messages import listed, quoted
from processing.row_places import RowPlaces


def check_weights(table: pd.DataFrame, weight_columns: Sequence[str], places: RowPlaces) -> None:
    """Check that weights can weigh: none missing, negative or infinite, and not all zero.

    Args:
        table: n rows; the weight columns are float32 with NaN where missing.
        weight_columns: the weight columns, which the table has.
        places: where the rows stand in the files.

    Raises:
        DataError: unfit weights, all columns in one message.
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
            f"{np.count_nonzero(is_fault)} {fault} (first in "
            f"{places.place_of(int(np.argmax(is_fault)))})"
            for fault, is_fault in faults.items()
            if is_fault.any()
        ]
        if not parts and not weights.any():
            parts.append("only zeros")
        if parts:
            problems.append(f"column {quoted(name)}: {' and '.join(parts)}")
    if problems:
        raise DataError(
            f"{places.channel}: wanted weights of zero or more, found {listed(problems, '; ')}"
        )
