"""Files that somebody else put there, opened so that a pipe or a device cannot stop the job."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotRegularError(OSError):
    """There is something of that name, but it is no regular file; `strerror` says what it is."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, without ever waiting for a writer at the other end of a pipe.

    Raises:
        FileNotFoundError: There is nothing of that name.
        NotRegularError: It is a pipe, a folder, a device, or a link to nothing.
        OSError: It cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            reason = f"it is a link to {path.readlink()}, which does not exist"
        elif path.is_socket():
            reason = "it is a socket"
        else:
            raise
        raise NotRegularError(None, reason, str(path)) from error
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise NotRegularError(None, f"it is {_KINDS[kind]}", str(path))
    return os.fdopen(descriptor, "rb")
