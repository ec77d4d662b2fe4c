"""The model file: shared trees as LightGBM's text model with K trees per iteration.

Every shared tree becomes K trees with the same structure and the values of one task each, under
the objective `multiclassova`: K independent sigmoids. Stock LightGBM, treelite and SHAP read it.
The format is that of LightGBM 4 (`version=v4`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.trees.shared_tree import SharedTree

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.+\-*/()<>=!?@#$%&;|^~]+")
SECTION_END = "\n\n\n"


def file_feature_names(names: Sequence[str]) -> list[str]:
    """Feature names for the model file, which is separated by spaces and read as JSON, too.

    A name of plain ASCII characters stays as it is; any other becomes `Column_<index>`, LightGBM's
    own name for a feature without one. `feature_columns.txt` has the unaltered names.
    """
    taken = set(names)
    result = []
    for index, name in enumerate(names):
        plain = _PLAIN_NAME.fullmatch(name) is not None
        substitute = f"Column_{index}"
        while not plain and substitute in taken:
            substitute += "_"
        result.append(name if plain else substitute)
    return result


def model_text(
    trees: Sequence[SharedTree],
    base_score: NDArray[np.float64],
    feature_names: Sequence[str],
    feature_infos: str,
    learning_rate: float,
    parameters: Mapping[str, object],
) -> str:
    """The text model of an ensemble.

    Args:
        trees: Shared trees, at least one.
        base_score: Log-odds that the first tree's values are raised by, shape (K,): the format has
            no other place for them.
        feature_names: Names in the order of the features, see `file_feature_names`.
        feature_infos: Range of every feature, as LightGBM writes it.
        learning_rate: Noted as the shrinkage of each tree without one of its own; the values have
            it already.
        parameters: Noted at the end of the file; LightGBM does not use them to predict.
    """
    n_tasks = len(base_score)
    sections = []
    for index, tree in enumerate(trees):
        for task in range(n_tasks):
            number = index * n_tasks + task
            offset = float(base_score[task]) if index == 0 else 0.0
            shrinkage = learning_rate if tree.shrinkage is None else tree.shrinkage
            sections.append(_tree_section(number, tree, task, offset, shrinkage))
    header = [
        "tree",
        "version=v4",
        f"num_class={n_tasks}",
        f"num_tree_per_iteration={n_tasks}",
        "label_index=0",
        f"max_feature_idx={len(feature_names) - 1}",
        f"objective=multiclassova num_class:{n_tasks} sigmoid:1",
        f"feature_names={' '.join(feature_names)}",
        f"feature_infos={feature_infos}",
    ]
    # LightGBM also lists `feature_importances` here, which no reader needs, and treelite 4.8 takes
    # the line of a feature called `threshold` for the thresholds of the last tree.
    footer = [
        "end of trees",
        "",
        "parameters:",
        *(f"[{name}: {value}]" for name, value in parameters.items()),
        "end of parameters",
        "",
        "pandas_categorical:null",
        "",
    ]
    return _assemble(header, sections, footer)


def structures_text(trees: Sequence[SharedTree], n_features: int) -> str:
    """A text model that is good for `pred_leaf` only: the structures, with one task's values."""
    sections = [_tree_section(number, tree, 0, 0.0, 1.0) for number, tree in enumerate(trees)]
    return _structures(sections, n_features)


def _structures(sections: list[str], n_features: int) -> str:
    header = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={n_features - 1}",
        "objective=regression",
        f"feature_names={' '.join(f'Column_{index}' for index in range(n_features))}",
        f"feature_infos={' '.join(['none'] * n_features)}",
    ]
    return _assemble(header, sections, ["end of trees", ""])


def _assemble(header: list[str], sections: list[str], footer: list[str]) -> str:
    # LightGBM reads each tree by its exact size in bytes; the sections are pure ASCII.
    sizes = " ".join(str(len(section)) for section in sections)
    return "\n".join([*header, f"tree_sizes={sizes}", "", "".join(sections) + "\n".join(footer)])


def _tree_section(number: int, tree: SharedTree, task: int, offset: float, shrinkage: float) -> str:
    structure = tree.structure
    fields: dict[str, Iterable[object]] = {
        "num_leaves": [structure.n_leaves],
        "num_cat": [0],
        "split_feature": structure.split_feature.tolist(),
        "split_gain": structure.split_gain.tolist(),
        "threshold": structure.threshold.tolist(),
        "decision_type": structure.decision_type.tolist(),
        "left_child": structure.left_child.tolist(),
        "right_child": structure.right_child.tolist(),
        "leaf_value": (tree.leaf_value[:, task] + offset).tolist(),
        "leaf_weight": tree.leaf_weight[:, task].tolist(),
        "leaf_count": structure.leaf_count.tolist(),
        "internal_value": (tree.internal_value[:, task] + offset).tolist(),
        "internal_weight": tree.internal_weight[:, task].tolist(),
        "internal_count": structure.internal_count.tolist(),
        "is_linear": [0],
        "shrinkage": [shrinkage],
    }
    lines = [f"Tree={number}"]
    lines += [f"{name}={' '.join(map(repr, values))}" for name, values in fields.items()]
    return "\n".join(lines) + SECTION_END
