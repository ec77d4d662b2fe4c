"""Killed, started again, continued: the result is that of a job that was never interrupted."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failure_cases import failure_text
from jobs import ROOT, SCRIPT, job_environment, members, run_job, start_script
from killed_script import CUT_AT_BYTES
from trees import hyperparameters, make_splits, write_hyperparameters, write_table, write_tree

from exceptions import CheckpointError

COMPARED = [
    "lightgbmmt_model.txt",
    "weight_evolution.json",
    "feature_importance.json",
    "training_state.json",
    "hyperparameters.json",
]
HYPERPARAMETERS = Path("code/hyperparams/hyperparameters.json")
SAMPLED: dict[str, Any] = {"bagging_fraction": 0.7, "feature_fraction": 0.6}
DISTILLED: dict[str, Any] = {
    "loss_type": "adaptive_kd",
    "loss_weight_update_frequency": 4,
    "loss_patience": 1,
    "eval_frequency": 3,
    "learning_rate": 0.3,
}
STOPPED_EARLY: dict[str, Any] = {
    "early_stopping_rounds": 9,
    "eval_frequency": 2,
    "learning_rate": 0.3,
}


def result(base: Path) -> dict[str, bytes]:
    """Everything that must not depend on interruptions."""
    files = {name: (base / "model" / name).read_bytes() for name in COMPARED}
    return files | members(base, "val")


def new_tree(base: Path, n_rows: int = 300, **changes: Any) -> Path:
    """A tree whose job saves checkpoints."""
    splits = make_splits(n_rows)
    del splits["test"]
    knobs = hyperparameters(num_iterations=30, checkpoint_frequency=2) | changes
    (base / "checkpoints").mkdir(parents=True)
    return write_tree(base, splits, knobs)


def change_knobs(base: Path, **changes: Any) -> None:
    """Changes some of a tree's hyperparameters."""
    path = base / "code" / "hyperparams" / "hyperparameters.json"
    write_hyperparameters(base, json.loads(path.read_text(encoding="utf-8")) | changes)


def checkpoints(base: Path) -> list[int]:
    """Iterations of the checkpoints that are there."""
    return sorted(int(path.stem.split("-")[1]) for path in (base / "checkpoints").glob("*.npz"))


# What kills the process: an audit event, the end of the path it is about, and which time it is.
CHECKPOINT = r"/checkpoint-\d{8}\.npz"
PARTIAL_CHECKPOINT = r"/\.checkpoint-\d{8}\.npz\.[\w-]+"
MOMENTS: dict[str, tuple[str, str, int] | None] = {
    "before the first checkpoint": ("open", PARTIAL_CHECKPOINT, 1),
    "in the midst of writing a checkpoint": ("cut", PARTIAL_CHECKPOINT, 3),
    "from outside, in training": None,
    "between writing a checkpoint and naming it": ("os.rename", PARTIAL_CHECKPOINT, 2),
    "between naming a checkpoint and removing an old one": ("os.remove", CHECKPOINT, 1),
    "after the last tree": ("open", r"/metrics\.json", 1),
    "between evaluation and model": ("os.rename", r"/\.model\.[\w-]+-complete-\d+", 1),
}


def run_until_killed(base: Path, moment: tuple[str, str, int] | None) -> str:
    """Runs the script, which is killed at a moment; gives its output."""
    if moment is None:
        return kill_in_training(base)
    killer = ROOT / "tests" / "killed_script.py"
    done = subprocess.run(
        [sys.executable, str(killer), str(SCRIPT), *map(str, moment)],
        cwd=base,
        env=job_environment(base),
        capture_output=True,
        text=True,
        check=False,
    )
    ended_by = "was ended by SIGXFSZ" if moment[0] == "cut" else "was ended by SIGKILL"
    if moment == MOMENTS["between evaluation and model"]:
        ended_by = "was ended while it put its results in place"
    assert done.returncode == 1
    assert ended_by in done.stderr
    assert done.stderr.count("\n") == 1
    assert (failure_text(base) or "").startswith(done.stderr)
    return done.stdout


def kill_in_training(base: Path) -> str:
    """Starts the script and kills it from outside as soon as it reports an iteration."""
    with start_script(base) as process:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if line.startswith("iteration"):
                process.kill()
    assert process.returncode == -signal.SIGKILL
    return output


