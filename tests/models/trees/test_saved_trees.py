"""Trees that were read from a model file are those that were written to it."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from engine_cases import hyperparameters, make_problem, run_training

from exceptions import ArtifactError
from models.trees.model_reading import read_model
from models.trees.model_text import model_text
from models.trees.saved_trees import read_saved_trees
from models.trees.shared_tree import SharedTree


@pytest.fixture(scope="module")
def text() -> str:
    return run_training(make_problem(300), hyperparameters(num_iterations=5)).text


def read(text: str) -> list[SharedTree]:
    return read_saved_trees(text, read_model(text), "m.txt")


def test_written_again_they_are_the_same_text(text: str) -> None:
    model = read_model(text)
    infos = text.partition("feature_infos=")[2].partition("\n")[0]
    # Another learning rate now: each tree keeps its own.
    again = model_text(read(text), np.zeros(3), model.feature_names, infos, 0.5, {})
    assert again.partition("\nparameters:")[0] == text.partition("\nparameters:")[0]


def changed(text: str, change: Callable[[int, str], str]) -> str:
    """The text with other trees, and sizes that fit."""
    header, _, body = text.partition("\n\n")
    trees, _, end = body.partition("end of trees\n")
    sections = [change(*item) for item in enumerate(trees.split("\n\n\n")[:-1])]
    sizes = " ".join(str(len(section) + 3) for section in sections)
    header = re.sub(r"tree_sizes=.*", f"tree_sizes={sizes}", header)
    body = "".join(f"{section}\n\n\n" for section in sections)
    return f"{header}\n\n{body}end of trees\n{end}"


def with_entry(section: str, entry: str, value: str) -> str:
    """A tree with another value of an entry; none: without it."""
    found = re.sub(rf"\n{entry}=.*", f"\n{entry}={value}" if value else "", section)
    assert found != section
    return found


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("leaf_weight", "1 2", r"wanted \d+ finite numbers, found 2 values"),
        ("internal_value", "", "no entry 'internal_value'"),
        ("internal_weight", "x", "could not convert"),
        ("internal_weight", "nan 1", "finite numbers"),
    ],
)
def test_damage_is_told(text: str, entry: str, value: str, message: str) -> None:
    damaged = changed(text, lambda i, tree: with_entry(tree, entry, value) if i == 1 else tree)
    with pytest.raises(ArtifactError, match=f"^m.txt: tree 0: damaged: .*{message}"):
        read(damaged)


@pytest.mark.parametrize("value", ["0", "-1.0"])
def test_trees_that_tell_no_hessians_are_refused(text: str, value: str) -> None:
    model = read_model(text)

    def without_weights(index: int, tree: str) -> str:
        n_leaves = len(model.leaf_values[index // 3])
        return with_entry(tree, "leaf_weight", " ".join([value] * n_leaves))

    with pytest.raises(ArtifactError, match=r"^m.txt: tree 0: wanted the hessians of its leaves"):
        read(changed(text, without_weights))
