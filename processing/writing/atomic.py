"""Writing result files: aside first, then renamed into place. The one place where they are written.

A reader sees the old file or the whole new one, also after a crash or a kill at any moment.
"""

import contextlib
import errno
import json
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ASIDE_SUFFIX = ".lightgbmmt-partial"


@contextlib.contextmanager
def errors_name(path: Path) -> Iterator[None]:
    """Let the system's errors say what was being written; that of a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a path to write to; what was written there replaces `path` if all went well.

    The file is flushed to the disk before it is renamed. If the block raises, nothing stays.

    Args:
        path: The file to make; its folder exists.

    Yields:
        A hidden path in the same folder.

    Raises:
        OSError: The folder refuses it, or the disk is full.
    """
    aside = path.with_name(f".{path.name}{ASIDE_SUFFIX}")
    try:
        with errors_name(path):
            yield aside
            _flush(aside)
            aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    _flush_folder(path.parent)


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed job left of `written_aside` in a folder."""
    for path in folder.glob(f".*{ASIDE_SUFFIX}"):
        path.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file, line ends as they stand, as a whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, document: object) -> None:
    """Write indented JSON with names unescaped.

    Raises:
        ValueError: A number is NaN or infinite, which JSON does not have.
    """
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_pickle(path: Path, plain_data: object) -> None:
    """Write a pickle that every Python since 3.4 reads."""
    write_bytes(path, pickle.dumps(plain_data, protocol=4))


class StagedDirectory:
    """A result folder that gets all its files at once, or none.

        with StagedDirectory(model_dir, [..., "lightgbmmt_model.txt"]) as model:
            ...
            model.path("lightgbmmt_model.txt").write_text(...)
            model.publish()

    On entry the files of an earlier run and the rest of a killed one are removed, and it is tried
    that files can be renamed into the folder. Files are then written into a staging folder on the
    same file system. If the block ends with an exception, before or after `publish`, none of the
    named files stays.

    What a kill at any moment leaves: if the folder is not a mount point and holds no foreign
    files, it is emptied by renaming it away, and `publish` renames the staging folder over it, so
    that it is either empty (or not there) or complete. Otherwise the files are removed and renamed
    one by one, in the order of the names: it is complete if and only if the last one is there, and
    the next run removes the others.

    Files in the folder that are not named here are never touched.

    Args:
        target: The folder, made if it is missing.
        names: All files that may be published; the last one marks the folder as complete.
    """

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        # A link to the folder stays a link.
        self._target = target.resolve()
        self._names = tuple(names)
        # Beside the target a killed job's rest is not taken for a result; inside, if it must be.
        self._beside = self._target.with_name(f".{self._target.name}{ASIDE_SUFFIX}")
        self._inside = self._target / ASIDE_SUFFIX
        self._staging = self._beside

    def __enter__(self) -> Self:
        self._target.mkdir(parents=True, exist_ok=True)
        self._remove_staging()
        self._remove_published()
        self._staging = self._usable_staging()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is None:
            self._remove_staging()
            return
        # The first error is the one to report.
        with contextlib.suppress(OSError):
            self._remove_staging()
        with contextlib.suppress(OSError):
            self._remove_published()

    def path(self, name: str) -> Path:
        """Return where to write one of the named files; made visible by `publish`."""
        if name not in self._names:
            raise ValueError(f"{name!r} is not among the files of {self._target}: {self._names}")
        # Made late, so that a job killed during training leaves nothing.
        self._staging.mkdir(exist_ok=True)
        return self._staging / name

    def publish(self) -> None:
        """Move all written files into the folder, flushed to the disk; the last name comes last.

        Raises:
            OSError: The folder refuses it.
        """
        written = [name for name in self._names if (self._staging / name).exists()]
        if self._names[-1] not in written:
            raise ValueError(f"{self._names[-1]!r} was not written for {self._target}")
        foreign = {path.name for path in self._staging.iterdir()} - set(written)
        if foreign:
            raise ValueError(f"unnamed files were written for {self._target}: {sorted(foreign)}")
        for name in written:
            _flush(self._staging / name)
        _flush_folder(self._staging)
        if self._staging == self._inside or not self._replace_whole():
            for name in written:
                (self._staging / name).replace(self._target / name)
            self._staging.rmdir()
        _flush_folder(self._target)

    def _replace_whole(self) -> bool:
        """Rename the staging folder over the empty target; False where that cannot be done."""
        target = self._target.stat()
        try:
            os.chown(self._staging, target.st_uid, target.st_gid)
            self._staging.chmod(target.st_mode & 0o7777)
            self._staging.replace(self._target)
        except OSError:
            # Foreign files, a mount point, another owner: file by file shows what is really wrong.
            return False
        _flush_folder(self._target.parent)
        return True

    def _usable_staging(self) -> Path:
        """Return the place from which a file can be renamed into the target."""
        try:
            self._try_staging(self._beside)
        except OSError:
            self._try_staging(self._inside)
            return self._inside
        return self._beside

    def _try_staging(self, staging: Path) -> None:
        arrived = self._target / f".arrived{ASIDE_SUFFIX}"
        try:
            staging.mkdir()
            probe = staging / "probe"
            probe.write_bytes(b"")
            probe.replace(arrived)
        finally:
            arrived.unlink(missing_ok=True)
            shutil.rmtree(staging, ignore_errors=True)

    def _remove_published(self) -> None:
        present = list(self._target.iterdir())
        if not present:
            return
        if all(path.name in self._names and path.is_file() for path in present):
            with contextlib.suppress(OSError):  # a mount point, a parent that is read-only
                self._remove_whole()
                return
        # The mark of completeness goes first: what is left of a kill here is not complete.
        for name in reversed(self._names):
            (self._target / name).unlink(missing_ok=True)

    def _remove_whole(self) -> None:
        """Put an empty folder in the target's place."""
        target = self._target.stat()
        self._target.rename(self._beside)
        self._target.mkdir()
        os.chown(self._target, target.st_uid, target.st_gid)
        self._target.chmod(target.st_mode & 0o7777)
        shutil.rmtree(self._beside)

    def _remove_staging(self) -> None:
        for staging in (self._beside, self._inside):
            if staging.exists():
                shutil.rmtree(staging)
        (self._target / f".arrived{ASIDE_SUFFIX}").unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not flush folders.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
