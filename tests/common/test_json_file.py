"""One JSON object from a file, whatever stands there instead."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.json_file import read_json_object
from exceptions import ArtifactError, UserError

WAIT = 20  # seconds after which a reader has hung


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    def hung(_signal: int, _frame: object) -> None:
        raise TimeoutError("the reader waits for something")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(WAIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        folder = os.open(path.parent, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{folder}/{path.name}")  # the name itself may be too long
        os.close(folder)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "it is a pipe"),
    "folder": (Path.mkdir, "it is a folder"),
    "socket": (_socket, "it is a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "link to nothing": (
        lambda path: path.symlink_to("no.json"),
        "it is a link to no.json, which does not exist",
    ),
    "link to itself": (
        lambda path: path.symlink_to(path.name),
        "Too many levels of symbolic links",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_named(kind: str, tmp_path: Path) -> None:
    make, reason = KINDS[kind]
    path = tmp_path / "x.json"
    make(path)
    with pytest.raises(UserError) as caught:
        read_json_object(path)
    assert str(caught.value) == f"{path} cannot be read: {reason}"


def test_an_object_and_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert read_json_object(path) is None
    path.write_text('\ufeff{"é": [1]}', encoding="utf-8")
    assert read_json_object(path) == {"é": [1]}
    link = tmp_path / "link.json"
    link.symlink_to("x.json")
    assert read_json_object(link) == {"é": [1]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[1]", "must hold one JSON object, found [1]"),
        (b"null", "must hold one JSON object, found null"),
        (b'{"a":\n "\xff"}', "is not UTF-8 text: byte 0xff at line 2 column 3"),
        (b'{"a": NaN}', "is not valid JSON: NaN is no number that JSON allows, at line 1 column 7"),
        (b" " * (16 * 2**20 + 1), "is larger than 16 MiB"),
    ],
    ids=["list", "null", "no UTF-8", "NaN", "large"],
)
def test_other_contents_are_errors_of_the_type_that_is_wanted(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read_json_object(path, ArtifactError, "model.tar.gz: x.json")
    assert str(caught.value) == f"model.tar.gz: x.json {problem}"
