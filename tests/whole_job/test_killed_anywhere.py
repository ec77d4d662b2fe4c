"""Killed before whatever it asks of the file system, a job leaves all results, new or old, or none.

That a job killed in training goes on from its checkpoint is shown in `test_job_resume.py`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from failure_cases import failure_text, removed, results, settings, small_tree
from jobs import ROOT, SCRIPT, job_environment, model_json, run_job, run_script

from common.result_names import MODEL_DIRECTORY_FILES

EVALUATION = ["output/data/report.html", "output/data/val.tar.gz"]
COMPLETE = sorted([*(f"model/{name}" for name in MODEL_DIRECTORY_FILES), *EVALUATION])

# Runs the job in forked children. The first one is killed before it makes its first change to the
# file system, the next one before its second ... until one has no more changes to make.
KILLED_JOBS = """
import hashlib, json, os, shutil, signal, sys, warnings
from pathlib import Path
# Python 3.12 and newer warn of a fork beside threads, which a process after an import has.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
import lightgbmmt_training

# Libraries have threads by now, which wait; Python 3.13 warns of any.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

base, earlier = map(Path, sys.argv[1:3])
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.link"}
FOR_WRITING = os.O_WRONLY | os.O_RDWR

def run_and_kill(moment):
    left = moment
    def trap(event, args):
        nonlocal left
        if event in CHANGES or event == "open" and args[2] & FOR_WRITING:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(trap)
    os._exit(lightgbmmt_training.main())

def contents(place):
    files = sorted(base.glob(f"{place}/[!.]*"))
    return {
        f"{place}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }

for moment in range(*map(int, sys.argv[3:])):
    for place in ("model", "output") if earlier != base else ():
        shutil.rmtree(base / place, ignore_errors=True)
        shutil.copytree(earlier / place, base / place)
    child = os.fork()
    if child == 0:
        run_and_kill(moment)
    _, status = os.waitpid(child, 0)
    found = [os.waitstatus_to_exitcode(status), contents("model"), contents("output/data")]
    print("FOUND", json.dumps(found), flush=True)
    if os.WIFEXITED(status):
        break
"""


@dataclass(frozen=True)
class Found:
    """What a child has left: its exit code, and a checksum of every file that is not hidden."""

    exit_code: int
    model: dict[str, str]
    evaluation: dict[str, str]


def run_killed(base: Path, earlier: Path, first: int, last: int, step: int) -> list[Found]:
    """Kills a job at moments `first`, `first + step` ... before `last`.

    Before each, the results of the tree `earlier` are put in place, if that is another tree.
    """
    arguments = map(str, (base, earlier, first, last, step))
    done = subprocess.run(
        [sys.executable, "-c", KILLED_JOBS, *arguments],
        cwd=base,
        env=job_environment(base, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    return [Found(*json.loads(line.removeprefix("FOUND "))) for line in lines]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a job that has run to its end."""
    base = small_tree(tmp_path_factory.mktemp("finished") / "base", task_label_names=TASKS)
    removed("input/data/test")(base)
    run_job(base)
    assert results(base) == COMPLETE
    return base


TASKS = ["isFraud", "isCard"]


def checksums(base: Path) -> dict[str, str]:
    """Name and checksum of all results."""
    return {
        name: hashlib.sha256((base / name).read_bytes()).hexdigest()
        for name in results(base)
        if (base / name).is_file()
    }


def assert_old_or_new(found: list[Found], *states: dict[str, str]) -> None:
    """Each folder is as in one of the states, the model in none that the evaluation is not in."""
    for moment in found:
        models, evaluations = (
            [
                {name: sum_ for name, sum_ in state.items() if name.startswith(place)}
                for state in states
            ]
            for place in ("model/", "output/")
        )
        assert moment.model in models
        assert moment.evaluation in evaluations
        # The model comes last.
        assert models.index(moment.model) <= evaluations.index(moment.evaluation)


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.long)])
def test_killed_in_a_first_run(step: int, finished: Path, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", task_label_names=TASKS)
    removed("input/data/test")(base)
    found = run_killed(base, base, 1, 1000, step)
    assert [moment.exit_code for moment in found] == [-9] * (len(found) - 1) + [0]
    assert len(found) > 60 / step
    assert_old_or_new(found, {}, checksums(finished))
    # What the killed ones have left has been removed by the last one.
    assert checksums(base) == checksums(finished)


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.long)])
def test_killed_in_a_run_over_the_results_of_an_earlier_one(
    step: int, finished: Path, tmp_path: Path
) -> None:
    base = small_tree(tmp_path / "base", task_label_names=TASKS, num_iterations=3)
    removed("input/data/test")(base)
    found = run_killed(base, finished, 1, 1000, step)
    assert [moment.exit_code for moment in found] == [-9] * (len(found) - 1) + [0]
    assert len(found) > 60 / step
    assert found[0].model == {k: v for k, v in checksums(finished).items() if k < "output"}
    assert_old_or_new(found, checksums(finished), checksums(base))
    assert sorted(checksums(base)) == COMPLETE
    assert failure_text(base) is None


def test_killed_between_the_two_folders(finished: Path, tmp_path: Path) -> None:
    base = small_tree(tmp_path / "base", task_label_names=TASKS, num_iterations=3)
    removed("input/data/test")(base)
    killer = ROOT / "tests" / "killed_script.py"
    shutil.copytree(finished / "model", base / "model")
    shutil.copytree(finished / "output", base / "output")
    # The first folder changes places, then the second would.
    changes_places = r"/\.model\.lightgbmmt-partial-complete-\d+"
    done = subprocess.run(
        [sys.executable, str(killer), str(SCRIPT), "os.rename", changes_places, "1"],
        cwd=base,
        env=job_environment(base),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("the job was ended while it put its results in place")
    assert failure_text(base) == done.stderr
    old, mixed = checksums(finished), checksums(base)
    model = {name: sum_ for name, sum_ in mixed.items() if name.startswith("model/")}
    assert model == {name: old[name] for name in model}
    assert mixed["output/data/val.tar.gz"] != old["output/data/val.tar.gz"]
    # Started again, a job completes them before it fails for another reason.
    settings(seed="x")(base)
    assert run_script(base).returncode == 1
    new = checksums(base)
    assert new["output/data/val.tar.gz"] == mixed["output/data/val.tar.gz"]
    assert model_json(base, "hyperparameters.json")["num_iterations"] == 3
    assert sorted(new) == COMPLETE
    assert "is from an earlier run" in (failure_text(base) or "")
