"""Which data files an input channel has."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from common.messages import listed, quoted_list
from exceptions import DataError

logger = logging.getLogger(__name__)

# Name ending -> format of the table and whether the file is compressed with gzip.
ENDINGS = {
    ".csv": ("csv", False),
    ".tsv": ("tsv", False),
    ".parquet": ("parquet", False),
    ".csv.gz": ("csv", True),
    ".tsv.gz": ("tsv", True),
}


@dataclass(frozen=True)
class DataFile:
    """One file of a channel.

    Attributes:
        path: where it is.
        label: what messages call it: `train/part-0.csv`.
        file_format: `csv`, `tsv` or `parquet`.
        is_gzip: whether it is compressed as a whole.
    """

    path: Path
    label: str
    file_format: str
    is_gzip: bool


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


def find_channel_files(name: str, folder: Path) -> Channel:
    """List a channel's data files, those of subfolders included; links are followed.

    Files and folders whose name starts with `_` or `.` are skipped. Files with another ending
    are ignored with a warning, as long as there is a data file. Nothing is written and no file
    is opened.

    Raises:
        DataError: no such folder, nothing in it, no data file, several formats, empty files, links
            to nowhere.
    """
    if not folder.is_dir():
        raise DataError(f"channel {name!r}: wanted a folder with data files, found none: {folder}")
    visible = _visible_files(name, folder)
    if not visible:
        raise DataError(f"channel {name!r} is empty: no data file in {folder}")
    files, others, no_files = [], [], []
    for path in visible:
        inner_path = path.relative_to(folder).as_posix()
        ending = _data_ending(path)
        if ending is None:
            others.append(inner_path)
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
            f"only {quoted_list(others)}"
        )
    if others:
        logger.warning("channel %r: files that are no data are ignored: %s", name, listed(others))
    _check_formats(name, files)
    return Channel(name, tuple(files), files[0].file_format)


def _visible_files(name: str, folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"channel {name!r} cannot be listed: {error}") from error

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [inner for inner in folders if not inner.startswith(("_", "."))]
        found += [Path(parent, inner) for inner in names if not inner.startswith(("_", "."))]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


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
