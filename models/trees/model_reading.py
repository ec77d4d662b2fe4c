"""Reading the model file, which may come from anywhere, without trusting a word of it.

LightGBM ends the process, or reads memory that is not its own, when tree sizes, children or feature
numbers of a text model are wrong. So its reader never sees a text of others: what is read and
checked here is written anew for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exceptions import ArtifactError
from models.trees.model_text import SECTION_END, model_text, structures_text
from models.trees.shared_tree import SharedTree, TreeStructure

MAX_LEAVES = 131072  # LightGBM's own limit
# LightGBM explains a row by recursion, which deeper trees would take to the end of the stack.
MAX_DEPTH = 2048
MAX_TASKS = 100_000
# A split on a number whose missing values count as 0, to the left or right: after imputation there
# are none. Other flags stand for categories and for missing values with a side of their own.
_DECISION_TYPES = (0, 2)
_SHARED_FIELDS = (
    "num_leaves", "num_cat", "split_feature", "threshold", "decision_type", "left_child",
    "right_child", "leaf_count", "internal_count", "is_linear",
)  # fmt: skip


@dataclass(frozen=True)
class ModelTrees:
    """What a model file says of its shared trees.

    Attributes:
        feature_names: The file's names of the F features, see `model_text.file_feature_names`.
        structures: The structure of each of the T shared trees.
        leaf_values: Values of each tree in log-odds, those before the first tree included, (L, K).
    """

    feature_names: list[str]
    structures: list[TreeStructure]
    leaf_values: list[NDArray[np.float64]]

    @property
    def n_features(self) -> int:
        """F."""
        return len(self.feature_names)

    @property
    def n_tasks(self) -> int:
        """K."""
        return int(self.leaf_values[0].shape[1])

    def structures_text(self) -> str:
        """A text model for `pred_leaf`: every shared structure once."""
        return structures_text(self._shared_trees(), self.n_features)

    def full_text(self) -> str:
        """A text model with K trees per structure, for what stock LightGBM predicts."""
        return model_text(
            self._shared_trees(),
            np.zeros(self.n_tasks),
            [f"Column_{index}" for index in range(self.n_features)],
            " ".join(["none"] * self.n_features),
            learning_rate=1.0,
            parameters={},
        )

    def _shared_trees(self) -> list[SharedTree]:
        trees = []
        for structure, value in zip(self.structures, self.leaf_values, strict=True):
            # Predictions need neither weights nor the values of inner nodes.
            none_of_leaf = np.broadcast_to(0.0, value.shape)
            none_of_inner = np.broadcast_to(0.0, (len(value) - 1, value.shape[1]))
            trees.append(SharedTree(structure, value, none_of_leaf, none_of_inner, none_of_inner))
        return trees


def read_model(text: str, source: str = "the model file") -> ModelTrees:
    """Reads and checks a text of `models.trees.model_text.model_text`.

    Args:
        text: The content of the model file.
        source: Its name in messages.

    Raises:
        ArtifactError: It is damaged, or no model whose K trees per iteration share a structure.
    """
    try:
        return _read(text)
    except ArtifactError as error:
        raise ArtifactError(f"{source}: {error}") from None
    except KeyError as error:
        raise ArtifactError(f"{source}: damaged: no entry {error.args[0]!r}") from None
    except (ValueError, OverflowError) as error:
        shown = str(error)[:100]
        raise ArtifactError(f"{source}: damaged: wanted a number, found another: {shown}") from None


def _read(text: str) -> ModelTrees:
    header, _, body = text.partition("\n\n")
    if not header.startswith("tree\n"):
        raise ArtifactError("wanted a text model of LightGBM, found something else")
    fields = _fields(header)
    if fields["version"] != "v4":
        raise ArtifactError(f"wanted version v4 of the format, found {fields['version'][:20]!r}")
    n_tasks, n_features = int(fields["num_class"]), int(fields["max_feature_idx"]) + 1
    if not 2 <= n_tasks <= MAX_TASKS or int(fields["num_tree_per_iteration"]) != n_tasks:
        raise ArtifactError("wanted one tree per task and iteration, for 2 tasks or more")
    if fields["objective"] != f"multiclassova num_class:{n_tasks} sigmoid:1":
        raise ArtifactError(
            f"wanted the objective multiclassova (a sigmoid per task), found "
            f"{fields['objective'][:60]!r}"
        )
    names = fields["feature_names"].split(" ")
    if len(names) != n_features:
        raise ArtifactError(f"damaged: {len(names)} feature names for {n_features} features")
    trees, _, end = body.partition("end of trees\n")
    sections = trees.split(SECTION_END)[:-1]
    if not end or not sections or len(sections) % n_tasks:
        raise ArtifactError(
            f"truncated or damaged: wanted {n_tasks} trees per iteration and an end, found "
            f"{len(sections)} trees"
        )
    sizes = [len(section.encode()) + len(SECTION_END) for section in sections]
    if list(map(int, fields["tree_sizes"].split())) != sizes:
        raise ArtifactError("damaged: tree_sizes are not the sizes of the trees")
    structures, leaf_values = [], []
    for first in range(0, len(sections), n_tasks):
        structure, value = _shared_tree(sections[first : first + n_tasks], first, n_features)
        structures.append(structure)
        leaf_values.append(value)
    return ModelTrees(names, structures, leaf_values)


def _shared_tree(
    sections: Sequence[str], first: int, n_features: int
) -> tuple[TreeStructure, NDArray[np.float64]]:
    """The structure of an iteration's K trees, and their values, shape (L, K)."""
    fields, *others = [_fields(section) for section in sections]
    shared = [fields[name] for name in _SHARED_FIELDS]
    for task, other in enumerate(others, start=1):
        if [other[name] for name in _SHARED_FIELDS] != shared:
            raise ArtifactError(
                f"trees {first} and {first + task} differ in structure: wanted trees that all "
                "tasks share"
            )
    n_leaves = int(fields["num_leaves"])
    if not 1 <= n_leaves <= MAX_LEAVES or fields["num_cat"] != "0" or fields["is_linear"] != "0":
        raise ArtifactError(
            f"tree {first}: wanted 1 to {MAX_LEAVES} leaves, no categorical split and no linear "
            "leaf"
        )
    structure = TreeStructure.from_text_fields(fields)
    fault = _structure_fault(structure, n_leaves, n_features)
    if fault:
        raise ArtifactError(f"tree {first}: damaged: {fault}")
    values = [np.array(one["leaf_value"].split(), np.float64) for one in (fields, *others)]
    for task, value in enumerate(values):
        if len(value) != n_leaves or not np.isfinite(value).all():
            raise ArtifactError(
                f"tree {first + task}: damaged: wanted {n_leaves} finite leaf values"
            )
    return structure, np.stack(values, axis=1)


