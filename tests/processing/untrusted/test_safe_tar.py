"""Wanted files come out of an archive; hostile, damaged and huge ones are refused."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions import ArtifactError
from processing.untrusted import safe_tar
from processing.untrusted.safe_tar import extract_named

WANTED = ("impute_dict.pkl", "selected_features.json")


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def write(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = member(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("prefix", ["", "./", "model/", "./deep/er/"])
def test_only_named_files_are_taken_from_below_any_prefix(
    prefix: str, tmp_path: Path, into: Path
) -> None:
    members: dict[str, bytes | tarfile.TarInfo] = {
        "a": member("./", tarfile.DIRTYPE),
        f"{prefix}impute_dict.pkl": b"1",
        f"{prefix}lightgbmmt_model.txt": b"tree",
        f"{prefix}._impute_dict.pkl": b"resource fork",
    }
    found = extract_named(write(tmp_path / "m.tar.gz", members), WANTED, into)
    assert found == {"impute_dict.pkl": into / "impute_dict.pkl"}
    assert [path.name for path in into.iterdir()] == ["impute_dict.pkl"]
    assert (into / "impute_dict.pkl").read_bytes() == b"1"


def test_the_highest_of_several_wins_and_equals_are_refused(tmp_path: Path, into: Path) -> None:
    archive = write(
        tmp_path / "m.tar.gz", {"old/impute_dict.pkl": b"old", "impute_dict.pkl": b"new"}
    )
    extract_named(archive, WANTED, into)
    assert (into / "impute_dict.pkl").read_bytes() == b"new"
    archive = write(tmp_path / "m.tar.gz", {"a/impute_dict.pkl": b"", "b/impute_dict.pkl": b""})
    with pytest.raises(ArtifactError, match=r"several files could be impute_dict\.pkl: 'a/"):
        extract_named(archive, WANTED, into)


HOSTILE = {
    "absolute": (member("/etc/impute_dict.pkl"), "leads out"),
    "parent": (member("../impute_dict.pkl"), "leads out"),
    "parent inside": (member("model/../../impute_dict.pkl"), "leads out"),
    "backslashes": (member("..\\impute_dict.pkl"), "leads out"),
    "symbolic link": (member("impute_dict.pkl", tarfile.SYMTYPE, "/etc/passwd"), "neither"),
    "link elsewhere": (member("other", tarfile.SYMTYPE, "impute_dict.pkl"), "neither"),
    "hard link": (member("impute_dict.pkl", tarfile.LNKTYPE, "x"), "neither"),
    "device": (member("impute_dict.pkl", tarfile.CHRTYPE), "neither"),
    "block device": (member("disk", tarfile.BLKTYPE), "neither"),
    "sparse file": (member("impute_dict.pkl", tarfile.GNUTYPE_SPARSE), "neither"),
    "pipe": (member("impute_dict.pkl", tarfile.FIFOTYPE), "neither"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_members_are_refused_and_nothing_is_extracted(
    name: str, tmp_path: Path, into: Path
) -> None:
    info, message = HOSTILE[name]
    archive = write(tmp_path / "m.tar.gz", {"selected_features.json": b"{}", "x": info})
    with pytest.raises(ArtifactError, match=f"m.tar.gz: the member .* {message}"):
        extract_named(archive, WANTED, into)
    assert list(into.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["into", "m.tar.gz"]


def claim(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header that claims more data than there is."""
    info = member("impute_dict.pkl", kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_bomb_in_a_header_is_refused_before_it_is_unpacked(
    kind: bytes, tmp_path: Path, into: Path
) -> None:
    archive = tmp_path / "m.tar.gz"
    archive.write_bytes(gzip.compress(claim(100 * 2**20, kind) + b"\0" * 10_000))
    with pytest.raises(ArtifactError, match="unpacks to more than is read"):
        extract_named(archive, WANTED, into)


def test_bombs_of_size_and_number_are_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "m.tar.gz"
    archive.write_bytes(gzip.compress(claim(5 * 2**30) + b"\0" * 10_000))
    with pytest.raises(ArtifactError, match="unpacks to more than is read"):
        extract_named(archive, WANTED, into)
    monkeypatch.setattr(safe_tar, "MAX_READ_BYTES", 20_000)
    write(archive, {"impute_dict.pkl": b"\0" * 30_000})
    with pytest.raises(ArtifactError, match=r"'impute_dict.pkl' has 30000 bytes, at most 20000"):
        extract_named(archive, WANTED, into)
    monkeypatch.setattr(safe_tar, "MAX_MEMBERS", 3)
    write(archive, {f"file{i}": b"" for i in range(4)})
    with pytest.raises(ArtifactError, match="more than 3 members"):
        extract_named(archive, WANTED, into)
    assert list(into.iterdir()) == []


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "no gzip": gzip.decompress,
    "no tar": lambda data: gzip.compress(b"hello" * 500),
    "truncated": lambda data: data[: len(data) // 2],
    "broken checksum": lambda data: data[:-8] + b"\1" * 8,
    "empty file": lambda data: b"",
    "text": lambda data: b"<Error>AccessDenied</Error>",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_is_refused(name: str, tmp_path: Path, into: Path) -> None:
    archive = write(tmp_path / "m.tar.gz", {"impute_dict.pkl": bytes(range(256)) * 50})
    archive.write_bytes(DAMAGED[name](archive.read_bytes()))
    with pytest.raises(ArtifactError, match=r"m\.tar\.gz: not a readable tar\.gz archive"):
        extract_named(archive, WANTED, into)
