"""All that a model file says of its trees, for training that goes on from them."""

import numpy as np
from numpy.typing import NDArray

from exceptions import ArtifactError
from models.trees.model_reading import ModelTrees
from models.trees.model_text import SECTION_END
from models.trees.shared_tree import SharedTree

_NODE_VALUES = ("leaf_weight", "internal_value", "internal_weight")


def read_saved_trees(text: str, model: ModelTrees, source: str) -> list[SharedTree]:
    """The shared trees of a model file; written again they are the same text.

    Args:
        text: The content of the model file.
        model: What `models.trees.model_reading.read_model` made of it.
        source: Its name in messages.

    Returns:
        The trees; the values of the first one include the log-odds before it.

    Raises:
        ArtifactError: An entry is missing, or is no list of as many finite numbers as it should be.
    """
    sections = text.partition("end of trees\n")[0].split(SECTION_END)
    n_tasks = model.n_tasks
    trees = []
    for number, (structure, leaf_value) in enumerate(
        zip(model.structures, model.leaf_values, strict=True)
    ):
        first = number * n_tasks
        of_tasks = [_entries(section) for section in sections[first : first + n_tasks]]
        try:
            n_leaves = structure.n_leaves
            leaf_weight, internal_value, internal_weight = (
                _column_per_task([entries[name] for entries in of_tasks], n)
                for name, n in zip(
                    _NODE_VALUES, (n_leaves, n_leaves - 1, n_leaves - 1), strict=True
                )
            )
            (shrinkage,) = _column_per_task([of_tasks[0]["shrinkage"]], 1)[0].tolist()
        except KeyError as error:
            raise ArtifactError(
                f"{source}: tree {first}: damaged: no entry {error.args[0]!r}"
            ) from None
        except ValueError as error:
            raise ArtifactError(f"{source}: tree {first}: damaged: {str(error)[:100]}") from None
        if (leaf_weight < 0).any() or not leaf_weight.any():
            raise ArtifactError(
                f"{source}: tree {first}: wanted the hessians of its leaves as leaf_weight, found "
                "none, or some below 0"
            )
        trees.append(
            SharedTree(
                structure,
                leaf_value,
                leaf_weight,
                internal_value,
                internal_weight,
                shrinkage=shrinkage,
            )
        )
    return trees


def _column_per_task(texts: list[str], n_values: int) -> NDArray[np.float64]:
    """Values of every task, shape (n, K)."""
    columns = [np.array(text.split(), dtype=np.float64) for text in texts]
    for column in columns:
        if len(column) != n_values or not np.isfinite(column).all():
            raise ValueError(f"wanted {n_values} finite numbers, found {len(column)} values")
    return np.stack(columns, axis=1)


def _entries(section: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
