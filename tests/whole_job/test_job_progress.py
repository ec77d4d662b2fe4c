"""What the job says while it trains: for people, for a terminal, and for a tuner."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jobs import ROOT, SCRIPT, job_environment, metrics, model_json, start_script
from trees import hyperparameters, make_splits, write_tree

OPERATIONS = ROOT / "docs" / "operations.md"
LINE = re.compile(
    r"iteration (\d+)/(\d+)  (?:val AUC main 0\.\d{4} mean 0\.\d{4}  )?"
    r"\d+\.\d trees/s  (?:\d+:)?\d+:\d\d left"
)


def documented_metrics(text: str) -> dict[str, str]:
    """Regex of each metric in a text, which holds them as JSON objects, one a line."""
    found = [json.loads(line) for line in re.findall(r'\{"Name": .*?"Regex": .*?"\}', text)]
    return {metric["Name"]: metric["Regex"] for metric in found}


def write_small_tree(base: Path, n_iterations: int = 40, **changes: Any) -> Path:
    knobs = hyperparameters(num_iterations=n_iterations, **changes)
    return write_tree(base, make_splits(200), knobs)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The tree of a job and its output to a pipe; lines must come while it still runs."""
    base = write_small_tree(tmp_path_factory.mktemp("spoken"))
    # As on a new machine: without the caches that libraries fill at their first use, and speak of.
    with start_script(base, MPLCONFIGDIR=str(base / "matplotlib")) as process:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if line.startswith("iteration 4/"):
                # There are pictures to draw after the training: a line that waited in a buffer
                # would come together with the end.
                assert process.poll() is None
                assert not (base / "output" / "data" / "val.tar.gz").exists()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
    return base, output


def test_no_library_joins_in(spoken: tuple[Path, str]) -> None:
    base, output = spoken
    assert any((base / "matplotlib").iterdir()), "matplotlib has not built its font cache"
    assert "font" not in output


def test_lines_come_at_a_readable_pace(spoken: tuple[Path, str]) -> None:
    lines = [line for line in spoken[1].splitlines() if line.startswith("iteration")]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    done = [int(match[1]) for match in matches if match]
    assert done[-1] == 40
    # A tenth of the way each; a slow machine adds a line every few seconds.
    assert set(range(4, 41, 4)) <= set(done) or len(done) >= 10
    assert "val AUC main" in lines[-1]


def test_lines_are_plain_where_no_terminal_is(spoken: tuple[Path, str]) -> None:
    assert not set(spoken[1]) & {"\r", "\x1b", "\b"}
    assert "[#" not in spoken[1]


def test_the_documented_regexes_find_the_metrics(spoken: tuple[Path, str]) -> None:
    base, output = spoken
    documented = documented_metrics(OPERATIONS.read_text(encoding="utf-8"))
    assert {"val:main_auc", "val:mean_auc", "test:main_auc", "test:mean_auc"} <= set(documented)
    values = {name: re.findall(regex, output) for name, regex in documented.items()}
    for name, found in values.items():
        assert found, f"{name}: nothing in the output matches {documented[name]}"
        # A tuner takes the last value: it is the one of the finished model.
        split, metric = name.split(":")
        assert float(found[-1]) == pytest.approx(final_value(base, split, metric), abs=1e-6)
    written = set(re.findall(r"\b((?:val|test):\w+)=", output))
    assert written == set(documented), "docs/operations.md lists other metrics than the job writes"
    assert len(values["val:main_auc"]) >= 10


def final_value(base: Path, split: str, metric: str) -> float:
    scores = metrics(base, split)
    if metric == "main_auc":
        return float(scores["task_0_isFraud"]["auc_roc"])
    if metric == "mean_auc":
        return float(scores["aggregate"]["mean_auc_roc"])
    tasks = [scores[key]["log_loss"] for key in scores if key.startswith("task_")]
    assert metric == "mean_logloss"
    return float(sum(tasks) / len(tasks))


def test_the_scores_are_those_of_the_training_state(spoken: tuple[Path, str]) -> None:
    base, output = spoken
    state = model_json(base, "training_state.json")
    said = [float(value) for value in re.findall(r"val:main_auc=([0-9.]+);", output)]
    # The last one is of the evaluation.
    assert said[-2] == pytest.approx(state["task_performances"]["0"][-1], abs=1e-6)
    assert max(said) <= state["best_score"] + 1e-6


def test_a_terminal_gets_a_bar_and_the_lines(tmp_path: Path) -> None:
    # So many iterations that the bar is drawn in between, at five times a second; and with lines
    # of others in between, about struggling tasks.
    others = {"loss_type": "adaptive_kd", "loss_patience": 1, "eval_frequency": 1}
    base = write_small_tree(tmp_path, n_iterations=600, **others)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=base,
        env=job_environment(base),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        output = read_terminal(ours)
    os.close(ours)
    assert process.returncode == 0
    assert re.search(r"\r\[#+-+\]  ?\d+%", output)
    assert re.search(r"\r\[#{20}\] 100%\r?\n", output)
    screen = shown(output)
    lines = [line for line in screen if line.startswith("iteration")]
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert len(lines) >= 10
    assert any(line.startswith("Task 1 (isCard) is struggling") for line in screen)
    assert [line for line in screen if "[#" in line or "[-" in line] == ["[" + "#" * 20 + "] 100%"]


def read_terminal(descriptor: int) -> str:
    content = b""
    while True:
        select.select([descriptor], [], [])
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            part = b""
        if not part:
            return content.decode()
        content += part


def shown(output: str) -> list[str]:
    """The lines that a terminal shows in the end: a carriage return goes back over a line."""
    lines = []
    for raw in output.replace("\r\n", "\n").split("\n"):
        line = ""
        for part in raw.split("\r"):
            line = part + line[len(part) :]
        lines.append(line.rstrip())
    return lines
