"""Reading the splits: channels, tasks, columns, tables, labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from exceptions import DataError
from processing.artifacts import PrecomputedArtifacts
from processing.channels import Channel, find_channel_files
from processing.columns import TableColumns, check_id_in_all_or_no_split
from processing.evaluation_output import prediction_columns
from processing.labels import binary_labels
from processing.messages import quoted_list
from processing.paths import JobPaths
from processing.tables import read_table, table_columns
from processing.weights import check_weights


@dataclass(frozen=True)
class Channels:
    """The channels of a job and the columns that their first files have.

    Attributes:
        by_split: Channel of each split, `train` first.
        columns: Column names of each split.
    """

    by_split: dict[str, Channel]
    columns: dict[str, list[str]]

    @property
    def data_format(self) -> str:
        """Format of the training data, which that of the predictions follows."""
        return self.by_split["train"].file_format

    def header(self) -> pd.DataFrame:
        """A table without rows that has the training data's columns."""
        return pd.DataFrame(columns=self.columns["train"])


def find_channels(paths: JobPaths) -> Channels:
    """Finds the data files of every split and reads their headers.

    Raises:
        DataError: A channel is missing, has no data file or mixes formats, or a file has no
            readable header.
    """
    folders = {"train": paths.train, "val": paths.val}
    if paths.test is not None:
        folders["test"] = paths.test
    by_split = {name: find_channel_files(name, folder) for name, folder in folders.items()}
    return Channels(by_split, {name: table_columns(found) for name, found in by_split.items()})


def columns_to_read(
    numerical: Sequence[str],
    categorical: Sequence[str],
    task_columns: Sequence[str],
    id_name: str,
    weights: Sequence[str],
    artifacts: PrecomputedArtifacts,
) -> tuple[TableColumns, list[str], list[str]]:
    """What to read, and which numerical and categorical features of it the model uses.

    Precomputed features leave out the others. Precomputed risk tables say that the categorical
    columns hold numbers by now.
    """
    selected = artifacts.selected_features
    if selected is not None:
        numerical = [name for name in numerical if name in selected]
        categorical = [name for name in categorical if name in selected]
    mapped = artifacts.risk_tables is not None
    columns = TableColumns(
        labels=tuple(task_columns),
        numerical=(*numerical, *(categorical if mapped else ())),
        categorical=() if mapped else tuple(categorical),
        id_name=id_name,
        weights=tuple(weights),
    )
    return columns, list(numerical), list(categorical)


def read_splits(
    channels: Channels, columns: TableColumns, *, allow_missing_labels: bool
) -> dict[str, pd.DataFrame]:
    """Reads and checks every split.

    Raises:
        DataError: The data cannot be used; see the readers.
    """
    check_id_in_all_or_no_split(channels.columns, columns.id_name)
    _check_prediction_columns(columns)
    splits = {}
    for name, channel in channels.by_split.items():
        table = read_table(channel, columns)
        splits[name] = binary_labels(
            table, columns.labels, name, allow_missing=allow_missing_labels
        )
        check_weights(splits[name], columns.weights, name)
    return splits


def _check_prediction_columns(columns: TableColumns) -> None:
    names = prediction_columns(columns.id_name, columns.labels)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            "the prediction files would have these columns twice: "
            f"{quoted_list(twice)}; rename the id column (id_name) or a task"
        )
