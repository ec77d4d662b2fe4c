"""Result files appear whole or not at all."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from processing.writing.atomic import (
    remove_partial_files,
    write_bytes,
    write_json,
    write_pickle,
    write_text,
    written_aside,
)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_each_writer_writes_what_is_read_back(tmp_path: Path) -> None:
    write_bytes(tmp_path / "bytes", b"\0\xff")
    assert (tmp_path / "bytes").read_bytes() == b"\0\xff"
    write_text(tmp_path / "text", "ü\r\nb\n")
    assert (tmp_path / "text").read_bytes() == "ü\r\nb\n".encode()
    write_json(tmp_path / "json", {"Größe [mm]": 1.5})
    assert (tmp_path / "json").read_text("utf-8") == '{\n  "Größe [mm]": 1.5\n}\n'
    write_pickle(tmp_path / "pickle", {"a": 1.0})
    assert pickle.loads((tmp_path / "pickle").read_bytes()) == {"a": 1.0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "json", "pickle", "text"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "f"
    write_text(path, "old")

    def fail() -> None:
        with written_aside(path) as aside:
            aside.write_text("half")
            assert path.read_text() == "old"
            raise error("cause")

    with pytest.raises(error, match="cause"):
        fail()
    assert contents(tmp_path) == {"f": "old"}


def test_partial_files_of_a_killed_job_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    folder = tmp_path / ".a folder.lightgbmmt-partial"
    folder.mkdir()
    with written_aside(tmp_path / "f") as aside:
        shutil.copy(__file__, aside)
        kept = aside.read_bytes()
    aside.write_bytes(kept[:100])
    remove_partial_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, ".hidden", "f"]


def test_json_reads_back(tmp_path: Path) -> None:
    document = {"selected_features": ["Air temperature [K]", 'a "b"', "x/../y"]}
    write_json(tmp_path / "j", document)
    assert json.loads((tmp_path / "j").read_text("utf-8")) == document
