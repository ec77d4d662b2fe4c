"""One channel's files as one table."""

import logging
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from common.messages import listed, quoted
from exceptions import DataError
from processing.reading.accumulators import CategoryColumn, NumberColumn, TextColumn
from processing.reading.channels import Channel, FileHeader
from processing.reading.columns import TableColumns, check_columns
from processing.reading.data_files import read_batches, share_bounds
from processing.reading.no_numbers import check_numbers
from processing.reading.row_places import RowPlaces

logger = logging.getLogger(__name__)

_Accumulator: TypeAlias = NumberColumn | CategoryColumn | TextColumn

# The first size of a column whose number of rows is not known before it is read.
_FIRST_CAPACITY = 1 << 16


class NoRowsError(DataError):
    """A table without rows."""


def read_table(
    channel: Channel, headers: Mapping[str, FileHeader], columns: TableColumns
) -> tuple[pd.DataFrame, RowPlaces]:
    """Read the needed columns of all files of a channel.

    Columns that nobody asked for are not converted, and not even read from Parquet. The working
    memory beside the table is some batches of rows of some columns, and one column.

    Args:
        channel: the files; their columns may stand in different orders.
        headers: the header of each file, see `data_files.read_headers`.
        columns: the needed columns by role.

    Returns:
        A DataFrame of n rows in file order, one array per column: labels and categorical features
        as Categorical with sorted texts (labels are to be checked with `labels.binary_labels`),
        numerical features and weights as float32 with NaN where missing, the id as `str`, or as
        int64 row numbers from 0 if there is no id column. And where its rows stand in the files.

    Raises:
        DataError: unreadable files, missing or repeated columns, unfit column types, no
            number in a numerical column that holds text, infinite values, no rows.
    """
    names_of_file = {label: header.names for label, header in headers.items()}
    has_id = check_columns(names_of_file, dict.fromkeys(headers, columns))
    texts = (columns.id_name,) if has_id else ()

    capacity = _capacity(headers)
    numbers = {name: NumberColumn(capacity) for name in columns.numbers}
    accumulators: dict[str, _Accumulator] = {}
    accumulators |= {name: CategoryColumn(capacity) for name in columns.labels}
    accumulators |= numbers
    accumulators |= {name: CategoryColumn(capacity) for name in columns.categorical}
    if has_id:
        accumulators[columns.id_name] = TextColumn()

    counted = next(iter(accumulators))  # a batch need not have all columns
    rows_of_file, skipped = [], []
    for file in channel.files:
        wanted = share_bounds(file, headers[file.label])
        skipped.append(wanted[0] if wanted else 0)
        rows = 0
        for batch in read_batches(
            file,
            headers[file.label],
            numbers=columns.numbers,
            categories=columns.categories,
            texts=texts,
            rows=wanted,
        ):
            names = batch.schema.names
            rows += batch.num_rows if counted in names else 0
            for name in names:
                accumulators[name].append(batch.column(name))
        rows_of_file.append(rows)
    # Arrow keeps the memory of the batches for more of them; all that follows is NumPy's.
    pa.default_memory_pool().release_unused()
    total = sum(rows_of_file)
    if total == 0:
        labels = [file.label for file in channel.files]
        raise NoRowsError(f"channel {channel.name!r} has no rows, only headers: {listed(labels)}")

    check_numbers(
        channel.name,
        {
            name: (column.no_numbers, int(np.count_nonzero(~np.isnan(column.values()))))
            for name, column in numbers.items()
            if column.no_numbers.count
        },
        columns.encoded,
    )
    places = RowPlaces(
        channel.name,
        tuple(file.label for file in channel.files),
        tuple(rows_of_file),
        tuple(skipped),
    )
    _check_finite(places, numbers)
    # Popped, so that a column's codes are freed as soon as its Categorical is made.
    table: dict[str, object] = {
        name: accumulators.pop(name).values() for name in list(accumulators)
    }
    if not has_id:
        table[columns.id_name] = np.arange(total)
    return pd.DataFrame(table, copy=False), places


def _capacity(headers: Mapping[str, FileHeader]) -> int:
    rows = [header.rows for header in headers.values() if header.rows is not None]
    return sum(rows) if len(rows) == len(headers) else _FIRST_CAPACITY


def _check_finite(places: RowPlaces, numbers: dict[str, NumberColumn]) -> None:
    """Refuse infinite values, all columns in one message."""
    problems = []
    for name, column in numbers.items():
        infinite = np.isinf(column.values())
        count = np.count_nonzero(infinite)
        if count:
            first = places.place_of(int(np.argmax(infinite)))
            problems.append(f"column {quoted(name)} has {count}, the first in {first}")
    if problems:
        raise DataError(
            f"channel {places.channel!r}: wanted finite numbers within the range of float32 "
            f"(+-3.4e38), found infinite or larger ones: {listed(problems, '; ')}"
        )
