"""Scored rows as the bytes of an answer."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from serving.media_types import CSV, JSON_LINES, MediaType


@dataclass(frozen=True)
class Scores:
    """What scoring has made of a request's rows.

    Attributes:
        columns: What `scoring.output_columns.scored_columns` gave for n rows.
        header: Whether the request was CSV with a header: then its answer as CSV has one, too.
    """

    columns: Mapping[str, pa.Array]
    header: bool = False


def written(scores: Scores, accept: MediaType) -> bytes:
    """The answer's body. Numbers are written so that reading them gives the same bits.

    Args:
        scores: The scored rows.
        accept: One of the types that are written.
    """
    names = list(scores.columns)
    rows = zip(*(column.to_pylist() for column in scores.columns.values()), strict=True)
    if accept.name == CSV:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if scores.header if accept.header is None else accept.header:
            writer.writerow(names)
        writer.writerows(rows)
        return text.getvalue().encode()
    records = [dict(zip(names, row, strict=True)) for row in rows]
    if accept.name == JSON_LINES:
        return "".join(_ENCODE(record) + "\n" for record in records).encode()
    return _ENCODE({"predictions": records}).encode()


_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