def _structure_fault(tree: TreeStructure, n_leaves: int, n_features: int) -> str | None:
    """What is wrong with a structure, None if it is a tree."""
    inner = n_leaves - 1
    per_inner = (
        tree.split_feature, tree.split_gain, tree.threshold, tree.decision_type, tree.left_child,
        tree.right_child, tree.internal_count,
    )  # fmt: skip
    if any(len(values) != inner for values in per_inner) or len(tree.leaf_count) != n_leaves:
        return f"wanted {inner} splits and {n_leaves} leaves in every entry"
    if np.any(tree.leaf_count < 0) or np.any(tree.internal_count < 0):
        return "a count below 0"
    if inner == 0:
        return None
    if not _is_tree(tree):
        return "its children do not make a tree"
    if inner > MAX_DEPTH and _depth(tree) > MAX_DEPTH:
        return f"deeper than {MAX_DEPTH} splits"
    return _split_fault(tree, n_features)


def _split_fault(tree: TreeStructure, n_features: int) -> str | None:
    if np.any(tree.split_feature < 0) or np.any(tree.split_feature >= n_features):
        return f"a split on a feature that is none of the {n_features}"
    if not np.isfinite(tree.threshold).all():
        return "a threshold that is not finite"
    if not np.isin(tree.decision_type, _DECISION_TYPES).all():
        return "a split that is no plain comparison of a number"
    return None


def _is_tree(tree: TreeStructure) -> bool:
    """Whether every node but the root is the child of one node before it."""
    inner = tree.n_leaves - 1
    parents = np.tile(np.arange(inner), 2)
    children = np.concatenate([tree.left_child, tree.right_child])
    is_inner = children >= 0
    return bool(
        np.array_equal(np.sort(children[is_inner]), np.arange(1, inner))
        and np.array_equal(np.sort(~children[~is_inner]), np.arange(inner + 1))
        # LightGBM numbers a node before those below it, which leaves no room for a circle.
        and np.all(children[is_inner] > parents[is_inner])
    )


def _depth(tree: TreeStructure) -> int:
    depth = np.ones(tree.n_leaves - 1, dtype=np.int64)
    for node in range(tree.n_leaves - 1):
        for child in (tree.left_child[node], tree.right_child[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    return int(depth.max())


def _fields(section: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
