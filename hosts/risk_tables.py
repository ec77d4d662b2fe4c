"""Risk tables of a job of several hosts, from what each has counted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from processing.features.encodings import encoding_name
from processing.features.preprocessing import Preprocessing, learned_tables
from processing.features.risk_counts import CategoryCounts, category_risks, out_of_fold_risks
from processing.features.risk_differences import differs_from_main
from processing.features.risk_tables import RiskTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JoinedTables:
    """The risk tables of all features that categories become.

    Attributes:
        labels: The label column of each feature.
        tables: The table of each feature.
        of_fold: Per host and feature what each of the host's categories is worth to the rows of
            each fold, shape (folds, C + 1), in the order of the host's own counts.
    """

    labels: dict[str, str]
    tables: dict[str, RiskTable]
    of_fold: list[dict[str, NDArray[np.float64]]]


def join_counts(
    columns: Sequence[str],
    labels: Sequence[str],
    hosts: Sequence[Sequence[Sequence[CategoryCounts]]],
    smooth: float | Literal["auto"],
    taken: Sequence[str],
    *,
    where_different: bool,
) -> JoinedTables:
    """The risk table of every column and task, and what the training rows are encoded with.

    Args:
        columns: The categorical columns.
        labels: Label columns of the tasks whose risks the categories become, the main task's first.
        hosts: Per host and label the counts of each column.
        smooth: See `processing.features.risk_counts.category_risks`.
        taken: Names that no further feature may have.
        where_different: See `processing.features.preprocessing.RiskTableSettings`.
    """
    joined = JoinedTables({}, {}, [{} for _ in hosts])
    for task, label in enumerate(labels):
        for number, column in enumerate(columns):
            name = encoding_name(column, label, taken) if task else column
            parts = [host[task][number] for host in hosts]
            if task and where_different and not _differs(parts):
                continue
            table, encoded = _join_column(parts, smooth)
            if task == 0:
                _warn(column, table)
            else:
                table |= {"column": column, "task": label}
            joined.labels[name], joined.tables[name] = label, table
            for host, own in zip(joined.of_fold, encoded, strict=True):
                host[name] = own
        if any(
            joined.tables[name]["default_bin"] in {0.0, 1.0}
            for name in joined.tables
            if joined.labels[name] == label
        ):
            logger.warning(
                "Task %s has only one class among the training rows with a known label: its risk "
                "tables cannot tell categories apart",
                label,
            )
    return joined


def with_learned(joined: JoinedTables, learned: Preprocessing) -> JoinedTables:
    """The tables that an initial model has, in the place of those of these rows.

    Where they are the same the training rows are encoded out of fold; to other rows a table says
    nothing of their own labels (`processing.features.preprocessing`).
    """
    labels, tables = {}, {}
    of_fold: list[dict[str, NDArray[np.float64]]] = [{} for _ in joined.of_fold]
    for name, table in joined.tables.items():
        found = learned_tables(learned, table.get("column", name), table.get("task"))
        if not found:
            continue
        [(feature, known)] = found
        labels[feature], tables[feature] = joined.labels[name], known
        if (table["bins"], table["default_bin"]) == (known["bins"], known["default_bin"]):
            for host, own in zip(of_fold, joined.of_fold, strict=True):
                host[feature] = own[name]
    return JoinedTables(labels, tables, of_fold)


def _join_column(
    parts: Sequence[CategoryCounts], smooth: float | Literal["auto"]
) -> tuple[RiskTable, list[NDArray[np.float64]]]:
    place, places = _places(parts)
    counts = np.zeros((len(parts[0].counts), len(place) + 1, 2))
    for part, own in zip(parts, places, strict=True):
        counts[:, own] += part.counts
    total = counts.sum(axis=0)
    n_rows, positives = total.sum(axis=0)
    risks = category_risks(total, smooth)
    seen = {text: float(risks[index]) for text, index in place.items() if total[index, 0] > 0}
    table: RiskTable = {
        "bins": seen,
        "default_bin": float(positives / n_rows) if n_rows else 0.0,
    }
    encoded = out_of_fold_risks(counts, smooth)
    return table, [encoded[:, own] for own in places]


def _differs(parts: Sequence[CategoryCounts]) -> bool:
    """Whether a task's categories mean something else to it than to the main task."""
    place, places = _places(parts)
    pairs = np.zeros((len(place) + 1, 4))
    for part, own in zip(parts, places, strict=True):
        pairs[own] += part.pairs
    if not pairs.any():
        for part, own in zip(parts, places, strict=True):
            pairs[own, :2] += part.counts.sum(axis=0)
    return differs_from_main(pairs)


def _places(
    parts: Sequence[CategoryCounts],
) -> tuple[dict[str, int], list[NDArray[np.int64]]]:
    """The number of each text among those of all hosts, and that of each host's categories."""
    texts = sorted({text for part in parts for text in part.texts})
    # Category 0 is a missing one on every host.
    place = {text: index for index, text in enumerate(texts, start=1)}
    return place, [np.array([0, *(place[text] for text in part.texts)]) for part in parts]


def _warn(column: str, table: RiskTable) -> None:
    if not table["bins"]:
        logger.warning("Column %r has no category in the training data", column)
    elif len(table["bins"]) == 1:
        logger.warning("Column %r has a single category in the training data", column)
