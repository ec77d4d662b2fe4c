"""Full disks, read-only folders, no memory, kills: exit code 1 with the reason, and no half files.

Small and read-only file systems are mounted in a mount namespace of their own, where permitted.
"""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from failure_cases import Outcome, results, run_main, small_tree
from jobs import ROOT, job_environment

from processing.model_directory import MODEL_DIRECTORY_FILES

COMPLETE = sorted(
    [f"model/{name}" for name in MODEL_DIRECTORY_FILES]
    + ["output/data/test.tar.gz", "output/data/val.tar.gz"]
)

# Mounts something at a place of the tree, runs the job, and tells how it ended; many times.
MOUNTED_JOBS = """
import json, subprocess, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import lightgbmmt_training
from failure_cases import failure_text, results
base = Path(sys.argv[3])
for place, options in json.loads(sys.argv[4]):
    (base / place).mkdir(parents=True, exist_ok=True)
    mount = ["mount", *options, str(base / place)]
    if subprocess.run(mount).returncode:
        sys.exit(77)
    exit_code = lightgbmmt_training.main()
    left = [*results(base), *map(str, base.glob("checkpoints/.*"))]
    subprocess.run(["umount", str(base / place)], check=True)
    outcome = {"exit_code": exit_code, "failure": failure_text(base), "results": left}
    print("OUTCOME", json.dumps(outcome), flush=True)
"""


def run_mounted(base: Path, mounts: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    """Runs the job once per mount and gives exit code, failure file and results of each."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "true"], check=False).returncode:
        pytest.skip("mount namespaces are not permitted here")
    tests = str(Path(__file__).parent)
    done = subprocess.run(
        [unshare, "--mount", sys.executable, "-c", MOUNTED_JOBS]
        + [str(ROOT), tests, str(base), json.dumps(mounts)],
        env=job_environment(base),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(f"mounting is not permitted here: {done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("OUTCOME ")]
    outcomes = [json.loads(line.removeprefix("OUTCOME ")) for line in lines]
    print(outcomes, done.stderr)
    assert len(outcomes) == len(mounts), done.stderr
    return outcomes

def tmpfs(kilobytes: int) -> list[str]:
    return ["-t", "tmpfs", "-o", f"size={kilobytes}k", "none"]


@pytest.mark.parametrize("place", ["model", "output/data", "checkpoints", "output"])
def test_full(place, tmp_path):
    base = small_tree(tmp_path / "base", checkpoint_frequency=1)
    import time; t=time.time()
    o = run_mounted(base, [(place, tmpfs(k)) for k in (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 1024)])
    for x in o: print(x["exit_code"], x["failure"], x["results"])
    print(time.time()-t)
    assert 0
