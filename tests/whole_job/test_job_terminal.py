"""What the job prints: nothing that data can forge, nothing that a plain terminal cannot take."""

import re
from pathlib import Path

import pytest
from failure_cases import failure_text
from jobs import members, model_file, predictions, run_script
from trees import hyperparameters, make_splits, write_tree

from common.messages import printable

# Colours, a bell, a line break with a forged line, a carriage return, a direction override, and an
# escape code of one byte (C1).
NASTY = "\x1b[31m\x07\nval:main_auc=0.9999;\rtest \u202e \x9b31m"
# Names in the hyperparameters are of one line.
NASTY_NAME = NASTY.replace("\n", " ").replace("\r", " ")


def assert_printable(text: str) -> None:
    bad = sorted({c for c in text if not c.isprintable() and c != "\n"})
    assert not bad, f"raw control characters: {bad}"


def test_names_and_values_reach_the_log_escaped(tmp_path: Path) -> None:
    tasks = [f"task_{i}{NASTY_NAME}" for i in range(3)]
    renamed = dict(zip(["isFraud", "isCard", "isDebit"], tasks, strict=True))
    renamed["amount"] = f"amount{NASTY_NAME}"
    splits = {name: df.rename(columns=renamed) for name, df in make_splits(150).items()}
    for table in splits.values():
        table["age"] = table["age"].astype("str")
        table.loc[table.index[3], "age"] = NASTY
    splits["val"] = splits["val"].assign(**{tasks[1]: 0})
    values = hyperparameters(
        tab_field_list=[renamed["amount"], "age", "balance"], num_iterations=2, label_name=tasks[0]
    )
    del values["task_label_names"]
    write_tree(tmp_path, splits, values)
    for channel in (tmp_path / "input" / "data").iterdir():
        part = channel / "part-0.csv"
        part.rename(channel / f"a{NASTY}.csv")
        (channel / f"readme{NASTY}.txt").write_text("x")
    done = run_script(tmp_path)
    assert done.stderr == ""
    assert done.returncode == 0
    assert_printable(done.stdout)
    assert done.stdout.count(printable(NASTY_NAME)) > 10
    assert printable(NASTY) in done.stdout
    assert not re.search("^val:main_auc=0.9999", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_fault_of_a_file_with_such_a_name_is_one_line(tmp_path: Path, ending: str) -> None:
    write_tree(tmp_path, make_splits(60), hyperparameters(), ending)
    (tmp_path / "input" / "data" / "val" / f"z{NASTY}.{ending}").write_text("a,b\n1,2\n")
    done = run_script(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(r"val/z\x1b[31m\x07\nval:main_auc=0.9999;\rtest \u202e \x9b31m.")
    assert done.stderr.count("\n") == 1
    for text in (done.stdout, done.stderr, failure_text(tmp_path) or ""):
        assert_printable(text)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_plain_terminal_and_names_that_it_lacks(tmp_path: Path, ending: str) -> None:
    tasks = {"isFraud": "Betrug 🎯", "isCard": "欺詐", "isDebit": "prélèvement"}
    splits = {name: df.rename(columns=tasks) for name, df in make_splits(150).items()}
    values = hyperparameters(
        task_label_names=list(tasks.values()), label_name=tasks["isFraud"], num_iterations=2
    )
    base = {}
    for kind in ("ascii", "utf-8"):
        base[kind] = write_tree(tmp_path / f"größe {kind}", splits, values, ending)
        for channel in (base[kind] / "input" / "data").iterdir():
            (channel / f"part-0.{ending}").rename(channel / f"größe 🎯.{ending}")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LANG": "C"}
    done = run_script(base["ascii"], **plain)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"Betrug \U0001f3af" in done.stdout
    assert run_script(base["utf-8"], PYTHONUTF8="1").returncode == 0
    assert model_file(base["ascii"]).read_bytes() == model_file(base["utf-8"]).read_bytes()
    for split in ("val", "test"):
        assert members(base["ascii"], split) == members(base["utf-8"], split)
        assert list(predictions(base["ascii"], split))[1] == "Betrug 🎯_true"
