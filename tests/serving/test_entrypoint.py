"""What the image starts for which argument."""

import os
import subprocess
from pathlib import Path

import pytest
from jobs import ROOT


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ([], ["lightgbmmt_training.py"]),
        (["train"], ["lightgbmmt_training.py", "train"]),
        (["train", "--a", "b c"], ["lightgbmmt_training.py", "train", "--a", "b c"]),
        (["serve"], ["lightgbmmt_serving.py"]),
    ],
)
def test_the_image_trains_or_serves(tmp_path: Path, args: list[str], wanted: list[str]) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho $$\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    entrypoint = str(ROOT / "entrypoint.sh")
    with subprocess.Popen(
        [entrypoint, *args],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        output, _ = process.communicate()
    pid, program, *rest = output.splitlines()
    # Python has taken the shell's place: SIGTERM reaches it.
    assert int(pid) == process.pid
    assert [Path(program).name, *rest] == wanted
    assert (ROOT / Path(program).name).is_file()
