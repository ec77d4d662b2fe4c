"""`risk_tables`: `per_task` in a whole job, and in the scoring of raw rows."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from jobs import booster, model_file, model_json, predictions, run_job
from trees import TASKS, hyperparameters, make_splits, write_tree

from scoring.model_directory import load_scorer

SPLITS = make_splits(500)
FEATURES = [
    *("amount", "age", "balance", "country", "channel"),
    *("country|isCard", "country|isDebit", "channel|isCard", "channel|isDebit"),
]


def run(base: Path, **changes: Any) -> Path:
    knobs = hyperparameters(risk_tables="per_task", num_iterations=20)
    run_job(write_tree(base, SPLITS, knobs | changes))
    return base


@pytest.fixture(scope="module")
def per_task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("per_task"))


def raw_rows() -> pa.Table:
    test = SPLITS["test"]
    return pa.Table.from_pandas(test, preserve_index=False)


def test_the_artifacts_of_both_kinds(per_task: Path, tmp_path: Path) -> None:
    tables = pickle.loads((per_task / "model" / "risk_table_map.pkl").read_bytes())
    assert list(tables["country"]) == ["bins", "default_bin"]
    assert tables["country|isCard"]["column"] == "country"
    assert booster(per_task).feature_name() == FEATURES
    assert list(model_json(per_task, "feature_importance.json")) == FEATURES
    lines = (per_task / "model" / "feature_columns.txt").read_text().splitlines()
    assert lines[2:] == [f"{index},{name}" for index, name in enumerate(FEATURES)]
    # What another job may select are columns.
    assert model_json(per_task, "selected_features.json")["selected_features"] == FEATURES[:5]
    run(tmp_path, risk_tables="main")
    main = pickle.loads((tmp_path / "model" / "risk_table_map.pkl").read_bytes())
    assert set(main) == {"country", "channel"}


def test_auto_has_the_tables_of_columns_that_differ(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    splits = {name: table.copy() for name, table in make_splits(4000).items()}
    for table in splits.values():
        # What country says of isDebit is its own; all else follows the main task.
        odd = table["country"].isin(["DE", "01"]).to_numpy()
        table["isDebit"] = (rng.random(len(table)) < np.where(odd, 0.6, 0.1)).astype(int)
        table["isCard"] = table["isFraud"] & (rng.random(len(table)) < 0.5)
    run_job(write_tree(tmp_path, splits, hyperparameters()))
    tables = pickle.loads((tmp_path / "model" / "risk_table_map.pkl").read_bytes())
    assert set(tables) == {"country", "channel", "country|isDebit"}
    scorer = load_scorer(tmp_path / "model")
    expected = predictions(tmp_path, "test")[[f"{task}_prob" for task in TASKS]].to_numpy()
    found = scorer.score(pa.Table.from_pandas(splits["test"], preserve_index=False))
    np.testing.assert_array_equal(found, expected)


def test_raw_rows_get_the_bits_of_the_job(per_task: Path) -> None:
    scorer = load_scorer(per_task / "model")
    expected = predictions(per_task, "test")[[f"{task}_prob" for task in TASKS]].to_numpy()
    rows = raw_rows()
    assert scorer.features == FEATURES[:5]
    np.testing.assert_array_equal(scorer.score(rows), expected)
    one_by_one = [scorer.score(rows.slice(index, 1))[0] for index in range(20)]
    np.testing.assert_array_equal(one_by_one, expected[:20])


def test_a_reason_is_a_column_whatever_its_features(per_task: Path) -> None:
    scorer = load_scorer(per_task / "model")
    rows = raw_rows().slice(0, 40)
    features = scorer.features_of(rows)
    assert features.shape == (40, len(FEATURES))
    per_feature = np.asarray(booster(per_task).predict(features, pred_contrib=True))
    per_feature = per_feature.reshape(40, 3, len(FEATURES) + 1)
    found = scorer.contributions(rows)
    assert found.shape == (40, 3, 6)
    country = per_feature[:, :, [3, 5, 6]].sum(axis=2)
    np.testing.assert_allclose(found[:, :, 3], country, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), per_feature.sum(axis=2), atol=1e-12)
    assert scorer.reasons(rows, 9).feature.shape == (40, 3, 5)


def test_selected_columns_bring_their_features_along(tmp_path: Path, per_task: Path) -> None:
    artifacts = tmp_path / "input" / "data" / "model_artifacts_input"
    artifacts.mkdir(parents=True)
    (artifacts / "selected_features.json").write_text('{"selected_features": ["country", "age"]}')
    knobs = hyperparameters(risk_tables="per_task")
    run_job(write_tree(tmp_path, SPLITS, knobs), USE_PRECOMPUTED_FEATURES="true")
    assert booster(tmp_path).feature_name() == ["country", "age", *FEATURES[5:7]]
    load_scorer(tmp_path / "model").score(raw_rows())


def test_precomputed_tables_stay_as_they_are(
    tmp_path: Path, per_task: Path, job_log: pytest.LogCaptureFixture
) -> None:
    artifacts = tmp_path / "input" / "data" / "model_artifacts_input"
    artifacts.mkdir(parents=True)
    content = (per_task / "model" / "risk_table_map.pkl").read_bytes()
    (artifacts / "risk_table_map.pkl").write_bytes(content)
    tables = pickle.loads(content)
    mapped = {}
    for name, table in SPLITS.items():
        risks = {
            column: table[column].map(tables[column]["bins"]).fillna(tables[column]["default_bin"])
            for column in ("country", "channel")
        }
        mapped[name] = table.assign(**risks)
    files = []
    for kind in ("main", "per_task"):
        knobs = hyperparameters(risk_tables=kind)
        run_job(write_tree(tmp_path, mapped, knobs), USE_PRECOMPUTED_RISK_TABLES="true")
        files.append(model_file(tmp_path).read_bytes())
    assert files[0] == files[1]
    assert "risk_tables has no effect: the risk tables are precomputed" in job_log.text
    written = pickle.loads((tmp_path / "model" / "risk_table_map.pkl").read_bytes())
    assert written == {name: tables[name] for name in ("country", "channel")}
    load_scorer(tmp_path / "model")


def test_constraints_hold_for_every_feature_of_a_column(tmp_path: Path) -> None:
    groups = [["country", "age"], ["channel", "amount", "balance"]]
    base = run(tmp_path, interaction_constraints=groups)
    frame: pd.DataFrame = booster(base).trees_to_dataframe()
    allowed = [{"country", "age"}, {"channel", "amount", "balance"}]
    for _, tree in frame.groupby("tree_index"):
        used = {name.split("|")[0] for name in tree["split_feature"].dropna()}
        parents = tree.set_index("node_index")["split_feature"].dropna()
        children = tree.dropna(subset=["parent_index", "split_feature"])
        for _, node in children.iterrows():
            pair = {
                parents[node["parent_index"]].split("|")[0],
                node["split_feature"].split("|")[0],
            }
            assert any(pair <= group for group in allowed), pair
        assert used
