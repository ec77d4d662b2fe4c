"""Reading the splits: channels, tasks, columns, tables, labels."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from processing.reading.folders import check_read_once, visible_files
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


def split_folders(paths: JobPaths) -> dict[str, Path]:
    """The folder of each split, `train` first."""
    folders = {"train": paths.train, "val": paths.val}
    return folders if paths.test is None else {**folders, "test": paths.test}


def find_channels(paths: JobPaths, may_be_empty: Collection[str] = ()) -> Channels:
    """Finds the data files of every split and reads their headers.

    Args:
        paths: Where the channels are.
        may_be_empty: Splits that are left out if they have no files: other hosts may.

    Raises:
        DataError: A channel is missing, has no data file or mixes formats, a file has no readable
            header, or a file is reached twice.
    """
    folders = split_folders(paths)
    by_split = {}
    for name, folder in folders.items():
        others = {other: path for other, path in folders.items() if other != name}
        if name in may_be_empty and not (folder.is_dir() and visible_files(name, folder, others)):
            continue
        by_split[name] = find_channel_files(name, folder, others)
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
    check_split_columns(channels, columns)
    needed = needed_columns(channels, columns)
    tell_of_unlabelled(needed)
    splits = {
        name: read_split(
            channel,
            channels.headers[name],
            needed[name],
            allow_missing_labels=allow_missing_labels,
        )
        for name, channel in channels.by_split.items()
    }
    if splits["train"].empty:
        raise DataError("train: no row has a label")
    return splits


def check_split_columns(channels: Channels, columns: TableColumns) -> bool:
    """Checks the headers of all files, and the names of the columns that will be written.

    Returns:
        Whether the files have the id column.

    Raises:
        DataError: Columns are missing, or there twice.
    """
    names_of_file = {
        file: header.names
        for headers in channels.headers.values()
        for file, header in headers.items()
    }
    needed = needed_columns(channels, columns)
    needed_of_file = {
        file: needed[name] for name, headers in channels.headers.items() for file in headers
    }
    has_id = check_columns(names_of_file, needed_of_file)
    _check_prediction_columns(columns)
    return has_id


def tell_of_unlabelled(needed: Mapping[str, TableColumns]) -> None:
    """Logs that a test split without labels is only scored."""
    if "test" in needed and not needed["test"].labels:
        logger.info("test: there are no label columns, so its rows are scored, without metrics")


def needed_columns(channels: Channels, columns: TableColumns) -> dict[str, TableColumns]:
    """What each split needs of the columns of the job; without labels a test split has none."""
    headers = channels.headers.get("test", {})
    labelled = any(set(columns.labels) & set(header.names) for header in headers.values())
    needed = {
        "train": columns.without_evaluation(),
        "val": columns,
        "test": columns if labelled else columns.without_labels(),
    }
    return {name: needed[name] for name in channels.by_split}


def read_split(
    channel: Channel,
    headers: Mapping[str, FileHeader],
    columns: TableColumns,
    *,
    allow_missing_labels: bool,
    is_whole: bool = True,
) -> pd.DataFrame:
    """Reads and checks one split; training rows without any label are left out.

    Args:
        channel: The split's files.
        headers: Their headers.
        columns: The columns, which all files have.
        allow_missing_labels: Whether a label may be missing.
        is_whole: Whether these are all rows of the split: of a part all weights may be 0,
            and all numbers that it is judged by may be missing.

    Raises:
        DataError: The data cannot be used; see the readers.
    """
    table, places = read_table(channel, headers, columns)
    split = binary_labels(table, columns.labels, places, allow_missing=allow_missing_labels)
    # It shares its columns with the split, of which some rows may go.
    del table
    check_weights(split, columns.weights, places, is_whole=is_whole)
    if is_whole:
        check_evaluation_numbers(split, columns.evaluation, places)
    if allow_missing_labels and channel.name == "train":
        return _without_unlabelled(split, columns.labels)
    return split


def _without_unlabelled(train: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Leaves out the training rows of which no task's label is known: they can teach nothing.

    The given table loses its columns, so that at no time there are two of more than one of them.
    """
    unlabelled = train[list(labels)].isna().all(axis=1)
    if not unlabelled.any():
        return train
    logger.info("%d training rows have no label at all and are left out", unlabelled.sum())
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
