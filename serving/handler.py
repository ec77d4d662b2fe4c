"""From a request's body to an answer's, in the four steps of SageMaker's framework containers."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from common.messages import first_line
from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP
from exceptions import ArtifactError
from processing.features.artifacts import FLAGS
from processing.job.environment import environment_flag
from scoring.model_directory import load_scorer
from scoring.output_columns import output_names, scored_columns
from scoring.scorer import Scorer
from serving.answers import Scores, written
from serving.csv_rows import csv_rows
from serving.faults import TooLargeError, UnreadableError
from serving.json_rows import json_lines_records, json_records, record_rows
from serving.limits import MAX_REASON_ROWS, MAX_RESULT_VALUES
from serving.media_types import CSV, JSON, JSON_LINES, MediaType, accepted_type, content_type
from serving.parquet_rows import ParquetDecoder

logger = logging.getLogger(__name__)

_PARQUET = ParquetDecoder()


@dataclass(frozen=True)
class RawRows:
    """A request: what its rows mean is known beside the model only.

    Attributes:
        body: The rows as they came.
        media_type: What they are.
        n_reasons: Reasons per task that the request's address asks for; a field `reasons` of JSON
            comes first.
    """

    body: bytes
    media_type: MediaType
    n_reasons: int = 0


def model_fn(model_dir: str | Path) -> Scorer:
    """Loads the model directory, or the `model.tar.gz` in it.

    The variables `USE_PRECOMPUTED_IMPUTATION` and `USE_PRECOMPUTED_RISK_TABLES` say that the rows
    to come are imputed, or mapped, already.

    Raises:
        ArtifactError: Files are missing, damaged, refused, or do not belong together.
        UserError: One of the variables is no boolean.
    """
    return load_scorer(
        Path(model_dir),
        rows_are_imputed=environment_flag(os.environ, FLAGS[IMPUTE_DICT], default=False),
        rows_are_mapped=environment_flag(os.environ, FLAGS[RISK_TABLE_MAP], default=False),
    )


def warm_up(model: Scorer) -> None:
    """Scores a row, with a reason: what is made at its first use is made now, to be shared."""
    text = ",".join("0" for _ in model.features)
    try:
        predict_fn(RawRows(text.encode(), MediaType(CSV, header=False), n_reasons=1), model)
    except ArtifactError as error:
        logger.warning("Requests for reasons will be refused: %s", error)


def input_fn(input_data: bytes | str, content_type_header: str | None) -> RawRows:
    """Takes a request's body.

    Raises:
        UnsupportedTypeError: The content type is none that is read.
    """
    body = input_data.encode() if isinstance(input_data, str) else bytes(input_data)
    return RawRows(body, content_type(content_type_header))


def predict_fn(data: RawRows, model: Scorer) -> Scores:
    """Scores the rows.

    Raises:
        UnreadableError: The body is not what its type says, or not what the model needs.
        TooLargeError: It has, or would grow to, too many rows.
        DataError: Its columns cannot be used.
    """
    rows, n_reasons, has_header = _read(data, model)
    n_values = rows.num_rows * len(output_names(model, n_reasons))
    if n_values > MAX_RESULT_VALUES:
        raise TooLargeError(
            f"wanted at most {MAX_RESULT_VALUES} values in an answer (rows times columns), this "
            f"one would have {n_values}"
        )
    if n_reasons and rows.num_rows > MAX_REASON_ROWS:
        raise TooLargeError(
            f"wanted at most {MAX_REASON_ROWS} rows in a request for reasons, found {rows.num_rows}"
        )
    try:
        features = model.features_of(rows)
    except pa.ArrowInvalid as error:  # bytes in Parquet that are no text
        raise UnreadableError(f"the rows cannot be read: {first_line(error)}") from None
    return Scores(scored_columns(model, features, n_reasons, n_threads=1), has_header)


def output_fn(prediction: Scores, accept: str | None) -> tuple[bytes, str]:
    """Writes the answer.

    Returns:
        The body and its content type.

    Raises:
        NotAcceptableError: The accept header names nothing that is written.
    """
    media_type = accepted_type(accept)
    return written(prediction, media_type), media_type.name


def _read(data: RawRows, model: Scorer) -> tuple[pa.RecordBatch, int, bool]:
    """The raw columns, the number of reasons, and whether there was a header."""
    features, numerical = model.features, model.number_columns
    kind = data.media_type.name
    if kind == CSV:
        rows, has_header = csv_rows(data.body, features, numerical, data.media_type.header)
        return rows, data.n_reasons, has_header
    if kind == JSON:
        records, asked = json_records(data.body, features)
        n_reasons = data.n_reasons if asked is None else _reasons_count(asked)
        return record_rows(records, features, numerical), n_reasons, False
    if kind == JSON_LINES:
        records = json_lines_records(data.body)
        return record_rows(records, features, numerical), data.n_reasons, False
    return _PARQUET.rows(data.body, features, numerical), data.n_reasons, False


def _reasons_count(asked: object) -> int:
    """How many reasons are asked for.

    Raises:
        UnreadableError: It is no whole number from 0 on.
    """
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        raise UnreadableError("wanted as reasons a whole number from 0 on")
    return asked
