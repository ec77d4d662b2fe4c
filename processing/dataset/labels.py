"""Task labels as 0 and 1."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common.messages import listed, quoted
from exceptions import DataError
from processing.reading.number_text import MISSING_MARKERS
from processing.reading.row_places import RowPlaces

_LABEL_OF_TEXT = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
# Codes beside the labels 0 and 1.
_MISSING, _BAD = 2, 3
_MAX_EXAMPLES = 3


def binary_labels(
    table: pd.DataFrame,
    label_columns: Sequence[str],
    places: RowPlaces,
    *,
    allow_missing: bool = False,
) -> pd.DataFrame:
    """Check the label columns of a table and convert them.

    A label is 0 or 1 as an integer, a float, a boolean or a text (`0`, `1.0`, `true`, `False`, with
    or without spaces around it). Empty values and pandas' missing markers (`NA`) are missing.

    Args:
        table: n rows; label columns as `tables.read_table` gives them, or of any plain dtype.
        label_columns: the label columns, which the table has.
        places: where the rows stand in the files.
        allow_missing: whether a label may be missing.

    Returns:
        The table with its label columns converted: uint8, or float32 with NaN for a missing label
        if `allow_missing`. The other columns are shared with the given table, not copied.

    Raises:
        DataError: labels other than 0 and 1, or missing ones that are not allowed; all columns in
            one message.
    """
    problems = []
    converted: dict[str, NDArray[np.uint8] | NDArray[np.float32]] = {}
    for name in label_columns:
        values = pd.Categorical(table[name])
        codes = _label_codes(values)
        problem = _problem_of(name, values, codes, places, allow_missing)
        if problem:
            problems.append(problem)
        elif allow_missing:
            known = codes.astype(np.float32)
            known[codes == _MISSING] = np.nan
            converted[name] = known
        else:
            converted[name] = codes
    if problems:
        raise DataError(f"{places.channel}: wanted labels 0 or 1, found {listed(problems, '; ')}")
    # Not `assign`, which takes no column of the name `self`.
    result = table.copy(deep=False)
    for name, labels in converted.items():
        result[name] = labels
    return result


def _label_codes(values: pd.Categorical) -> NDArray[np.uint8]:
    """0, 1, `_MISSING` or `_BAD` for each row."""
    texts = [str(value).strip() for value in values.categories]
    # The last element is what the code -1 of a missing value points at.
    label_of_code = np.full(len(texts) + 1, _MISSING, dtype=np.uint8)
    for code, text in enumerate(texts):
        if text not in MISSING_MARKERS:
            label_of_code[code] = _LABEL_OF_TEXT.get(text.lower(), _BAD)
    labels: NDArray[np.uint8] = label_of_code[values.codes]
    return labels


def _problem_of(
    name: str,
    values: pd.Categorical,
    codes: NDArray[np.uint8],
    places: RowPlaces,
    allow_missing: bool,
) -> str | None:
    parts = []
    is_bad = codes == _BAD
    number_of_bad = np.count_nonzero(is_bad)
    if number_of_bad:
        counts = np.bincount(values.codes[is_bad], minlength=len(values.categories))
        most_frequent = np.argsort(-counts, kind="stable")[:_MAX_EXAMPLES]
        examples = [
            f"{quoted(str(values.categories[code]))} {counts[code]} times"
            for code in most_frequent
            if counts[code]
        ]
        parts.append(
            f"{number_of_bad} other values ({', '.join(examples)}, first in "
            f"{places.place_of(int(np.argmax(is_bad)))})"
        )
    is_missing = codes == _MISSING
    number_of_missing = np.count_nonzero(is_missing)
    if number_of_missing and not allow_missing:
        first = places.place_of(int(np.argmax(is_missing)))
        parts.append(
            f"{number_of_missing} missing (first in {first}; missing_labels: mask would leave such "
            "rows out of this task)"
        )
    return f"column {quoted(name)}: {' and '.join(parts)}" if parts else None
