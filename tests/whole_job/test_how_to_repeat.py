"""What the report says of how the model came about: followed, it gives the same model file."""

import hashlib
import json
import re
from pathlib import Path

import html5lib
from jobs import booster, model_file, run_job
from report_cases import report_file
from trees import hyperparameters, make_splits, write_hyperparameters, write_tree

import lightgbmmt_training
from processing.job.stop import StopRequest


def words(base: Path) -> str:
    """The text of the page, as one line."""
    document = html5lib.parse(report_file(base).read_text(encoding="utf-8"))
    return " ".join("".join(document.itertext()).split())


def digest(base: Path) -> str:
    """SHA-256 of the model file."""
    return hashlib.sha256(model_file(base).read_bytes()).hexdigest()


def test_a_stopped_training_is_repeated_with_as_many_iterations(tmp_path: Path) -> None:
    splits = make_splits()
    stopped = write_tree(tmp_path / "stopped", splits, hyperparameters())
    stop = StopRequest()
    stop.set()
    lightgbmmt_training.run_job({"SAGEMAKER_BASE_DIR": str(stopped)}, stop)
    told = words(stopped)
    found = re.search(r"stopped on request: take (\d+) as num_iterations", told)
    assert found, told
    settings = json.loads((stopped / "model" / "hyperparameters.json").read_text())
    settings["num_iterations"] = int(found[1])
    again = write_tree(tmp_path / "again", splits, settings)
    run_job(again)
    assert digest(stopped) in told
    assert digest(again) == digest(stopped)
    assert "stopped on request" not in words(again)


def test_the_trees_that_early_stopping_leaves_are_told(tmp_path: Path) -> None:
    values = hyperparameters(early_stopping_rounds=5, eval_frequency=5, num_iterations=400)
    base = write_tree(tmp_path, make_splits(), values)
    run_job(base)
    found = re.search(r"in (\d+) iterations .* has the first (\d+) of them", words(base))
    assert found, words(base)
    assert int(found[2]) == booster(base).num_trees() / 3
    assert int(found[1]) > int(found[2])
    assert "stopped on request" not in words(base)


def test_an_initial_model_is_told(tmp_path: Path) -> None:
    splits = make_splits()
    first = write_tree(tmp_path / "first", splits, hyperparameters())
    run_job(first)
    base = write_tree(tmp_path / "second", splits, hyperparameters(num_iterations=4))
    run_job(base, SM_CHANNEL_MODEL=str(first / "model"))
    told = words(base)
    assert "in 4 iterations (one shared tree each), after the 10 of the model that it goes" in told
    assert "the initial model into the channel model" in told


def test_weights_that_had_no_time_to_move_were_not_held(tmp_path: Path) -> None:
    base = write_tree(tmp_path, make_splits(), hyperparameters(loss_type="adaptive"))
    write_hyperparameters(base, hyperparameters(loss_type="adaptive", num_iterations=4))
    run_job(base)
    assert "They were never updated, for the training was over before: isFraud" in words(base)
