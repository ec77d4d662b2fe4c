"""Full disks, read-only folders and no memory: exit code 1, the reason, and no half-written file.

Small and read-only file systems are mounted in a mount namespace of their own, where permitted.
"""

import json
import logging
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from failure_cases import COMPLETE, failure_text, results, run_main, small_tree
from jobs import ROOT, job_environment

# Mounts something, runs the job there, and tells how it ended; once for each mount.
MOUNTED_JOBS = """
import json, subprocess, sys
from pathlib import Path
import lightgbmmt_training
from failure_cases import failure_text, results
base = Path(sys.argv[1])
for place, options in json.loads(sys.argv[2]):
    (base / place).mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", *options, str(base / place)]).returncode:
        sys.exit(77)
    exit_code = lightgbmmt_training.main()
    left = sorted({*results(base), *map(str, base.glob("checkpoints/.*"))})
    outcome = [exit_code, failure_text(base), left]
    print("OUTCOME", json.dumps(outcome), flush=True)
    subprocess.run(["umount", str(base / place)], check=True)
"""


@dataclass(frozen=True)
class Mounted:
    """How a job on a mounted folder ended."""

    exit_code: int
    failure: str | None
    results: list[str]


def run_mounted(base: Path, mounts: list[tuple[str, list[str]]]) -> tuple[list[Mounted], list[str]]:
    """Runs the job once per mount; gives how each ended, and the lines on stderr of all."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "true"], check=False).returncode:
        pytest.skip("mount namespaces are not permitted here")
    done = subprocess.run(
        [unshare, "--mount", sys.executable, "-c", MOUNTED_JOBS, str(base), json.dumps(mounts)],
        cwd=base,
        env=job_environment(base, PYTHONPATH=f"{ROOT}:{Path(__file__).parents[1]}"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(f"mounting is not permitted here: {done.stderr}")
    outcomes = [
        Mounted(*json.loads(line.removeprefix("OUTCOME ")))
        for line in done.stdout.splitlines()
        if line.startswith("OUTCOME ")
    ]
    assert len(outcomes) == len(mounts), done.stderr
    return outcomes, done.stderr.splitlines()


def tmpfs(kilobytes: int, *options: str) -> list[str]:
    """Arguments of `mount` for a small file system in memory."""
    return ["-t", "tmpfs", "-o", ",".join([f"size={kilobytes}k", *options]), "none"]


@pytest.mark.parametrize(
    ("place", "ending", "sizes", "named"),
    [
        (
            "model",
            "csv",
            (4, 12, 20, 28, 36),
            {"risk_table_map.pkl", "training_state.json", "lightgbmmt_model.txt"},
        ),
        ("output/data", "csv", (4, 200, 400, 540), {"val.tar.gz", "test.tar.gz"}),
        ("output/data", "parquet", (4, 32), {"val.tar.gz"}),
        ("output", "csv", (4, 32), {"val.tar.gz"}),
    ],
)
def test_a_full_disk_is_named_at_whatever_file_it_is_met(
    place: str, ending: str, sizes: tuple[int, ...], named: set[str], tmp_path: Path
) -> None:
    base = small_tree(tmp_path / "base", ending, checkpoint_frequency=1)
    mounts = [(place, tmpfs(size)) for size in (*sizes, 4096)]
    outcomes, stderr = run_mounted(base, mounts)
    assert outcomes.pop() == Mounted(0, None, COMPLETE)
    reason = rf"the disk is full: {base}/{place}/\S*?([^/]+) \(No space left on device\)"
    found = set()
    for outcome, line in zip(outcomes, stderr, strict=True):
        assert outcome == Mounted(1, f"{line}\n", [])
        match = re.fullmatch(reason, line)
        assert match, line
        found.add(match[1])
    assert named <= found


def test_a_full_disk_of_checkpoints_does_not_end_a_good_run(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", checkpoint_frequency=1)
    outcomes, stderr = run_mounted(base, [("checkpoints", tmpfs(size)) for size in (4, 8)])
    assert outcomes == [Mounted(0, None, COMPLETE)] * 2
    assert stderr == []


@pytest.mark.parametrize("place", [".", "model", "output", "output/data", "checkpoints"])
def test_a_folder_that_is_read_only_is_named(place: str, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    for name in ("model", "output/data", "checkpoints"):
        (base / name).mkdir(parents=True)
    folder = (base / place).resolve()
    (outcome,), (line,) = run_mounted(base, [(place, ["--bind", "-o", "ro", str(folder)])])
    assert outcome.exit_code == 1
    assert line.startswith(f"a folder that must be written is read-only: {folder}")
    # There the failure file cannot be written either.
    assert outcome.failure == (None if place in {".", "output"} else f"{line}\n")
    assert outcome.results == []


def test_channels_may_be_read_only(tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base")
    outcomes, stderr = run_mounted(base, [("input", ["--bind", "-o", "ro", str(base / "input")])])
    assert outcomes == [Mounted(0, None, COMPLETE)]
    assert stderr == []


LIMITED_JOB = """
import resource, sys
from pathlib import Path
import lightgbmmt_training
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(lightgbmmt_training.main())
"""


@pytest.mark.parametrize("spare_bytes", [1 << 16, 1 << 20, 4 << 20])
def test_no_memory_is_told(spare_bytes: int, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", "parquet")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED_JOB, str(spare_bytes)],
        cwd=base,
        env=job_environment(base, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("the job ran out of memory")
    assert done.stderr.count("\n") == 1
    assert failure_text(base) == done.stderr
    assert results(base) == []


class Vandal(logging.Handler):
    """Replaces a folder by a file when the training is done."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        """Strikes when the job says that it goes on to the evaluation."""
        if record.getMessage().startswith("Similarity"):
            self.folder.rmdir()
            self.folder.write_text("mine")


@pytest.mark.parametrize("place", ["output/data", "model"])
def test_a_result_that_cannot_be_put_in_its_place_fails_the_job(
    place: str,
    tmp_path: Path,
    job_log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    base = small_tree(tmp_path / "base")
    vandal = Vandal(base / place)
    logging.getLogger().addHandler(vandal)
    try:
        outcome = run_main(base, monkeypatch, capfd)
    finally:
        logging.getLogger().removeHandler(vandal)
    assert "Similarity" in job_log.text
    assert outcome.exit_code == 1
    assert outcome.stderr == f"{outcome.cause}\n"
    assert outcome.cause.startswith(f"a folder is needed where there is a file: {base}/")
    assert (base / place).read_text() == "mine"
    assert results(base) == []
