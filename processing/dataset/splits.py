"""Reading the splits: channels, tasks, columns, tables, labels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from common.messages import quoted_list
from exceptions import DataError
from processing.dataset.labels import binary_labels
from processing.dataset.weights import check_weights
from processing.features.artifacts import PrecomputedArtifacts
from processing.job.paths import JobPaths
from processing.reading.channels import Channel, find_channel_files
from processing.reading.columns import TableColumns, check_columns
from processing.reading.tables import column_names, read_table
from processing.writing.evaluation_output import prediction_columns

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channels:
    """The channels of a job and the columns that their files have.

    Attributes:
        by_split: Channel of each split, `train` first.
        columns: Column names of each file of each split, by what messages call the file.
    """

    by_split: dict[str, Channel]
    columns: dict[str, dict[str, list[str]]]

    @property
    def data_format(self) -> str:
        """Format of the training data, which that of the predictions follows."""
        return self.by_split["train"].file_format

    def header(self) -> pd.DataFrame:
        """A table without rows that has the columns of any file of the training data."""
        names = [name for names in self.columns["train"].values() for name in names]
        return pd.DataFrame(columns=list(dict.fromkeys(names)))


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
    return Channels(by_split, {name: column_names(found) for name, found in by_split.items()})


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
    """Reads and checks every split; the columns of all files are checked before any is read.

    Raises:
        DataError: The data cannot be used; see the readers.
    """
    check_columns(
        {file: names for files in channels.columns.values() for file, names in files.items()},
        columns,
    )
    _check_prediction_columns(columns)
    splits = {}
    for name, channel in channels.by_split.items():
        table, places = read_table(channel, columns)
        splits[name] = binary_labels(
            table, columns.labels, places, allow_missing=allow_missing_labels
        )
        check_weights(splits[name], columns.weights, places)
    if allow_missing_labels:
        splits["train"] = _without_unlabelled(splits["train"], columns.labels)
    return splits


def _without_unlabelled(train: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Leaves out the training rows of which no task's label is known: they can teach nothing."""
    unlabelled = train[list(labels)].isna().all(axis=1)
    if not unlabelled.any():
        return train
    logger.info("%d training rows have no label at all and are left out", unlabelled.sum())
    if unlabelled.all():
        raise DataError("train: no row has a label")
    return train[~unlabelled]


def _check_prediction_columns(columns: TableColumns) -> None:
    names = prediction_columns(columns.id_name, columns.labels)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            "the prediction files would have these columns twice: "
            f"{quoted_list(twice)}; rename the id column (id_name) or a task"
        )
