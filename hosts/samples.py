"""Samples of the rows of all hosts, which are small enough for one."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hosts.joining import joined_labels, joined_tables, shared_out
from hosts.team import Team
from models.engine.task_rows import LabelledRows
from models.evaluation.drift import SAMPLE_ROWS
from processing.reading.columns import TableColumns
from steps.reference import drift_of_features, sample_size


def some_rows(
    team: Team, rows: Sequence[Mapping[str, int]], split: str, most: int, columns: Sequence[str]
) -> pd.DataFrame:
    """At most so many rows of a split, from every host in proportion to its rows.

    Args:
        team: The hosts.
        rows: Rows of each split, by host.
        split: The split.
        most: How many rows.
        columns: The columns, once or more often.
    """
    numbers = shared_out(most, [each[split] for each in rows])
    wanted = list(dict.fromkeys(columns))
    return joined_tables(
        team.ask_each("data.some_rows", [(split, number, wanted) for number in numbers])
    )


def labelled_sample(
    team: Team, rows: Sequence[Mapping[str, int]], split: str, most: int
) -> tuple[pd.DataFrame, LabelledRows]:
    """Features and labels of at most so many rows of a split, from every host."""
    numbers = shared_out(most, [each[split] for each in rows])
    parts = team.ask_each("data.some_labelled_rows", [(split, number) for number in numbers])
    return joined_tables([df for df, _ in parts]), joined_labels([labels for _, labels in parts])


def drift_on_hosts(
    team: Team,
    rows: Sequence[Mapping[str, int]],
    needed: Mapping[str, TableColumns],
    features: Sequence[str],
    weight_name: str | None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Drift of every feature, from samples of the splits, as on one host.

    Args:
        team: The hosts.
        rows: Rows of each split, by host.
        needed: What was read of each split.
        features: Numbers or Categoricals, as they were read.
        weight_name: Column of row weights, if there is one.
    """
    samples = {
        split: some_rows(
            team,
            rows,
            split,
            SAMPLE_ROWS,
            [*features, *([weight_name] if weight_name in columns.weights else [])],
        )
        for split, columns in needed.items()
    }
    return drift_of_features(samples, features, weight_name)


def training_sample(
    team: Team,
    rows: Sequence[Mapping[str, int]],
    features: Sequence[str],
    weight_name: str | None,
) -> pd.DataFrame:
    """Some training rows with the features as the model sees them, and the column of weights."""
    columns = list(dict.fromkeys([*features, *([weight_name] if weight_name else [])]))
    return some_rows(team, rows, "train", sample_size(len(columns)), columns)
