"""A result folder that gets all its files at once, in the place of those of an earlier run."""

import contextlib
import ctypes
import errno
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from processing.writing.atomic import ASIDE_SUFFIX, flush_file, flush_folder

logger = logging.getLogger(__name__)

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class StagedDirectory:
    """A result folder whose new files are written aside, on the same file system.

    What a kill at any moment leaves in the folder is all that was there before or all that is new:
    the folder of the new files and that of the earlier ones change places in one call of the
    system. Where that is refused (the folder is a mount point, or its file system cannot do it),
    files are renamed one by one: then the last name marks the folder as complete, because it leaves
    first and arrives last.

    Files in the folder that are not named here stay there, but for those of `made_for_them`.

    `StagedResults` calls the methods in their order.

    Args:
        target: The folder, made if it is missing.
        names: All files that may be published; the last one marks the folder as complete.
        made_for_them: What others may have added for the earlier files: goes with them.
    """

    def __init__(
        self, target: Path, names: Sequence[str], made_for_them: Sequence[str] = ()
    ) -> None:
        # A link to the folder stays a link.
        self.target = target.resolve()
        self._names = tuple(names)
        self._made_for_them = tuple(made_for_them)
        # Beside the target a killed job's rest is not taken for a result; inside, if it must be.
        self._beside = self.target.with_name(f".{self.target.name}{ASIDE_SUFFIX}")
        self._inside = self.target / ASIDE_SUFFIX
        self._earlier = self.target / f"{ASIDE_SUFFIX}-earlier"
        self._staging = self._beside
        self._exchanged = False

    def prepare(self) -> None:
        """Removes what a killed job left aside, and tries that files can be renamed into place.

        Raises:
            OSError: The folder refuses it.
        """
        self.remove_aside()
        try:
            self._try_staging(self._beside)
            self._staging = self._beside
        except OSError:
            self._try_staging(self._inside)
            self._staging = self._inside

    def path(self, name: str) -> Path:
        """Where to write one of the named files."""
        if name not in self._names:
            raise ValueError(f"{name!r} is not among the files of {self.target}: {self._names}")
        # Made late, so that a job killed during training leaves nothing.
        self._staging.mkdir(exist_ok=True)
        return self._staging / name

    def complete(self) -> None:
        """Says that all files have been written; flushes them to the disk.

        From now on a killed job leaves a folder aside whose name says that it is complete, and
        holds the folder's own number: once it has changed places with the target, the folder of
        that name is another one.
        """
        written = {path.name for path in self._staging.iterdir()}
        if self._names[-1] not in written:
            raise ValueError(f"{self._names[-1]!r} was not written for {self.target}")
        if foreign := written - set(self._names):
            raise ValueError(f"unnamed files were written for {self.target}: {sorted(foreign)}")
        for name in written:
            flush_file(self._staging / name)
        flush_folder(self._staging)
        self._staging = self._renamed("complete")

    def put_in_place(self) -> None:
        """Puts the complete files into the folder.

        Raises:
            OSError: The folder refuses it.
        """
        if not self.target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.target))
        if self._staging.parent != self.target and self._exchange_folders():
            flush_folder(self.target.parent)
            return
        self._move_one_by_one()
        flush_folder(self.target)

    def take_back(self) -> None:
        """Undoes `put_in_place`, finished or not."""
        if self._exchanged:
            exchange(self._staging, self.target)
        elif self._earlier.exists():
            for name in self._names:
                (self.target / name).unlink(missing_ok=True)
            _move_all(self._earlier, self.target)

    def is_interrupted(self) -> bool:
        """Whether an earlier job was killed after `complete` and before all was in place."""
        return self._unpublished() is not None

    def finish(self) -> None:
        """Puts in place what an earlier job was killed over."""
        staging = self._unpublished()
        if staging is not None:
            self._staging = staging
            self.put_in_place()

    def remove_aside(self) -> None:
        """Removes everything that is not in place."""
        for path in list(self._aside()):
            shutil.rmtree(path)
        (self.target / f".arrived{ASIDE_SUFFIX}").unlink(missing_ok=True)

    def _unpublished(self) -> Path | None:
        for path in self._aside():
            match = re.search(r"-(?:complete|moving)-(\d+)$", path.name)
            if match and path.stat().st_ino == int(match[1]):
                return path
        return None

    def _aside(self) -> Iterator[Path]:
        for start in (self._beside, self._inside):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                for path in start.parent.iterdir():
                    rest = path.name.removeprefix(start.name)
                    if rest != path.name and (not rest or rest.startswith("-")):
                        yield path

    def _renamed(self, stage: str) -> Path:
        start = self._inside if self._staging.parent == self.target else self._beside
        path = start.with_name(f"{start.name}-{stage}-{self._staging.stat().st_ino}")
        self._staging.rename(path)
        flush_folder(path.parent)
        return path

    def _exchange_folders(self) -> bool:
        """Let the two folders change places; False where that cannot be done."""
        target = self.target.stat()
        try:
            os.chown(self._staging, target.st_uid, target.st_gid)
            self._staging.chmod(target.st_mode & 0o7777)
            for path in self.target.iterdir():
                if self._is_foreign(path):
                    _link(path, self._staging / path.name)
            exchange(self._staging, self.target)
        except OSError:
            # A mount point, another owner, a file that cannot be linked: file by file shows what
            # is really wrong.
            self._remove_foreign_links()
            return False
        self._exchanged = True
        return True

    def _is_foreign(self, path: Path) -> bool:
        if path.name in self._made_for_them:
            logger.warning("%s was made for the earlier model and is removed with it", path)
            return False
        return path.name not in self._names and not path.name.startswith(self._inside.name)

    def _remove_foreign_links(self) -> None:
        for path in self._staging.iterdir():
            if path.name not in self._names:
                _remove(path)

    def _move_one_by_one(self) -> None:
        if "-moving-" not in self._staging.name:
            self._earlier.mkdir(exist_ok=True)
            # The mark of completeness goes first.
            for name in (*reversed(self._names), *self._made_for_them):
                if (self.target / name).exists():
                    (self.target / name).rename(self._earlier / name)
            # From here on what stands in the target is new.
            self._staging = self._renamed("moving")
        for name in self._names:
            if (self._staging / name).exists():
                (self._staging / name).rename(self.target / name)

    def _try_staging(self, staging: Path) -> None:
        arrived = self.target / f".arrived{ASIDE_SUFFIX}"
        try:
            staging.mkdir()
            probe = staging / "probe"
            probe.write_bytes(b"")
            probe.replace(arrived)
        finally:
            arrived.unlink(missing_ok=True)
            shutil.rmtree(staging, ignore_errors=True)


def exchange(one: Path, other: Path) -> None:
    """Let two files or folders change places, in one step that cannot be seen half done.

    It is `renameat2(2)` with `RENAME_EXCHANGE`, which Python (3.13) does not have.

    Raises:
        OSError: The system or the file system cannot do it, or refuses it.
    """
    sys.audit("os.rename", str(one), str(other), -1, -1)
    library = ctypes.CDLL(None, use_errno=True)
    try:
        rename = library.renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one)) from None
    ends = _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other)
    if rename(*ends, ctypes.c_uint(_RENAME_EXCHANGE)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one), None, str(other))


def _link(path: Path, new: Path) -> None:
    """Give a file, or all files of a folder, a second name; what has it already is passed over."""

    def link_file(source: str, target: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.link(source, target, follow_symlinks=False)

    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, new, symlinks=True, copy_function=link_file, dirs_exist_ok=True)
    else:
        link_file(str(path), str(new))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _move_all(folder: Path, target: Path) -> None:
    for path in list(folder.iterdir()):
        path.rename(target / path.name)
