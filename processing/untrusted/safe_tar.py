"""Taking a few named files out of a `model.tar.gz` that another job wrote."""

import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from exceptions import ArtifactError

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 4 * 1024**3
MAX_READ_BYTES = 64 * 1024**2
CHUNK_BYTES = 16 * 1024


def extract_named(
    archive: Path, names: Collection[str], into: Path, max_bytes: int | None = None
) -> dict[str, Path]:
    """Extract the named files, wherever they stand in the archive (`model/impute_dict.pkl`).

    No path of the archive is ever used for writing: the content of a wanted file is copied to
    `into / name`, so that nothing lands elsewhere and no rights, owners or links are taken over.

    Args:
        archive: A gzip-compressed tar file.
        names: The wanted file names, without folders. Of several files of one name the one with
            the fewest folders above it is taken.
        into: An existing folder outside the input.
        max_bytes: How large a wanted file may be; None: 64 MiB.

    Returns:
        The path of each name that was found.

    Raises:
        ArtifactError: The archive is damaged, too large, ambiguous, or has a member that is
            absolute, leads out of it, or is neither a file nor a folder.
        OSError: `into` refuses the files.
    """
    try:
        with (
            gzip.open(archive) as stream,
            _Limited(stream, archive) as limited,
            tarfile.open(fileobj=limited, mode="r:") as tar,
        ):
            wanted = _choose(_checked_members(tar, archive), names, archive)
            while limited.read(CHUNK_BYTES):  # the checksum stands at the end
                pass
            return {
                name: _copy(tar, member, into / name, archive, max_bytes)
                for name, member in wanted.items()
            }
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ArtifactError(f"{archive}: not a readable tar.gz archive ({error})") from None


class _Limited(io.BufferedIOBase):
    """The uncompressed stream, refusing what a bomb asks for, headers of any size included."""

    def __init__(self, stream: gzip.GzipFile, archive: Path) -> None:
        self._stream = stream
        self._archive = archive

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise ValueError("tarfile reads by size")
        self._check(size, MAX_READ_BYTES)
        self._check(self._stream.tell() + size, MAX_TOTAL_BYTES)
        return self._stream.read(size)

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        self._check(position, MAX_TOTAL_BYTES)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, found: int, limit: int) -> None:
        if found > limit:
            raise ArtifactError(
                f"{self._archive}: the archive unpacks to more than is read "
                f"({found} bytes, at most {limit})"
            )


def _checked_members(tar: tarfile.TarFile, archive: Path) -> list[tarfile.TarInfo]:
    members = []
    for member in tar:
        path = PurePosixPath(member.name.replace("\\", "/"))
        shown = repr(member.name[:100])
        if path.is_absolute() or ".." in path.parts:
            raise ArtifactError(f"{archive}: the member {shown} leads out of the archive")
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise ArtifactError(f"{archive}: the member {shown} is neither a plain file nor folder")
        members.append(member)
        if len(members) > MAX_MEMBERS:
            raise ArtifactError(f"{archive}: the archive has more than {MAX_MEMBERS} members")
    return members


def _choose(
    members: list[tarfile.TarInfo], names: Collection[str], archive: Path
) -> dict[str, tarfile.TarInfo]:
    chosen = {}
    for name in names:
        found: dict[int, list[tarfile.TarInfo]] = {}
        for member in members:
            path = PurePosixPath(member.name)
            if member.isreg() and path.name == name:
                found.setdefault(len(path.parts), []).append(member)
        if not found:
            continue
        highest = found[min(found)]
        if len(highest) > 1:
            paths = ", ".join(repr(member.name[:100]) for member in highest[:10])
            raise ArtifactError(f"{archive}: several files could be {name}: {paths}")
        chosen[name] = highest[0]
    return chosen


def _copy(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    target: Path,
    archive: Path,
    max_bytes: int | None,
) -> Path:
    max_bytes = max_bytes or MAX_READ_BYTES
    if member.size > max_bytes:
        raise ArtifactError(
            f"{archive}: the member {member.name[:100]!r} has {member.size} bytes, "
            f"at most {max_bytes} are read"
        )
    source = tar.extractfile(member)
    if source is None:  # not for a regular file
        raise AssertionError(member)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)
    return target
