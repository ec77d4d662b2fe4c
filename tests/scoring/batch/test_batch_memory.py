"""Memory of a batch step: that of some blocks, however many rows there are."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from jobs import ROOT, job_environment

# What the system reports of an ended process is at least the memory of the one that started it.
TELLING = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert end.code == 0
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_memory(model: Path, folder: Path, rows: pd.DataFrame, ending: str) -> int:
    """Peak memory, in bytes, of scoring these rows."""
    source = folder / "rows"
    source.mkdir(parents=True)
    if ending == "csv":
        rows.to_csv(source / "part-0.csv", index=False)
    else:
        rows.to_parquet(source / "part-0.parquet", index=False, row_group_size=1 << 17)
    places = ["--model", str(model), "--input", str(source), "--output", str(folder / "scored")]
    script = str(ROOT / "lightgbmmt_model_inference.py")
    finished = subprocess.run(
        [sys.executable, "-c", TELLING, script, *places],
        env=job_environment(folder) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (folder / "scored" / "_SUCCESS").exists()
    return 1024 * int(finished.stdout.split()[-2])


@pytest.mark.long
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_rows(
    finished_job: Path, tmp_path: Path, ending: str
) -> None:
    rows = pd.read_csv(finished_job / "input" / "data" / "test" / "part-0.csv")
    few = pd.concat([rows] * 1500, ignore_index=True)  # 450,000
    many = pd.concat([few] * 5, ignore_index=True)
    model = finished_job / "model"
    growth = peak_memory(model, tmp_path / "many", many, ending) - peak_memory(
        model, tmp_path / "few", few, ending
    )
    size = sum(path.stat().st_size for path in (tmp_path / "many" / "scored").iterdir())
    assert growth < 60e6, f"{growth / 1e6:.0f} MB more for an output of {size / 1e6:.0f} MB"