@pytest.mark.parametrize(
    "changes",
    [
        SAMPLED | DISTILLED | {"loss_kd_teacher": "best_self"},
        SAMPLED | STOPPED_EARLY | {"num_iterations": 200},
    ],
    ids=["best_self", "early stopping"],
)
def test_killed_at_every_kind_of_moment(tmp_path: Path, changes: dict[str, Any]) -> None:
    reference = new_tree(tmp_path / "reference", **changes)
    run_job(reference)
    killed = new_tree(tmp_path / "killed", **changes)
    reached = [0]
    for name, moment in MOMENTS.items():
        output = run_until_killed(killed, moment)
        going_on = f"Going on from a checkpoint after iteration {reached[-1]}\n"
        assert (going_on in output) == (reached[-1] > 0), name
        reached = checkpoints(killed) or [0]
        partial = [path.stat().st_size for path in (killed / "checkpoints").glob(".*")]
        assert partial == ([CUT_AT_BYTES] if moment and moment[0] == "cut" else partial), name
        # What a kill leaves is no result: the model directory is complete or has nothing in it.
        assert list((killed / "model").iterdir()) == [], name
        # Killed itself, the parent cannot tell.
        assert (failure_text(killed) is None) == (moment is None), name
    run_job(killed)
    assert result(killed) == result(reference)
    assert checkpoints(killed) == checkpoints(reference)
    assert len(list((killed / "checkpoints").iterdir())) == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "changes",
    [SAMPLED | DISTILLED, STOPPED_EARLY | {"early_stopping_rounds": 100}],
    ids=["adaptive_kd", "early stopping"],
)
def test_killed_at_random_moments(tmp_path: Path, changes: dict[str, Any]) -> None:
    changes = {"num_iterations": 300, **changes}
    reference = new_tree(tmp_path / "reference", n_rows=3000, **changes)
    started = time.monotonic()
    with start_script(reference) as process:
        process.communicate()
    seconds = time.monotonic() - started

    moments = np.random.default_rng(len(changes))
    killed = new_tree(tmp_path / "killed", n_rows=3000, **changes)
    n_killed = 0
    while n_killed < 10:
        with start_script(killed) as process:
            try:
                process.communicate(timeout=moments.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                n_killed += 1
            else:
                assert result(killed) == result(reference)
                # Done before it was killed: all over again.
                shutil.rmtree(killed / "checkpoints")
                (killed / "checkpoints").mkdir()
    run_job(killed)
    assert result(killed) == result(reference)


SETTINGS: dict[str, dict[str, Any]] = {
    "quantized": {},
    "exact": {"use_quantized_grad": False},
    "rows sampled": {"bagging_fraction": 0.7, "bagging_freq": 3},
    "features sampled": {"feature_fraction": 0.6},
    "weighted sum": {"loss_split_gradient": "weighted_sum"},
    "delta": {"loss_type": "adaptive", "loss_weight_method": "delta"},
    "adaptive_kd": SAMPLED | DISTILLED,
    "best_self": SAMPLED | DISTILLED | {"loss_kd_teacher": "best_self"},
    "early stopping": STOPPED_EARLY,
    "no splits": {"min_data_in_leaf": 140, "loss_split_gradient": "projection"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_raising_the_iterations_goes_on_and_equals_one_long_run(
    tmp_path: Path, name: str, job_log: pytest.LogCaptureFixture
) -> None:
    reference = new_tree(tmp_path / "reference", **SETTINGS[name])
    run_job(reference)
    raised = new_tree(tmp_path / "raised", **SETTINGS[name])
    for n_iterations in (1, 13, 30):
        change_knobs(raised, num_iterations=n_iterations)
        run_job(raised)
    assert "Going on from a checkpoint after iteration 1" in job_log.messages
    assert "Going on from a checkpoint after iteration 13" in job_log.messages
    assert result(raised) == result(reference)


def test_lowering_the_iterations_starts_anew_and_can_be_continued(tmp_path: Path) -> None:
    reference = new_tree(tmp_path / "reference", num_iterations=8)
    run_job(reference)
    lowered = new_tree(tmp_path / "lowered")
    run_job(lowered)
    change_knobs(lowered, num_iterations=8)
    run_until_killed(lowered, ("open", PARTIAL_CHECKPOINT, 4))
    assert "Going on from a checkpoint after iteration 6\n" in run_until_killed(
        lowered, ("open", r"/metrics\.json", 1)
    )
    run_job(lowered)
    assert result(lowered) == result(reference)


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [damaged, flipped, lambda content: b"", lambda content: b"PK"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, damage: Callable[[bytes], bytes], job_log: pytest.LogCaptureFixture
) -> None:
    base = new_tree(tmp_path, **SAMPLED)
    run_job(base)
    whole = result(base)
    assert checkpoints(base) == [28, 30]
    newest = base / "checkpoints" / "checkpoint-00000030.npz"
    newest.write_bytes(damage(newest.read_bytes()))
    run_job(base)
    assert "Going on from a checkpoint after iteration 28" in job_log.messages
    assert f"Checkpoint {newest} is damaged and passed over" in job_log.text
    assert result(base) == whole


def make_newer(path: Path) -> None:
    """Rewrites a checkpoint as a later version of the program might."""
    n_checksum = hashlib.sha256().digest_size
    with np.load(io.BytesIO(path.read_bytes()[:-n_checksum])) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    text = json.dumps(header | {"format_version": 2, "something": "new"})
    content = io.BytesIO()
    np.savez(content, **{**arrays, "header": np.frombuffer(text.encode(), dtype=np.uint8)})
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def test_a_checkpoint_of_a_newer_version_is_passed_over_or_refused(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    base = new_tree(tmp_path, num_iterations=4)
    run_job(base)
    whole = result(base)
    make_newer(base / "checkpoints" / "checkpoint-00000004.npz")
    run_job(base)
    assert "checkpoint-00000004.npz is passed over: it has format 2" in job_log.text
    assert "Going on from a checkpoint after iteration 2" in job_log.messages
    assert result(base) == whole
    for path in (base / "checkpoints").iterdir():
        make_newer(path)
    with pytest.raises(CheckpointError, match="was written by a newer version of this program"):
        run_job(base)


def swap_two_values(base: Path, split: str, column: str) -> None:
    table = make_splits(300)[split].reset_index(drop=True)
    before = table[column].tolist()
    table.loc[[5, 6], column] = table.loc[[6, 5], column].to_numpy()
    assert table[column].tolist() != before
    write_table(table, base / "input" / "data" / split / "part-0.csv")


OTHER_JOBS: dict[str, Callable[[Path], None]] = {
    "learning rate": lambda base: change_knobs(base, learning_rate=0.2),
    "seed": lambda base: change_knobs(base, seed=1),
    "loss": lambda base: change_knobs(base, loss_type="adaptive"),
    "evaluations": lambda base: change_knobs(base, eval_frequency=1),
    "training numbers": lambda base: swap_two_values(base, "train", "amount"),
    "validation numbers": lambda base: swap_two_values(base, "val", "amount"),
    "training labels": lambda base: swap_two_values(base, "train", "isDebit"),
    "validation labels": lambda base: swap_two_values(base, "val", "isDebit"),
    "categories": lambda base: swap_two_values(base, "val", "country"),
}


@pytest.mark.parametrize("other", OTHER_JOBS)
def test_a_checkpoint_of_another_job_is_refused(tmp_path: Path, other: str) -> None:
    base = new_tree(tmp_path, num_iterations=4)
    run_job(base)
    before = result(base)
    OTHER_JOBS[other](base)
    with pytest.raises(CheckpointError, match="belongs to other data, other hyperparameters"):
        run_job(base)
    assert result(base) == before


def test_threads_and_checkpoint_frequency_may_change(
    tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    reference = new_tree(tmp_path / "reference", **SAMPLED)
    run_job(reference)
    base = new_tree(tmp_path / "changed", num_iterations=9, **SAMPLED)
    run_job(base)
    change_knobs(base, num_iterations=30, num_threads=2, checkpoint_frequency=5)
    run_job(base)
    assert "Going on from a checkpoint after iteration 9" in job_log.messages
    model = "lightgbmmt_model.txt"
    assert result(base)[model] == result(reference)[model]


def test_without_the_folder_there_are_no_checkpoints(tmp_path: Path) -> None:
    base = new_tree(tmp_path, num_iterations=4)
    (base / "checkpoints").rmdir()
    run_job(base)
    assert not (base / "checkpoints").exists()


def test_the_platform_says_where_the_checkpoints_are(tmp_path: Path) -> None:
    base = new_tree(tmp_path, num_iterations=4)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    config = base / "input" / "config" / "checkpointconfig.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"S3Uri": "s3://bucket/x", "LocalPath": str(elsewhere)}))
    run_job(base)
    assert len(list(elsewhere.glob("*.npz"))) == 2
    assert checkpoints(base) == []


@pytest.mark.parametrize("first", [False, True])
def test_the_intercept_may_be_calibrated_after_all(first: bool, tmp_path: Path) -> None:
    reference = new_tree(tmp_path / "reference", calibrate_intercept=not first)
    run_job(reference)
    restarted = new_tree(tmp_path / "restarted", calibrate_intercept=first)
    run_job(restarted)
    assert result(restarted) != result(reference)
    shutil.rmtree(restarted / "model")
    new_values = json.loads((reference / HYPERPARAMETERS).read_text())
    write_hyperparameters(restarted, new_values)
    run_job(restarted)
    assert result(restarted) == result(reference)


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link"])
def test_what_is_no_checkpoint_is_passed_over(
    kind: str, tmp_path: Path, job_log: pytest.LogCaptureFixture
) -> None:
    base = new_tree(tmp_path / "base")
    run_job(base)
    before = result(base)
    odd = base / "checkpoints" / "checkpoint-99999999.npz"
    {"folder": odd.mkdir, "pipe": lambda: os.mkfifo(odd)}.get(
        kind, lambda: odd.symlink_to("nowhere")
    )()
    run_job(base)
    assert f"Checkpoint {odd} is passed over: " in job_log.text
    assert "Going on from a checkpoint after iteration" in job_log.text
    assert result(base) == before
