"""Reading model files that may be damaged or made to do harm."""

from collections.abc import Callable
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from engine_cases import Problem, make_booster, make_problem, text_of

from exceptions import ArtifactError
from models.engine.booster import SharedTreeBooster
from models.trees.model_reading import MAX_DEPTH, read_model
from models.trees.model_text import model_text, structures_text
from models.trees.shared_tree import SharedTree, TreeStructure
from models.trees.shared_walk import SharedWalk


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


@pytest.fixture(scope="module")
def text(booster: SharedTreeBooster) -> str:
    """The model file."""
    return text_of(booster)


def test_what_was_written_is_read(booster: SharedTreeBooster, text: str) -> None:
    model = read_model(text)
    first, *others = (tree.leaf_value for tree in booster.trees)
    for found, expected in zip(
        model.leaf_values, [first + booster.base_score, *others], strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert (model.n_tasks, model.n_features) == (3, len(model.feature_names))
    assert model.structures_text() == structures_text(
        [
            SharedTree(
                tree.structure, value, *[np.zeros((len(value) - cut, 3)) for cut in (0, 1, 1)]
            )
            for tree, value in zip(booster.trees, model.leaf_values, strict=True)
        ],
        model.n_features,
    )


def test_the_text_written_anew_predicts_the_same_bits(text: str, problem: Problem) -> None:
    rows = problem.valid_x[:200]
    for kind in ("raw_score", "pred_leaf", "pred_contrib"):
        found = lgb.Booster(model_str=read_model(text).full_text()).predict(rows, **{kind: True})
        expected = lgb.Booster(model_str=text).predict(rows, **{kind: True})
        np.testing.assert_array_equal(found, expected, err_msg=kind)


def test_a_model_that_stock_lightgbm_saved_again(text: str, problem: Problem) -> None:
    again = lgb.Booster(model_str=text).model_to_string()
    assert again != text
    np.testing.assert_array_equal(
        SharedWalk(read_model(again)).raw_score(problem.valid_x),
        SharedWalk(read_model(text)).raw_score(problem.valid_x),
    )


def edited(name: str, edit: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """Edits the values of an entry in every tree and makes the sizes of the trees right again."""

    def change(text: str) -> str:
        lines = [
            f"{name}={' '.join(edit(line.partition('=')[2].split()))}"
            if line.startswith(f"{name}=")
            else line
            for line in text.split("\n")
        ]
        return resized("\n".join(lines))

    return change


def resized(text: str) -> str:
    """The text with the sizes that its trees have."""
    header, _, body = text.partition("\n\n")
    sections = body.partition("end of trees\n")[0].split("\n\n\n")[:-1]
    sizes = " ".join(str(len(section) + 3) for section in sections)
    lines = [
        f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line
        for line in header.split("\n")
    ]
    return "\n".join(lines) + "\n\n" + body


def replaced(old: str, new: str) -> Callable[[str], str]:
    """Replaces the first occurrence."""

    def change(text: str) -> str:
        assert old in text
        return resized(text.replace(old, new, 1))

    return change


DAMAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda _: "", "wanted a text model"),
    "something else": (lambda _: "<html></html>", "wanted a text model"),
    "version": (replaced("version=v4", "version=v3"), "version v4"),
    "one task": (replaced("num_class=3", "num_class=1"), "2 tasks or more"),
    "huge number of tasks": (replaced("num_class=3", "num_class=999999999"), "2 tasks or more"),
    "objective": (replaced("multiclassova", "multiclass"), "multiclassova"),
    "no objective": (replaced("objective=", "subjective="), "no entry 'objective'"),
    "number that is none": (replaced("num_class=3", "num_class=three"), "wanted a number"),
    "features": (replaced("max_feature_idx=4", "max_feature_idx=40"), "5 feature names for 41"),
    "truncated": (lambda text: text[: len(text) // 2], "truncated"),
    "a tree lost": (lambda text: resized(text.replace("Tree=5", "\n\n\nTree=5")), "25 trees"),
    "tree sizes": (lambda text: text.replace("tree_sizes=", "tree_sizes=1"), "tree_sizes"),
    "other structure": (replaced("Tree=1\nnum_leaves=", "Tree=1\nnum_leaves=1"), "differ"),
    "categorical": (edited("num_cat", lambda _: ["1"]), "no categorical split"),
    "linear": (edited("is_linear", lambda _: ["1"]), "no linear leaf"),
    "no leaves": (edited("num_leaves", lambda _: ["0"]), "1 to"),
    "too many leaves": (edited("num_leaves", lambda _: ["999999999"]), "1 to"),
    "fewer leaves": (edited("num_leaves", lambda _: ["2"]), "in every entry"),
    "feature out of range": (edited("split_feature", lambda v: ["5", *v[1:]]), "none of the 5"),
    "negative feature": (edited("split_feature", lambda v: ["-1", *v[1:]]), "none of the 5"),
    "threshold": (edited("threshold", lambda v: ["nan", *v[1:]]), "not finite"),
    "decision type": (edited("decision_type", lambda v: ["1", *v[1:]]), "plain comparison"),
    "missing values": (edited("decision_type", lambda v: ["10", *v[1:]]), "plain comparison"),
    "circle": (edited("left_child", lambda v: ["0", *v[1:]]), "make a tree"),
    "child out of range": (edited("left_child", lambda v: ["9999", *v[1:]]), "make a tree"),
    "leaf out of range": (edited("left_child", lambda v: ["-9999", *v[1:]]), "make a tree"),
    "child twice": (edited("left_child", lambda v: [v[1], *v[1:]]), "make a tree"),
    "infinite value": (edited("leaf_value", lambda v: ["inf", *v[1:]]), "finite leaf values"),
    "too few values": (edited("leaf_value", lambda v: v[1:]), "finite leaf values"),
    "integer out of range": (
        edited("split_feature", lambda v: ["99999999999999", *v[1:]]),
        "wanted a number",
    ),
    "negative count": (edited("leaf_count", lambda v: ["-1", *v[1:]]), "count below 0"),
    "too few counts": (edited("internal_count", lambda v: v[1:]), "in every entry"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_by_name(text: str, name: str) -> None:
    damage, message = DAMAGES[name]
    damaged = damage(text)
    assert damaged != text
    with pytest.raises(ArtifactError, match=message) as caught:
        read_model(damaged, "model.txt")
    assert str(caught.value).startswith("model.txt: ")
    assert "\n" not in str(caught.value)


def chain(depth: int) -> SharedTree:
    """A tree in which every right child is a leaf."""
    inner = np.arange(depth)
    structure = TreeStructure(
        split_feature=np.zeros(depth, np.int32),
        split_gain=np.ones(depth),
        threshold=-inner.astype(np.float64),
        decision_type=np.full(depth, 2, np.int32),
        left_child=np.append(inner[1:], -1).astype(np.int32),
        right_child=(-2 - inner).astype(np.int32),
        leaf_count=np.ones(depth + 1, np.int64),
        internal_count=(depth + 1 - inner).astype(np.int64),
    )
    of_leaf, of_inner = np.zeros((depth + 1, 2)), np.zeros((depth, 2))
    return SharedTree(structure, of_leaf, of_leaf, of_inner, of_inner)


def chain_text(depth: int) -> str:
    """A model of such a tree and two tasks."""
    return model_text([chain(depth)], np.zeros(2), ["x"], "none", 1.0, {})


def test_nodes_that_are_each_others_children_are_no_tree() -> None:
    """Every node but the root has one parent, and yet two of them hang in the air."""
    tree = chain(3)
    circle = replace(
        tree.structure,
        left_child=np.array([-1, 2, 1], np.int32),
        right_child=np.array([-2, -3, -4], np.int32),
    )
    text = model_text([replace(tree, structure=circle)], np.zeros(2), ["x"], "none", 1.0, {})
    with pytest.raises(ArtifactError, match="make a tree"):
        read_model(text)


def test_as_deep_as_it_may_be_it_is_explained() -> None:
    model = read_model(chain_text(MAX_DEPTH))
    found = lgb.Booster(model_str=model.full_text()).predict(
        np.array([[-1e9], [0.5]]), pred_contrib=True, num_threads=1
    )
    np.testing.assert_array_equal(found, np.zeros((2, 4)))


def test_a_deeper_one_is_refused() -> None:
    with pytest.raises(ArtifactError, match=f"deeper than {MAX_DEPTH} splits"):
        read_model(chain_text(MAX_DEPTH + 1))


def test_whatever_is_changed_nothing_but_an_artifact_error_comes_of_it(
    text: str, problem: Problem
) -> None:
    """Bytes are changed at random; what is still admitted is walked to the end."""
    rng = np.random.default_rng(0)
    admitted = 0
    for _ in range(300):
        changed = list(text)
        for _ in range(rng.choice([1, 1, 3, 20])):
            place = rng.integers(len(changed))
            changed[place] = rng.choice(list("0123456789-. =\nTe"))
        try:
            model = read_model(resized("".join(changed)))
        except ArtifactError:
            continue
        admitted += 1
        raw_score = SharedWalk(model).raw_score(problem.valid_x[:20])
        assert raw_score.shape == (20, 3)
        explained = lgb.Booster(model_str=model.full_text()).predict(
            problem.valid_x[:3], pred_contrib=True, num_threads=1
        )
        assert np.asarray(explained).shape == (3, 3 * 6)
    assert admitted > 50
