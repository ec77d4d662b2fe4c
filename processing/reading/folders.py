"""The files in a channel's folder: links are followed, but never twice to one file."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from common.disk_names import from_disk
from common.messages import printable
from exceptions import DataError


def visible_files(name: str, folder: Path, others: Mapping[str, Path]) -> list[Path]:
    """List all files below a folder, in the order of their paths below it.

    Files and folders whose name starts with `_` or `.` are skipped. Links are followed, the folder
    itself may be one; links to nowhere are listed.

    Args:
        name: what messages call the channel.
        folder: an existing folder.
        others: the folders of the other channels, by name.

    Raises:
        DataError: a folder cannot be listed, or a link leads to a folder above, in a circle, to a
            folder that was listed already, or into another channel.
    """
    walk = _Walk(name, folder, others)
    return sorted(walk.files(), key=lambda path: path.relative_to(folder).as_posix())


class _Walk:
    """One walk through a channel's folder.

    Real paths say where one is, whatever links were followed; the first way to each is remembered.
    """

    def __init__(self, name: str, folder: Path, others: Mapping[str, Path]) -> None:
        self._name = name
        self._folder = folder
        self._root = _real(folder)
        self._others = {other: _real(path) for other, path in others.items()}
        self._way_to: dict[Path, Path] = {self._root: folder}

    def files(self) -> Iterator[Path]:
        yield from self._files_in(self._folder, (self._root,))

    def _files_in(self, folder: Path, around: tuple[Path, ...]) -> Iterator[Path]:
        """The files below a folder; `around`: real paths of the folders it is in, its own last."""
        try:
            with os.scandir(folder) as listing:
                entries = [entry for entry in listing if not entry.name.startswith(("_", "."))]
        except OSError as error:
            raise DataError(f"channel {self._name!r} cannot be listed: {error}") from error
        for entry in entries:
            path = folder / entry.name
            real = _real(path) if entry.is_symlink() else around[-1] / entry.name
            if entry.is_symlink():
                self._check_target(path, real, around)
            if path.is_dir():
                first = self._way_to.setdefault(real, path)
                if first != path:
                    raise DataError(
                        f"{self._shown(path)} and {self._shown(first)} are the same folder, whose "
                        f"files would be read twice: {real}"
                    )
                yield from self._files_in(path, (*around, real))
            else:
                yield path

    def _check_target(self, link: Path, target: Path, around: tuple[Path, ...]) -> None:
        what = None
        if self._root.is_relative_to(target):
            what = f"{target}, which is the channel's folder or above it"
        elif target in around:
            what = f"{target}, in which it stands itself"
        for other, folder in self._others.items():
            if what is None and target.is_relative_to(folder):
                what = f"{target}, which is in the channel {other!r}"
            if what is None and folder.is_relative_to(target):
                what = f"{target}, where the channel {other!r} is"
        if what is not None:
            raise DataError(
                f"channel {self._name!r}: the link {self._shown(link)} leads to {what}: remove it"
            )

    def _shown(self, path: Path) -> str:
        return printable(f"{self._name}/{from_disk(path.relative_to(self._folder))}")


def _real(path: Path) -> Path:
    # `Path.resolve` of Python 3.11 raises an error for a link to itself.
    return Path(os.path.realpath(path))


def check_read_once(files: Iterable[tuple[str, Path]]) -> None:
    """Check that no two files are the same one.

    Args:
        files: what messages call each file, and its path; of all channels.

    Raises:
        DataError: two are, by links or as two names of one file.
    """
    label_of: dict[object, str] = {}
    for label, path in files:
        status = path.stat()
        real = _real(path)
        # Some file systems number their files freely; two names of one are counted by all.
        identities: list[object] = [real]
        if status.st_nlink > 1:
            identities.append((status.st_dev, status.st_ino))
        for identity in identities:
            first = label_of.setdefault(identity, label)
            if first != label:
                raise DataError(
                    f"{label} and {first} are the same file, whose rows would be read twice: {real}"
                )
