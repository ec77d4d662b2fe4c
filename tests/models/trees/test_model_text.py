"""The model file: its exact form, and that three readers agree on it."""

import warnings
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import treelite
from engine_cases import (
    Problem,
    make_booster,
    make_problem,
    sections,
    text_of,
    train_scores,
)

from models.engine.booster import SharedTreeBooster
from models.engine.structure import StructureSettings
from models.engine.task_rows import LabelledRows
from models.trees.model_text import (
    file_feature_names,
    model_text,
    structures_text,
)
from models.trees.shared_tree import TreeStructure


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


@pytest.fixture(scope="module")
def booster(problem: Problem) -> SharedTreeBooster:
    """Eight trees."""
    booster = make_booster(problem)
    for _ in range(8):
        booster.update()
    return booster


def raw_scores(booster: SharedTreeBooster) -> np.ndarray:
    """What training has kept for the training rows."""
    return train_scores(booster)


def shap_explainer(model: lgb.Booster) -> Any:
    """SHAP's reading of a model."""
    with warnings.catch_warnings():
        # shap 0.51 uses what matplotlib 3.11 deprecates, while it is imported.
        warnings.simplefilter("ignore")
        import shap
    return shap.TreeExplainer(model)


def test_tree_sizes_are_the_exact_bytes_of_the_sections(booster: SharedTreeBooster) -> None:
    content = text_of(booster).encode()
    header, rest = content.split(b"\n\n", 1)
    sizes = [int(size) for size in header.rsplit(b"tree_sizes=", 1)[1].split()]
    assert len(sizes) == 24
    for number, size in enumerate(sizes):
        section, rest = rest[:size], rest[size:]
        assert section.startswith(f"Tree={number}\n".encode())
        assert section.count(b"Tree=") == 1
        assert section.endswith(b"\n\n\n")
    assert rest.startswith(b"end of trees\n")


def test_header(booster: SharedTreeBooster) -> None:
    header = text_of(booster).split("\n\n", 1)[0].splitlines()
    assert header[0] == "tree"
    fields = dict(line.split("=", 1) for line in header[1:])
    sizes = fields.pop("tree_sizes")
    infos = fields.pop("feature_infos").split()
    assert len(sizes.split()) == 24
    assert len(infos) == 5
    assert all(info.startswith("[") and ":" in info for info in infos)
    assert fields == {
        "version": "v4",
        "num_class": "3",
        "num_tree_per_iteration": "3",
        "label_index": "0",
        "max_feature_idx": "4",
        "objective": "multiclassova num_class:3 sigmoid:1",
        "feature_names": "f0 f1 f2 f3 f4",
    }


def test_lightgbm_predicts_the_probabilities_of_the_training_scores(
    problem: Problem, booster: SharedTreeBooster
) -> None:
    model = lgb.Booster(model_str=text_of(booster))
    prob = model.predict(problem.train_x)
    np.testing.assert_allclose(model.predict(problem.train_x, raw_score=True), raw_scores(booster))
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-raw_scores(booster))), atol=1e-12)
    assert (np.abs(prob.sum(axis=1) - 1) > 0.01).any()  # independent tasks, no softmax


def test_every_iteration_has_one_structure_for_all_tasks(booster: SharedTreeBooster) -> None:
    trees = sections(text_of(booster))
    per_task = {"leaf_value", "leaf_weight", "internal_value", "internal_weight"}
    for first in range(0, 24, 3):
        for name in trees[first].keys() - per_task:
            assert len({tree[name] for tree in trees[first : first + 3]}) == 1, name
        assert len({tree["leaf_value"] for tree in trees[first : first + 3]}) == 3
    assert len({tree["threshold"] for tree in trees}) == 8


