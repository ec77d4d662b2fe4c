"""A CSV body as raw columns, all of them texts."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from common.messages import first_line, quoted_list
from processing.reading.number_text import numbers_from_text
from serving.faults import UnreadableError, missing_names

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def csv_rows(
    body: bytes, features: Sequence[str], numerical: Collection[str], header: bool | None
) -> tuple[pa.RecordBatch, bool]:
    """Reads the features' columns.

    A first row that holds at least half of the features' names is a header; columns beside the
    features are then passed over. Without one, the fields are the features in the model's order.

    Args:
        body: The file's content, at least one byte.
        features: The model's features in order.
        numerical: Those of them that are numbers.
        header: Whether the first row holds the names; None: as told above.

    Returns:
        n rows with a column of texts per feature, empty where missing; and whether the first row
        was a header. Blank lines are no rows.

    Raises:
        UnreadableError: Columns missing or there twice, rows with a wrong number of fields, a
            quote that is never closed, text that is not UTF-8.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    # Quotes inside plain fields, such as `5" pipe`, are odd in number as well.
    if body.count(b'"') % 2 and _has_open_quote(body):
        raise UnreadableError("the CSV has a quote that is never closed")
    first, is_all = _first_row(body)
    known = len(set(features) & set(first))
    has_header = 2 * known >= len(features) if header is None else header
    if has_header:
        _check_names(first, features)
    else:
        _check_first_row(first, features, numerical if header is None else ())
    if has_header and is_all:
        empty = [pa.array([], pa.string())] * len(features)
        return pa.RecordBatch.from_arrays(empty, names=list(features)), True
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            # One block, and no threads of Arrow's own: requests run side by side as it is.
            pa_csv.ReadOptions(
                use_threads=False,
                block_size=len(body) + 1,
                column_names=None if has_header else list(features),
            ),
            pa_csv.ParseOptions(newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(features, pa.string()), include_columns=features
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        _check_fields(body, len(first))
        reason = "it is not UTF-8 text" if "UTF8" in str(error) else first_line(error)
        raise UnreadableError(f"the CSV cannot be read: {reason}") from None
    columns = [column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=list(features)), has_header


def _rows(body: bytes, *, strict: bool = False) -> Iterator[list[str]]:
    return csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline=""), strict=strict)


def _has_open_quote(body: bytes) -> bool:
    """Whether a quoted field goes on to the end, or text follows its last quote."""
    try:
        for _ in _rows(body, strict=True):
            pass
    except csv.Error as error:
        return "field larger" not in str(error)
    except UnicodeDecodeError:
        pass
    return False


def _first_row(body: bytes) -> tuple[list[str], bool]:
    """The fields of the first row, and whether there are no others."""
    rows = (row for row in _rows(body) if row)
    try:
        first = next(rows, None)
    except UnicodeDecodeError:
        raise UnreadableError("the CSV is not UTF-8 text") from None
    except csv.Error as error:
        raise UnreadableError(f"the CSV's first row cannot be read: {error}") from None
    if first is None:
        raise UnreadableError("the CSV has no row, only blank lines")
    try:
        return first, next(rows, None) is None
    except (UnicodeDecodeError, csv.Error):
        return first, False


def _check_names(names: Sequence[str], features: Sequence[str]) -> None:
    times = Counter(names)
    missing = [name for name in features if not times[name]]
    if missing:
        raise UnreadableError(
            f"columns missing: {missing_names(missing, names)}; found {len(names)} columns: "
            f"{quoted_list(names)}"
        )
    twice = [name for name in features if times[name] > 1]
    if twice:
        raise UnreadableError(f"columns present more than once: {quoted_list(twice)}")


def _check_first_row(
    first: Sequence[str], features: Sequence[str], numerical: Collection[str]
) -> None:
    if len(first) != len(features):
        raise UnreadableError(
            f"wanted a header with the model's {len(features)} features, or {len(features)} fields "
            f"in their order ({quoted_list(features)}), found a first row of {len(first)} fields"
        )
    texts = [text for name, text in zip(features, first, strict=True) if name in numerical]
    if texts:
        _, no_numbers = numbers_from_text(pa.array(texts, pa.string()))
        if len(no_numbers) == len(texts):
            raise UnreadableError(
                "the first row has no number for any numerical feature: if it is a header, its "
                f"names must be the features' ({quoted_list(features)}); if it is not, say so with "
                "the content type 'text/csv; header=absent'"
            )


def _check_fields(body: bytes, wanted: int) -> None:
    """Says which row has another number of fields than the first."""
    try:
        for number, row in enumerate((row for row in _rows(body) if row), start=1):
            if len(row) != wanted:
                raise UnreadableError(
                    f"wanted {wanted} fields in every row as in the first, row {number} of the CSV "
                    f"has {len(row)}"
                )
    except (UnicodeDecodeError, csv.Error):
        return
