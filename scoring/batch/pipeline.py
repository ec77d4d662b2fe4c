"""Blocks of rows are scored by several threads and written in their order.

At no time are there more blocks in memory than threads and a few.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from common.messages import listed, quoted, quoted_list
from exceptions import DataError
from processing.reading.channels import Channel, FileHeader
from processing.reading.columns import TableColumns
from processing.reading.columns import check_columns as check_needed_columns
from processing.reading.no_numbers import NoNumbers, check_numbers
from scoring.batch.blocks import Block, read_blocks, read_header_line
from scoring.batch.common_types import common_schema
from scoring.batch.json_output import JsonOutput
from scoring.batch.outputs import Output, TextOutput, check_text_types
from scoring.batch.parquet_output import ParquetOutput, text_schema
from scoring.batch.settings import BatchSettings
from scoring.output_columns import output_names, scored_columns
from scoring.scorer import Scorer

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 5.0
# Short rows and many tasks: what is added to a block must not be much larger than the block.
_ADDED_VALUES_PER_BLOCK = 1 << 20


def needed_columns(scorer: Scorer, settings: BatchSettings) -> tuple[list[str], list[str]]:
    """The columns that are read as numbers, and those that are read as categories."""
    if settings.rows_are_mapped:
        return scorer.features, []
    return scorer.numerical, scorer.categorical


def check_columns(
    headers: Mapping[str, FileHeader], scorer: Scorer, settings: BatchSettings, output_format: str
) -> None:
    """Checks the columns of all files before any row is scored.

    Raises:
        DataError: files have different columns, lack some, or have some of a name that is added.
    """
    numbers, categories = needed_columns(scorer, settings)
    needed = TableColumns((), tuple(numbers), tuple(categories), scorer.id_name)
    check_needed_columns(
        {label: header.names for label, header in headers.items()},
        dict.fromkeys(headers, needed),
    )
    first_label, first = next(iter(headers.items()))
    for label, header in headers.items():
        if sorted(header.names) != sorted(first.names):
            only = [set(header.names) - set(first.names), set(first.names) - set(header.names)]
            found = [
                f"only in {where}: {quoted_list(sorted(names))}"
                for where, names in zip((label, first_label), only, strict=True)
                if names
            ]
            raise DataError(
                f"wanted the same columns in all files, found {'; '.join(found) or 'repeated ones'}"
            )
    twice = sorted({name for name in first.names if first.names.count(name) > 1})
    reordered = any(header.names != first.names for header in headers.values())
    if twice and (reordered or output_format in ("json", "parquet")):
        raise DataError(f"{first_label}: columns present more than once: {quoted_list(twice)}")
    added = output_names(scorer, settings.n_reasons)
    taken = sorted({*first.names}.intersection(added))
    if taken:
        raise DataError(
            f"{first_label} has columns of the names that scoring adds: {quoted_list(taken)}; "
            "rename them or leave them out"
        )
    if len(set(added)) < len(added):
        raise DataError(f"the names of the tasks make columns twice: {quoted_list(scorer.tasks)}")
    if settings.id_field is not None and settings.id_field not in first.names:
        logger.warning("ID_FIELD is %s, which is no column of the rows", quoted(settings.id_field))


def open_output(
    sink: BinaryIO,
    channel: Channel,
    headers: Mapping[str, FileHeader],
    scorer: Scorer,
    settings: BatchSettings,
) -> Output:
    """The output of the wanted format, with what comes before the first row.

    Raises:
        DataError: the rows cannot be written in it.
    """
    header = headers[channel.files[0].label]
    output_format = settings.output_format or channel.file_format
    added = output_names(scorer, settings.n_reasons)
    if output_format == "json":
        numbers = [*scorer.numerical, *scorer.tasks]
        return JsonOutput(sink, settings.json_orient, header.names, added, numbers)
    if output_format == "parquet":
        no_features = np.empty((0, len(scorer.features)), dtype=np.float32)
        columns = scored_columns(scorer, no_features, settings.n_reasons)
        return ParquetOutput(
            sink,
            text_schema(header.names)
            if header.schema is None
            else common_schema([headers[file.label].schema for file in channel.files]),
            pa.schema([(name, column.type) for name, column in columns.items()]),
        )
    if header.schema is not None:
        check_text_types(header.schema, output_format)
    same = output_format == channel.file_format
    header_line = read_header_line(channel.files[0]) if same else None
    return TextOutput(sink, output_format, header.names, added, header_line)


def score_files(
    channel: Channel,
    headers: Mapping[str, FileHeader],
    scorer: Scorer,
    settings: BatchSettings,
    output: Output,
) -> int:
    """Scores all rows of all files and gives their number.

    Raises:
        DataError: rows that cannot be read or scored.
    """
    worker = _Worker(scorer, settings, output)
    progress = _Progress()
    with ThreadPoolExecutor(settings.n_threads) as pool:
        waiting: deque[Future[tuple[int, Any]]] = deque()
        try:
            for block in _blocks(channel, headers, worker.most_rows):
                waiting.append(pool.submit(worker, block))
                if len(waiting) > settings.n_threads + 1:
                    _write_next(waiting, output, progress)
            while waiting:
                _write_next(waiting, output, progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if progress.rows == 0:
        labels = [file.label for file in channel.files]
        raise DataError(f"channel {channel.name!r} has no rows, only headers: {listed(labels)}")
    output.finish()
    worker.check_numbers(channel)
    progress.log()
    return progress.rows


def _blocks(channel: Channel, headers: Mapping[str, FileHeader], most_rows: int) -> Iterator[Block]:
    for file in channel.files:
        for block in read_blocks(file, headers[file.label]):
            yield from block.split(most_rows)


def _write_next(
    waiting: "deque[Future[tuple[int, Any]]]", output: Output, progress: "_Progress"
) -> None:
    n_rows, formed = waiting.popleft().result()
    output.write(formed)
    progress.add(n_rows)


class _Worker:
    """Scores one block; several threads do it at once.

    Attributes:
        most_rows: how many rows a block should have at most.
    """

    def __init__(self, scorer: Scorer, settings: BatchSettings, output: Output) -> None:
        self._scorer = scorer
        self._n_reasons = settings.n_reasons
        self._output = output
        self._numbers, self._categories = needed_columns(scorer, settings)
        added = len(output_names(scorer, settings.n_reasons))
        self.most_rows = max(1, _ADDED_VALUES_PER_BLOCK // added)
        self._no_numbers = {name: NoNumbers() for name in self._numbers}
        self._usable = dict.fromkeys(self._numbers, 0)
        self._lock = threading.Lock()

    def __call__(self, block: Block) -> tuple[int, Any]:
        """The number of rows, and what is to be written for them."""
        columns = block.columns(self._numbers, self._categories)
        features = self._scorer.features_of(columns, block.place_of_row, self._note)
        added = scored_columns(self._scorer, features, self._n_reasons, n_threads=1)
        return len(block), self._output.form(block, added)

    def _note(self, column: str, no_numbers: pa.Array | None, usable: int) -> None:
        with self._lock:
            self._usable[column] += usable
            if no_numbers is not None:
                self._no_numbers[column].add(no_numbers)

    def check_numbers(self, channel: Channel) -> None:
        """Tells of texts that are no numbers, as training does.

        Raises:
            DataError: A column has nothing else.
        """
        found = {name: (texts, self._usable[name]) for name, texts in self._no_numbers.items()}
        check_numbers(channel.name, found, self._scorer.categorical)


class _Progress:
    """A line every few seconds."""

    def __init__(self) -> None:
        self.rows = 0
        self._start = self._last = time.monotonic()

    def add(self, n_rows: int) -> None:
        """Counts rows that are written."""
        self.rows += n_rows
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self.log()

    def log(self) -> None:
        """Says how many there are so far."""
        self._last = time.monotonic()
        rate = self.rows / max(self._last - self._start, 1e-3)
        logger.info("%s rows scored, %s per second", f"{self.rows:,}", f"{rate:,.0f}")
