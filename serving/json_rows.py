"""JSON bodies as raw columns.

A JSON value stands for what the same value stands for in a Parquet file: the number 29.0, the
number 29 and the text "29" are one category, `true` is 1 in a numerical column, and so on.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from common.messages import quoted, quoted_list
from serving.faults import UnreadableError, missing_names
from serving.json_text import decoded, parse_json

INSTANCES = "instances"
REASONS = "reasons"

Record = dict[str, Any]


def json_records(body: bytes, features: Collection[str]) -> tuple[list[Record], object]:
    """Reads a record, a list of records, or `{"instances": [...]}`.

    Args:
        body: The document.
        features: The model's features; one that is called `instances` or `reasons` is a feature
            and nothing else.

    Returns:
        The records; and the value of the field `reasons`, None if there is none.

    Raises:
        UnreadableError: Something else.
    """
    document = parse_json(decoded(body))
    reasons = None
    if isinstance(document, dict):
        if REASONS not in features:
            reasons = document.pop(REASONS, None)
        if INSTANCES not in document or INSTANCES in features:
            return [document], reasons
        records = document.pop(INSTANCES)
        if document:
            raise UnreadableError(
                f"wanted nothing beside {quoted(INSTANCES)} and {quoted(REASONS)}, found "
                f"{quoted_list(document)}"
            )
    else:
        records = document
    if not isinstance(records, list):
        raise UnreadableError(
            f"wanted a record, a list of records or an object with {quoted(INSTANCES)}, found "
            f"{_kind(records)}"
        )
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise UnreadableError(f"wanted an object as record {number}, found {_kind(record)}")
    return records, reasons


def json_lines_records(body: bytes) -> list[Record]:
    """Reads one record per line; blank lines are passed over.

    Raises:
        UnreadableError: A line is no record.
    """
    records = []
    for number, line in enumerate(decoded(body).split("\n"), start=1):
        if not line.strip():
            continue
        record = parse_json(line, f" of line {number}")
        if not isinstance(record, dict):
            raise UnreadableError(f"wanted an object in line {number}, found {_kind(record)}")
        records.append(record)
    return records


def record_rows(
    records: Sequence[Record], features: Sequence[str], numerical: Collection[str]
) -> pa.RecordBatch:
    """Puts the features of n records into columns.

    Args:
        records: Further fields are passed over.
        features: The model's features in order.
        numerical: Those of them that are numbers.

    Raises:
        UnreadableError: A record lacks a feature (null is a missing value, no key is not), or has
            an object or a list there.
    """
    columns = []
    for name in features:
        try:
            values = [record[name] for record in records]
        except KeyError:
            _refuse_missing(records, features)
        columns.append(_column(values, name, is_number=name in numerical))
    return pa.RecordBatch.from_arrays(columns, names=list(features))


def _refuse_missing(records: Sequence[Record], features: Sequence[str]) -> None:
    for number, record in enumerate(records, start=1):
        missing = [name for name in features if name not in record]
        if missing:
            raise UnreadableError(
                f"columns missing in record {number}: {missing_names(missing, list(record))}"
            )


def _column(values: list[Any], name: str, *, is_number: bool) -> pa.Array:
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds <= {str, int, float, bool}:
        number, value = next(
            (number, value)
            for number, value in enumerate(values, start=1)
            if isinstance(value, (list, dict))
        )
        raise UnreadableError(
            f"wanted a number, a text, true, false or null for {quoted(name)}, found "
            f"{_kind(value)} in record {number}"
        )
    try:
        if is_number and str not in kinds:
            return pa.array(np.array([_NAN if v is None else v for v in values], np.float64))
        if kinds <= {str}:
            return pa.array(values, pa.string())
        if len(kinds) == 1 and not is_number:
            (kind,) = kinds
            if kind is not int or all(v is None or _fits(v) for v in values):
                return pa.array(values, _ARROW_TYPES[kind])
        return pa.array([_text(value, is_number=is_number) for value in values], pa.string())
    except OverflowError:
        raise UnreadableError(f"a number for {quoted(name)} is beyond all ranges") from None
    except UnicodeEncodeError:
        raise UnreadableError(
            rf"a text for {quoted(name)} holds half of a surrogate pair (\ud800 to \udfff)"
        ) from None


_NAN = float("nan")
_ARROW_TYPES = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _text(value: object, *, is_number: bool) -> str | None:
    """A value of a column of mixed kinds."""
    if isinstance(value, bool):
        return str(int(value)) if is_number else str(value)
    return None if value is None else str(value)


def _kind(value: object) -> str:
    """What JSON calls the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "a text" if isinstance(value, str) else "a number"
