"""Writing result files: aside first, then renamed into place. The one place where they are written.

A reader sees the old file or the whole new one, also after a crash or a kill at any moment.
"""

import contextlib
import errno
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

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
            flush_file(aside)
            aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    flush_folder(path.parent)


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed job left of `written_aside` in a folder."""
    for path in folder.glob(f".*{ASIDE_SUFFIX}"):
        if path.is_file():
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


def flush_file(path: Path) -> None:
    """Wait until the disk has a file's content."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the disk has a folder's names, where its file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not flush folders.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
