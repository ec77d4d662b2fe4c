"""Reading the splits: channels, tasks, columns, tables, labels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from common.messages import listed, quoted, quoted_list
from exceptions import DataError
from processing.dataset.evaluation_columns import check_evaluation_numbers
from processing.dataset.labels import binary_labels
from processing.dataset.weights import check_weights
from processing.features.artifacts import PrecomputedArtifacts
from processing.job.paths import JobPaths
from processing.reading.channels import Channel, DataFile, FileHeader, find_channel_files
from processing.reading.columns import TableColumns, check_columns
from processing.reading.csv_file import DELIMITERS
from processing.reading.data_files import read_headers
from processing.reading.file_kinds import header_fault
from processing.reading.folders import check_read_once
from processing.reading.tables import read_table
from processing.writing.evaluation_output import prediction_columns

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channels:
    """The channels of a job and the headers of their files.

    Attributes:
        by_split: Channel of each split, `train` first.
        headers: Header of each file of each split, by what messages call the file.
    """

    by_split: dict[str, Channel]
    headers: dict[str, dict[str, FileHeader]]

    @property
    def data_format(self) -> str:
        """Format of the training data, which that of the predictions follows."""
        return self.by_split["train"].file_format

    def header(self) -> pd.DataFrame:
        """A table without rows that has the columns of any file of the training data."""
        names = [name for header in self.headers["train"].values() for name in header.names]
        return pd.DataFrame(columns=list(dict.fromkeys(names)))


def find_channels(paths: JobPaths) -> Channels:
    """Finds the data files of every split and reads their headers.

    Raises:
        DataError: A channel is missing, has no data file or mixes formats, a file has no readable
            header, or a file is reached twice.
    """
    folders = {"train": paths.train, "val": paths.val}
    if paths.test is not None:
        folders["test"] = paths.test
    by_split = {
        name: find_channel_files(
            name, folder, {other: path for other, path in folders.items() if other != name}
        )
        for name, folder in folders.items()
    }
    files = [file for channel in by_split.values() for file in channel.files]
    check_read_once((file.label, file.path) for file in files)
    _tell_of_partitions(files)
    return Channels(by_split, {name: read_headers(found) for name, found in by_split.items()})


def _tell_of_partitions(files: Sequence[DataFile]) -> None:
    example = {name: file.label for file in files for name in file.partition_columns}
    if example:
        names = [f"{quoted(name)} ({label})" for name, label in example.items()]
        logger.info("Partition columns, in the names of folders, are not read: %s", listed(names))


def check_headers(channels: Channels, wanted: Sequence[str]) -> None:
    """Check the files that lack a column for reasons that can be told.

    Args:
        channels: The channels with the headers of their files.
        wanted: Columns that the files should have.

    Raises:
        DataError: A file has another delimiter, no header, is no table, or a column is in the names
            of its folders only.
    """
    for name, channel in channels.by_split.items():
        for file in channel.files:
            names = channels.headers[name][file.label].names
            missing = [column for column in wanted if column not in names]
            partitions = [column for column in missing if column in file.partition_columns]
            if partitions:
                raise DataError(
                    f"{file.label}: columns are needed that are in the name of the folder only, "
                    f"which is not read: {quoted_list(partitions)}; write them into the files"
                )
            if missing and channel.file_format in DELIMITERS:
                fault = header_fault(names, DELIMITERS[channel.file_format], wanted)
                if fault:
                    raise DataError(f"{file.label}: {fault}")


def columns_to_read(
    numerical: Sequence[str],
    categorical: Sequence[str],
    task_columns: Sequence[str],
    id_name: str,
    weights: Sequence[str],
    evaluation: Sequence[str],
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
        numerical=tuple(numerical),
        categorical=() if mapped else tuple(categorical),
        id_name=id_name,
        weights=tuple(weights),
        evaluation=tuple(evaluation),
        encoded=tuple(categorical) if mapped else (),
    )
    return columns, list(numerical), list(categorical)


def read_splits(
    channels: Channels, columns: TableColumns, *, allow_missing_labels: bool
) -> dict[str, pd.DataFrame]:
    """Reads and checks every split; the columns of all files are checked before any is read.

    A split `test` without any of the label columns is only scored: its table has features and ids.

    Raises:
        DataError: The data cannot be used; see the readers.
    """
    names_of_file = {
        file: header.names
        for headers in channels.headers.values()
        for file, header in headers.items()
    }
    needed = {
        "train": columns.without_evaluation(),
        "val": columns,
        "test": columns.without_labels() if _is_unlabelled(channels, columns.labels) else columns,
    }
    needed_of_file = {
        file: needed[name] for name, headers in channels.headers.items() for file in headers
    }
    check_columns(names_of_file, needed_of_file)
    _check_prediction_columns(columns)
    splits = {}
    for name, channel in channels.by_split.items():
        of_split = needed[name]
        table, places = read_table(channel, channels.headers[name], of_split)
        splits[name] = binary_labels(
            table, of_split.labels, places, allow_missing=allow_missing_labels
        )
        check_weights(splits[name], of_split.weights, places)
        check_evaluation_numbers(splits[name], of_split.evaluation, places)
    if allow_missing_labels:
        splits["train"] = _without_unlabelled(splits["train"], columns.labels)
    return splits


def _is_unlabelled(channels: Channels, labels: Sequence[str]) -> bool:
    """Whether there is a test channel, and none of its files has any label column."""
    headers = channels.headers.get("test", {})
    if not headers or any(set(labels) & set(header.names) for header in headers.values()):
        return False
    logger.info("test: there are no label columns, so its rows are scored, without metrics")
    return True


def _without_unlabelled(train: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Leaves out the training rows of which no task's label is known: they can teach nothing.

    The given table loses its columns, so that at no time there are two of more than one of them.
    """
    unlabelled = train[list(labels)].isna().all(axis=1)
    if not unlabelled.any():
        return train
    logger.info("%d training rows have no label at all and are left out", unlabelled.sum())
    if unlabelled.all():
        raise DataError("train: no row has a label")
    keep = ~unlabelled.to_numpy()
    columns = {name: train.pop(name).array[keep] for name in list(train.columns)}
    return pd.DataFrame(columns, index=train.index[keep], copy=False)


def _check_prediction_columns(columns: TableColumns) -> None:
    names = prediction_columns(columns.id_name, columns.labels)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            "the prediction files would have these columns twice: "
            f"{quoted_list(twice)}; rename the id column (id_name) or a task"
        )
