"""Names as users have them: every artifact that they read holds them unaltered."""

import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobs import booster, members, metrics, model_json, predictions, run_job
from trees import FORMATS, hyperparameters, make_splits, write_tree

# Odd name of each feature. LightGBM refuses some of these, alters others, or would mix them up.
FEATURES = {
    "amount": 'Air "temperature" [K], 20:30 {x}',
    "age": "a b",
    "balance": "a_b",
    "country": "../../up/Städte/国\\n",
    "channel": "x" * 300,
}
MORE_FEATURES = {
    "amount": "#1 [1]",
    "age": " leading,\ttab and trailing ",
    "balance": "Column_0",
    "country": "0",
    "channel": "=cmd|'/c calc'!A1",
}
TASKS = {"isFraud": "../fraud [any], \"kind\": 'a'/b", "isCard": "card 1", "isDebit": "card_1"}
MORE_TASKS = {"isFraud": "..", "isCard": ".versteckt — Überweisung 欺詐", "isDebit": "t" * 300}
WORDS_OF_PYTHON = {
    "amount": "cls",
    "age": "None",
    "balance": "__dict__",
    "country": "index",
    "channel": "columns",
}
PYTHON_TASKS = {"isFraud": "self", "isCard": "lambda", "isDebit": "__class__"}
ID_NAMES = ['Kunden-Nr. [№], "alt"', "../id"]

CASES = {
    "odd": (FEATURES, TASKS, ID_NAMES[0]),
    "odder": (MORE_FEATURES, MORE_TASKS, ID_NAMES[1]),
    "words of Python": (WORDS_OF_PYTHON, PYTHON_TASKS, "name"),
}


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_names_are_unaltered_in_every_artifact(tmp_path: Path, case: str, ending: str) -> None:
    features, tasks, id_name = CASES[case]
    renamed = {**features, **tasks, "id": id_name}
    splits = {name: table.rename(columns=renamed) for name, table in make_splits(300).items()}
    numerical = [features[name] for name in ("amount", "age", "balance")]
    categorical = [features[name] for name in ("country", "channel")]
    task_names = list(tasks.values())
    base = tmp_path / "ml"
    values = hyperparameters(
        tab_field_list=numerical,
        cat_field_list=categorical,
        task_label_names=task_names,
        label_name=task_names[0],
        id_name=id_name,
        num_iterations=3,
    )
    run_job(write_tree(base, splits, values, ending))

    model = base / "model"
    names = [*numerical, *categorical]
    lines = (model / "feature_columns.txt").read_text(encoding="utf-8").split("\n")
    listed = [line.split(",", 1)[1] for line in lines if line and not line.startswith("#")]
    assert listed == names
    assert model_json(base, "selected_features.json") == {"selected_features": names}
    assert list(model_json(base, "feature_importance.json")) == names
    assert list(pickle.loads((model / "impute_dict.pkl").read_bytes())) == numerical
    assert list(pickle.loads((model / "risk_table_map.pkl").read_bytes())) == categorical
    assert model_json(base, "hyperparameters.json").items() >= values.items()
    assert model_json(base, "training_state.json")["task_names"] == task_names

    keys = [f"task_{i}_{task}" for i, task in enumerate(task_names)]
    columns = [f"{task}_{what}" for task in task_names for what in ("true", "prob")]
    for split in ("val", "test"):
        assert list(metrics(base, split))[: len(keys) + 1] == [*keys, "aggregate"]
        table = predictions(base, split)
        assert list(table.columns) == [id_name, *columns]
        assert list(table[id_name]) == list(splits[split][id_name])
        for task in task_names:
            assert list(table[f"{task}_true"]) == list(splits[split][task])

    assert_file_names_are_safe(base, tmp_path, len(task_names))
    assert_model_file_is_read(base, splits["val"], names, task_names)


def assert_file_names_are_safe(base: Path, root: Path, n_tasks: int) -> None:
    for split in ("val", "test"):
        pictures = [name for name in members(base, split) if name.endswith(".jpg")]
        assert len(set(pictures)) == 2 * n_tasks
        for name in pictures:
            folder, *rest = name.split("/")
            assert (folder, len(rest)) == (f"{split}_metrics", 1)
            assert rest[0].startswith(f"{split}_task_")
            assert len(rest[0].encode()) <= 255
    assert [path.name for path in root.iterdir()] == [base.name]
    assert {path.name for path in base.iterdir()} == {"code", "input", "model", "output"}


def assert_model_file_is_read(
    base: Path, val: pd.DataFrame, names: list[str], tasks: list[str]
) -> None:
    model = booster(base)
    in_file = model.feature_name()
    assert len(set(in_file)) == len(names)
    for name, name_in_file in zip(names, in_file, strict=True):
        assert name_in_file == name or not re.fullmatch(r"\w+", name, re.ASCII)
    impute = pd.read_pickle(base / "model" / "impute_dict.pkl")
    risks = pd.read_pickle(base / "model" / "risk_table_map.pkl")
    for name, table in risks.items():
        val = val.assign(**{name: val[name].map(table["bins"]).fillna(table["default_bin"])})
    prob = np.asarray(model.predict(val.fillna(impute)[names].to_numpy(dtype=np.float64)))
    written = predictions(base, "val")[[f"{task}_prob" for task in tasks]]
    np.testing.assert_allclose(prob, written, atol=1e-6)
