"""File names in UTF-8 whatever the locale says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from pathlib import Path
from common.disk_names import from_disk, to_disk
file = Path(to_disk("gr\\u00f6\\u00dfe \\U0001f3af"))
file.write_text("x")
assert from_disk(file) == "gr\\u00f6\\u00dfe \\U0001f3af", ascii(from_disk(file))
assert [from_disk(path) for path in Path().iterdir()] == [from_disk(file)]
"""


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}], ids=["ascii", "utf-8"]
)
def test_names_are_utf_8(tmp_path: Path, locale: dict[str, str]) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(root), **locale},
        check=True,
    )
    assert [os.fsencode(path.name) for path in tmp_path.iterdir()] == ["größe 🎯".encode()]
