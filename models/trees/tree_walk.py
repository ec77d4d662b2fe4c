"""Rebuilding raw scores from saved trees, by walking the features once."""

from collections.abc import Mapping, Sequence

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.trees.model_text import structures_text
from models.trees.shared_tree import SharedTree

_LEAVES_PER_CHUNK = 2**22


def replay_trees(
    trees: Sequence[SharedTree],
    features: pa.Table,
    raw_score: NDArray[np.floating],
    n_threads: int,
    best_iterations: Mapping[int, int] | None = None,
    best_score: NDArray[np.floating] | None = None,
) -> None:
    """Adds the trees to `raw_score`, one after the other, as training did: to the same bits.

    Args:
        trees: Saved trees.
        features: n rows, F float32 columns.
        raw_score: Scores to add to, shape (n, K).
        n_threads: Threads for the walk.
        best_iterations: Per task the number of iterations after which its scores go into
            `best_score`; 0: never.
        best_score: Scores at each task's best iteration, shape (n, K), written.
    """
    if not trees:
        return
    walker = lgb.Booster(model_str=structures_text(trees, features.num_columns))
    values = [tree.leaf_value.astype(raw_score.dtype) for tree in trees]
    rows_per_chunk = max(1, _LEAVES_PER_CHUNK // len(trees))
    for start in range(0, features.num_rows, rows_per_chunk):
        rows = slice(start, start + rows_per_chunk)
        leaves = walker.predict(
            features.slice(start, rows_per_chunk), pred_leaf=True, num_threads=n_threads
        )
        leaves = np.asarray(leaves).reshape(-1, len(trees))
        for n_done, value in enumerate(values, start=1):
            raw_score[rows] += value[leaves[:, n_done - 1]]
            for task, best in (best_iterations or {}).items():
                if best == n_done and best_score is not None:
                    best_score[rows, task] = raw_score[rows, task]