def test_values_are_written_to_the_last_bit(booster: SharedTreeBooster) -> None:
    for index, fields in enumerate(sections(text_of(booster))):
        tree, task = booster.trees[index // 3], index % 3
        offset = booster.base_score[task] if index < 3 else 0.0
        for name in ("leaf_value", "internal_value"):
            expected = getattr(tree, name)[:, task] + offset
            assert [float(value) for value in fields[name].split()] == expected.tolist()
        for name in ("leaf_weight", "internal_weight"):
            expected = getattr(tree, name)[:, task]
            assert [float(value) for value in fields[name].split()] == expected.tolist()
        assert fields["shrinkage"] == "0.1"


def test_the_text_of_lightgbm_reading_it_has_the_same_trees(booster: SharedTreeBooster) -> None:
    text = text_of(booster)
    again = sections(lgb.Booster(model_str=text).model_to_string())
    for ours, theirs in zip(sections(text), again, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert [float(x) for x in value.split()] == pytest.approx(
                [float(x) for x in theirs[name].split()], rel=1e-5
            )


def test_treelite_and_shap_agree(
    problem: Problem, booster: SharedTreeBooster, tmp_path: Path
) -> None:
    path = tmp_path / "model.txt"
    path.write_text(text_of(booster))
    model, x = lgb.Booster(model_file=path), problem.valid_x.astype(np.float64)
    prob = model.predict(x)
    by_treelite = treelite.gtil.predict(treelite.frontend.load_lightgbm_model(path), x)
    np.testing.assert_allclose(by_treelite.reshape(prob.shape), prob, atol=1e-12)
    explanation = shap_explainer(model)(x[:50])
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, model.predict(x[:50], raw_score=True), atol=1e-9)
    contributions = model.predict(x[:50], pred_contrib=True).reshape(50, 3, 6)
    np.testing.assert_allclose(
        contributions[:, :, :5], np.moveaxis(explanation.values, 1, 2), atol=1e-9
    )


def test_counts_are_those_of_the_rows(problem: Problem, booster: SharedTreeBooster) -> None:
    leaves = lgb.Booster(model_str=text_of(booster)).predict(problem.train_x, pred_leaf=True)
    for index, fields in enumerate(sections(text_of(booster))):
        counts = [int(count) for count in fields["leaf_count"].split()]
        assert np.bincount(leaves[:, index], minlength=len(counts)).tolist() == counts


def test_an_ensemble_of_single_leaves_is_read_by_all(problem: Problem, tmp_path: Path) -> None:
    booster = make_booster(problem, structure=StructureSettings(min_gain_to_split=1e9))
    for _ in range(3):
        booster.update()
    text = text_of(booster)
    assert {fields["num_leaves"] for fields in sections(text)} == {"1"}
    path = tmp_path / "model.txt"
    path.write_text(text)
    model, x = lgb.Booster(model_file=path), problem.valid_x[:20].astype(np.float64)
    base_rate = np.tile(problem.train.label.mean(axis=0), (20, 1))
    np.testing.assert_allclose(model.predict(x), base_rate, rtol=1e-12)
    by_treelite = treelite.gtil.predict(treelite.frontend.load_lightgbm_model(path), x)
    np.testing.assert_allclose(by_treelite.reshape(20, 3), base_rate, rtol=1e-12)
    assert not np.any(shap_explainer(model).shap_values(x))
    assert model.feature_importance("gain").tolist() == [0.0] * 5


def test_a_single_leaf_among_trees_is_read(problem: Problem, booster: SharedTreeBooster) -> None:
    unsplit = booster._unsplit_tree()
    trees = [unsplit, *booster.trees[:2], unsplit, booster.trees[2]]
    names = ["a", "b", "c", "d", "e"]
    infos = booster.feature_infos
    with_gaps = model_text(trees, booster.base_score, names, infos, 0.1, {})
    without = model_text(booster.trees[:3], booster.base_score, names, infos, 0.1, {})
    np.testing.assert_allclose(
        lgb.Booster(model_str=with_gaps).predict(problem.valid_x),
        lgb.Booster(model_str=without).predict(problem.valid_x),
        rtol=1e-12,
    )


def test_parameters_are_noted(booster: SharedTreeBooster) -> None:
    names, infos = ["a", "b", "c", "d", "e"], booster.feature_infos
    parameters = {"learning_rate": 0.1, "num_leaves": 7}
    text = model_text(booster.trees, booster.base_score, names, infos, 0.1, parameters)
    assert "\nparameters:\n[learning_rate: 0.1]\n[num_leaves: 7]\nend of parameters\n" in text
    assert lgb.Booster(model_str=text).params["num_leaves"] == 7


ODD_NAMES = {
    "plain": ["amount", "x.y", "a-b/c", "(1+2)", "country=DE"],
    "LightGBM refuses": ['a"b', "c,d", "e:f", "[g]", "{h}"],
    "spaces and underscores": ["a b", "a_b", " ", "a\tb", "a\nb"],
    "not ASCII": ["größe", "金額", "é", "e\u0301", "\N{NO-BREAK SPACE}"],
    "no name": ["", "'", "\\", "`", "\x00"],
    "like substitutes": ["Column_1", "x y", "Column_1_", "Column_4", "[4]"],
    "all substitutes": ["a b", "Column_0", "Column_0_", "Column_3_", "c d"],
    "fields of the file": ["threshold", "Tree", "num_leaves", "leaf_value", "tree_sizes"],
    "lines of the file": ["Tree=1", "num_class=7", "feature_names=x", "end", "objective=binary"],
}


@pytest.mark.parametrize("names", list(ODD_NAMES.values()), ids=list(ODD_NAMES))
def test_any_feature_names_are_read_by_all(
    problem: Problem, booster: SharedTreeBooster, names: list[str], tmp_path: Path
) -> None:
    in_file = file_feature_names(names)
    text = model_text(booster.trees, booster.base_score, in_file, booster.feature_infos, 0.1, {})
    path = tmp_path / "model.txt"
    path.write_text(text)
    model, x = lgb.Booster(model_file=path), problem.valid_x.astype(np.float64)
    assert model.feature_name() == in_file
    prob = lgb.Booster(model_str=text_of(booster)).predict(x)
    np.testing.assert_array_equal(model.predict(x), prob)
    by_treelite = treelite.gtil.predict(treelite.frontend.load_lightgbm_model(path), x)
    np.testing.assert_allclose(by_treelite.reshape(prob.shape), prob, atol=1e-12)
    assert model.dump_model()["feature_names"] == in_file


@pytest.mark.parametrize("names", list(ODD_NAMES.values()), ids=list(ODD_NAMES))
def test_names_in_the_file_are_unique(names: list[str]) -> None:
    assert len(set(file_feature_names(names))) == len(names)


@pytest.mark.parametrize(
    ("names", "in_file"),
    [
        (["amount", "x.y", "a-b/c", "(1+2)", "country=DE"], None),
        (["a b", "ok", "c,d"], ["Column_0", "ok", "Column_2"]),
        (["Column_1", "x y"], ["Column_1", "Column_1_"]),
        (["a b", "Column_0", "Column_0_"], ["Column_0__", "Column_0", "Column_0_"]),
    ],
)
def test_names_in_the_file(names: list[str], in_file: list[str] | None) -> None:
    assert file_feature_names(names) == (names if in_file is None else in_file)


def test_structures_alone_find_the_leaves(problem: Problem, booster: SharedTreeBooster) -> None:
    walker = lgb.Booster(model_str=structures_text(booster.trees, 5))
    model = lgb.Booster(model_str=text_of(booster))
    np.testing.assert_array_equal(
        walker.predict(problem.valid_x, pred_leaf=True),
        model.predict(problem.valid_x, pred_leaf=True)[:, ::3],
    )


def test_structures_of_single_leaves(problem: Problem) -> None:
    booster = make_booster(problem, structure=StructureSettings(min_gain_to_split=1e9))
    booster.update()
    assert isinstance(booster.trees[0].structure, TreeStructure)
    walker = lgb.Booster(model_str=structures_text(booster.trees, 5))
    assert not walker.predict(problem.valid_x, pred_leaf=True).any()


def test_two_hundred_tasks() -> None:
    # Rows few enough for scores in float64.
    problem = make_problem(600)
    label = np.repeat(problem.train.label, 67, axis=1)
    labels = LabelledRows(label)
    booster = make_booster(Problem(problem.train_x, labels, problem.train_x, labels))
    booster.update()
    prob = lgb.Booster(model_str=text_of(booster)).predict(problem.train_x)
    assert prob.shape == (600, 201)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-raw_scores(booster))), atol=1e-12)
