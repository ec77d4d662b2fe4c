"""Putting together what the hosts hand in, in the order of the hosts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from exceptions import DataError
from models.engine.task_rows import LabelledRows
from processing.dataset.evaluation_columns import EvaluationColumns
from processing.dataset.splits import Channels
from processing.dataset.tasks import TaskCounts
from processing.reading.channels import Channel


def joined_channels(names: Sequence[str], found: Sequence[Channels], sharded: set[str]) -> Channels:
    """The channels of all hosts; files that only one host has go by the host's name, too.

    Raises:
        DataError: Hosts have files of different formats.
    """
    by_split: dict[str, Channel] = {}
    headers: dict[str, dict[str, Any]] = {}
    for name, channels in zip(names, found, strict=True):
        for split, channel in channels.by_split.items():
            prefix = f"{name}: " if split in sharded else ""
            files = tuple(replace(file, label=f"{prefix}{file.label}") for file in channel.files)
            before = by_split.get(split)
            if before is not None and before.file_format != channel.file_format:
                raise DataError(
                    f"channel {split!r}: wanted files of one format, found {before.file_format} "
                    f"({before.files[0].label}) and {channel.file_format} ({files[0].label})"
                )
            by_split[split] = replace(channel, files=(*(before.files if before else ()), *files))
            headers.setdefault(split, {}).update(
                {f"{prefix}{label}": header for label, header in channels.headers[split].items()}
            )
    order = ["train", *(split for split in by_split if split != "train")]
    return Channels({split: by_split[split] for split in order if split in by_split}, headers)


def joined_tables(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all hosts; row numbers that stand for an id column go on from host to host."""
    columns = {}
    for name in parts[0].columns:
        values = [part[name] for part in parts]
        if all(isinstance(each.dtype, pd.CategoricalDtype) for each in values):
            joined = pd.api.types.union_categoricals(values, sort_categories=True)
            columns[name] = pd.Series(joined)
        else:
            columns[name] = pd.concat(values, ignore_index=True)
    table = pd.DataFrame(columns, copy=False)
    for name in table.columns:
        if table[name].dtype == np.int64:
            table[name] = np.arange(len(table))
    return table


def joined_labels(parts: Sequence[LabelledRows]) -> LabelledRows:
    """The labels of all hosts."""
    label = np.concatenate([part.label for part in parts])
    if all(part.weight is None for part in parts):
        return LabelledRows(label)
    weights = [
        np.ones(part.label.shape, np.float32) if part.weight is None else part.weight
        for part in parts
    ]
    return LabelledRows(label, np.concatenate(weights))


def joined_evaluation(parts: Sequence[EvaluationColumns]) -> EvaluationColumns:
    """What the rows of all hosts are judged by."""
    amounts = [part.amount for part in parts if part.amount is not None]
    return EvaluationColumns(
        np.concatenate(amounts) if amounts else None,
        {
            task: np.concatenate([part.previous[task] for part in parts])
            for task in parts[0].previous
        },
    )


def total_counts(counts: Sequence[TaskCounts]) -> TaskCounts:
    """The labels of all hosts."""
    total = counts[0]
    for other in counts[1:]:
        total += other
    return total


def shared_out(n_rows: int, counts: Sequence[int]) -> list[int]:
    """How many of `n_rows` rows are each host's, in proportion to the rows that it has."""
    total = sum(counts)
    bounds = np.concatenate([[0], np.cumsum(counts)]) * min(n_rows, total) // max(total, 1)
    return [int(number) for number in np.diff(bounds)]
