"""Every fault that a user can make ends the job with exit code 1 and one line that names it.

Each row of the table is what is done to a valid tree, and the line. The rows stand in
`failure_settings.py`, `failure_controls.py` and `failure_data.py`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from failure_cases import (
    QUICK,
    SPLITS,
    Case,
    Damage,
    Outcome,
    channel,
    config,
    failure_text,
    file_instead,
    last_table,
    nothing,
    pattern,
    results,
    run_main,
    settings,
    small_tree,
    values,
)
from failure_controls import of_controls, of_initial_models
from failure_data import (
    of_columns,
    of_one_channel,
    of_one_file,
    of_the_channels,
    of_useless_numbers,
    of_values,
    of_weights_and_classes,
)
from failure_files import of_links, of_other_kinds, of_partitions
from failure_settings import (
    of_artifacts,
    of_artifacts_and_data,
    of_hyperparameters,
    of_task_detection,
    of_the_platform,
)
from jobs import ROOT, job_environment, run_script
from trees import hyperparameters, write_hyperparameters

SHOWN_CHARACTERS = 1024


def of_split(split: str) -> Iterator[Case]:
    """The rows that every split has, called by their split."""
    for rows in (
        of_one_channel,
        of_one_file,
        of_other_kinds,
        of_partitions,
        of_columns,
        of_values,
        of_useless_numbers,
        of_artifacts_and_data,
    ):
        for case in rows(split):
            yield replace(case, fault=f"{split}: {case.fault}")


CASES = [
    *of_hyperparameters(),
    *of_controls(),
    *of_initial_models(),
    *of_task_detection(),
    *of_the_platform(),
    *of_artifacts(),
    *of_the_channels(),
    *of_links(),
    *of_weights_and_classes(),
    *(case for split in SPLITS for case in of_split(split)),
]


@pytest.fixture(scope="module")
def tree_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Valid trees by the format of their data files."""
    made: dict[str, Path] = {}

    def tree(ending: str) -> Path:
        if ending not in made:
            made[ending] = small_tree(tmp_path_factory.mktemp("tree") / "base", ending)
        return made[ending]

    return tree


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_fault(
    case: Case,
    tree_of: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    base = shutil.copytree(tree_of(case.ending), tmp_path / "base")
    case.damage(base)
    environ = {name: value.replace("BASE", str(base)) for name, value in case.environ.items()}
    earlier = {name: (base / name).read_bytes() for name in results(base)}
    outcome = run_main(base, monkeypatch, capfd, **environ)
    assert outcome.exit_code == 1
    cause = outcome.cause.replace(str(base), "BASE")
    assert re.fullmatch(pattern(case.cause), cause), f"wanted {case.cause}\nfound  {cause}"
    assert len(outcome.cause) <= SHOWN_CHARACTERS
    assert outcome.stderr == f"{outcome.cause}\n"
    assert outcome.failure is not None
    assert "Traceback" not in outcome.failure
    told = [line for line in outcome.failure.splitlines() if "is from an earlier run" not in line]
    assert (len(told) > 1) == case.more
    assert (len(told) < outcome.failure.count("\n")) == bool(earlier)
    assert {name: (base / name).read_bytes() for name in results(base)} == earlier


@pytest.fixture
def tree(tree_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A valid tree to be damaged."""
    return shutil.copytree(tree_of("csv"), tmp_path / "base")


def leave_old_results(base: Path) -> None:
    """Files of an earlier job where this job's will be."""
    for name in ("model/lightgbmmt_model.txt", "output/data/val.tar.gz", "output/failure"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("old\n")


def test_results_of_an_earlier_job_stay_until_the_new_ones_take_their_place(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    leave_old_results(tree)
    file_instead("code/hyperparams/hyperparameters.json", b'{"seed": 1,}')(tree)
    outcome = run_main(tree, monkeypatch, capfd)
    assert "is not valid JSON" in outcome.cause
    assert outcome.stderr == f"{outcome.cause}\n"
    folders = f"{tree}/model and {tree}/output/data"
    assert outcome.failure == f"{outcome.cause}\nWhat is in {folders} is from an earlier run.\n"
    assert results(tree) == ["model/lightgbmmt_model.txt", "output/data/val.tar.gz"]
    for name in results(tree):
        assert (tree / name).read_text() == "old\n"
    leave_old_results(tree)
    write_hyperparameters(tree, hyperparameters(**QUICK))
    assert run_main(tree, monkeypatch, capfd) == Outcome(0, "", None)
    assert (tree / "model/lightgbmmt_model.txt").read_text().startswith("tree\n")
    assert set(results(tree)) > {"output/data/test.tar.gz", "output/data/val.tar.gz"}


def test_a_missing_output_folder_is_made_for_the_failure(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config("inputdataconfig.json", {"train": {"TrainingInputMode": "Pipe"}})(tree)
    assert not (tree / "output").exists()
    assert run_main(tree, monkeypatch, capfd).cause.startswith("channels in Pipe mode")


def test_a_failure_that_cannot_be_written_still_has_its_line(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file_instead("output")(tree)
    outcome = run_main(tree, monkeypatch, capfd)
    cause = f"a folder is needed where there is a file: {tree}/output/data (Not a directory)\n"
    assert outcome == Outcome(1, cause, None)
    assert results(tree) == []


@pytest.mark.parametrize(
    ("damage", "environ", "cause"),
    [
        (nothing, {"USE_SECURE_PYPI": "perhaps"}, "Environment variable USE_SECURE_PYPI must be"),
        (settings(seed=-1, num_leaves=0), {}, "2 problems in the hyperparameters: num_leaves"),
        (last_table("test", values(isCard="2")), {}, "test: wanted labels 0 or 1, found column"),
        (
            lambda base: (channel(base, "val") / os.fsdecode(b"\xff.csv")).write_text("a\n1\n"),
            {},
            r"val/\udcff.csv: columns missing: 'isFraud'",
        ),
    ],
    ids=["environment", "hyperparameters", "data", "a file name that is no text"],
)
def test_fault_in_a_process_of_its_own(
    damage: Damage, environ: dict[str, str], cause: str, tree: Path
) -> None:
    damage(tree)
    done = run_script(tree, **environ)
    assert done.returncode == 1
    assert done.stderr.startswith(cause)
    assert done.stderr.count("\n") == 1
    assert (failure_text(tree) or "").startswith(done.stderr)
    assert "Traceback" not in done.stdout
    assert results(tree) == []


def test_a_missing_package_is_named_before_anything_is_imported(tree: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.mkdir()
    for name in ("common", "processing"):
        shutil.copytree(ROOT / name, program / name)
    for name in ("lightgbmmt_training.py", "exceptions.py"):
        shutil.copy(ROOT / name, program)
    (program / "requirements.txt").write_text("nobody-has-this==1.0\n")
    done = subprocess.run(
        [sys.executable, program / "lightgbmmt_training.py"],
        env=job_environment(tree),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Missing packages: nobody-has-this==1.0. USE_SECURE_PYPI is true")
    assert failure_text(tree) == done.stderr


def test_a_library_of_the_system_that_is_missing_is_named(tree: Path, tmp_path: Path) -> None:
    broken = tmp_path / "packages" / "lightgbm.py"
    broken.parent.mkdir()
    broken.write_text("raise OSError('libgomp.so.1: cannot open shared object file')")
    done = run_script(tree, PYTHONPATH=str(broken.parent))
    assert done.returncode == 1
    assert done.stderr == (
        "lightgbm is installed but cannot be loaded: libgomp.so.1: cannot open shared object file. "
        "If it is libgomp that is missing, install the system's OpenMP library (on Debian: apt-get "
        "install libgomp1)\n"
    )
    assert failure_text(tree) == done.stderr
    assert results(tree) == []
