"""Which data files an input channel has."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from common.disk_names import from_disk
from common.messages import listed, printable, quoted_list
from exceptions import DataError
from processing.reading.folders import check_read_once, visible_files

logger = logging.getLogger(__name__)

# Name ending -> format of the table and whether the file is compressed with gzip.
ENDINGS = {
    ".csv": ("csv", False),
    ".tsv": ("tsv", False),
    ".parquet": ("parquet", False),
    ".csv.gz": ("csv", True),
    ".tsv.gz": ("tsv", True),
}


_PARTITION = re.compile(r"([^=]+)=.*")


@dataclass(frozen=True)
class DataFile:
    """One file of a channel.

    Attributes:
        path: where it is.
        label: what messages call it: `train/part-0.csv`, control characters escaped.
        file_format: `csv`, `tsv` or `parquet`.
        is_gzip: whether it is compressed as a whole.
        share: which of how many equal parts of its rows are wanted, as (number, of how many).
    """

    path: Path
    label: str
    file_format: str
    is_gzip: bool
    share: tuple[int, int] = (0, 1)

    @property
    def partition_columns(self) -> list[str]:
        """The columns that the names of its folders stand for, as in `train/dt=2026-01-01/`."""
        folders = self.label.split("/")[1:-1]
        return [found[1] for folder in folders if (found := _PARTITION.fullmatch(folder))]


@dataclass(frozen=True)
class FileHeader:
    """What a file says of itself before its rows are read.

    Attributes:
        names: the column names, in the order of the file; repeated ones as often as they are there.
        rows: the number of rows, None if it is not known before they are read.
        schema: the Arrow types of a Parquet file's columns.
    """

    names: tuple[str, ...]
    rows: int | None
    schema: pa.Schema | None = None


@dataclass(frozen=True)
class Channel:
    """The data files of a channel, at least one, all of one format, in the order of reading.

    Attributes:
        name: what messages call it: `train`.
        files: in the order of their paths below the channel's folder.
        file_format: `csv`, `tsv` or `parquet`. Compressed and plain files may be mixed.
    """

    name: str
    files: tuple[DataFile, ...]
    file_format: str


def find_channel_files(
    name: str, folder: Path, others: Mapping[str, Path] = MappingProxyType({})
) -> Channel:
    """List a channel's data files, those of subfolders included; links are followed.

    Files and folders whose name starts with `_` or `.` are skipped. Files with another ending
    are ignored with a warning, as long as there is a data file. Nothing is written and no file
    is opened.

    Args:
        name: what messages call the channel.
        folder: where its files are.
        others: the folders of the other channels by name: links must not lead there.

    Raises:
        DataError: no such folder, nothing in it, no data file, several formats, empty files, links
            to nowhere, to a folder above or into another channel, two ways to one file.
    """
    if not folder.is_dir():
        raise DataError(f"channel {name!r}: wanted a folder with data files, found none: {folder}")
    visible = visible_files(name, folder, others)
    if not visible:
        raise DataError(f"channel {name!r} is empty: no data file in {folder}")
    files, foreign, no_files = [], [], []
    for path in visible:
        inner_path = printable(from_disk(path.relative_to(folder)))
        ending = _data_ending(path)
        if ending is None:
            foreign.append(inner_path)
        elif not path.is_file():
            no_files.append(f"{name}/{inner_path}")
        else:
            file_format, is_gzip = ENDINGS[ending]
            files.append(DataFile(path, f"{name}/{inner_path}", file_format, is_gzip))
    if no_files:
        raise DataError(
            f"channel {name!r}: wanted files, found links to nowhere, pipes or the like: "
            f"{quoted_list(no_files)}"
        )
    if not files:
        raise DataError(
            f"channel {name!r} has no data file ({', '.join(ENDINGS)}) in {folder}, "
            f"only {quoted_list(foreign)}"
        )
    if foreign:
        logger.warning("channel %r: files that are no data are ignored: %s", name, listed(foreign))
    _check_formats(name, files)
    check_read_once((file.label, file.path) for file in files)
    return Channel(name, tuple(files), files[0].file_format)


def _data_ending(path: Path) -> str | None:
    lower = path.name.lower()
    return next((ending for ending in ENDINGS if lower.endswith(ending)), None)


def _check_formats(name: str, files: list[DataFile]) -> None:
    example_of_format: dict[str, str] = {}
    for file in files:
        example_of_format.setdefault(file.file_format, file.label)
    if len(example_of_format) > 1:
        found = ", ".join(f"{key} ({label})" for key, label in example_of_format.items())
        raise DataError(f"channel {name!r}: wanted files of one format, found {found}")
    empty = [file.label for file in files if file.path.stat().st_size == 0]
    if empty:
        raise DataError(
            f"channel {name!r}: wanted a header and rows in every file, found files of 0 bytes: "
            f"{quoted_list(empty)}"
        )
