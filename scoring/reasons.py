"""Why a row is scored as it is: exact TreeSHAP by stock LightGBM.

S. Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
Nature Machine Intelligence 2 (2020); LightGBM computes it with `pred_contrib`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from exceptions import ArtifactError
from models.trees.model_reading import ModelTrees

_VALUES_PER_CHUNK = 2**22
_ROWS_OF_ONE_THREAD = 16


@dataclass(frozen=True)
class Reasons:
    """Per row and task the columns that raised the log-odds most, the strongest first.

    Attributes:
        feature: Index of the column, -1 where no further one has raised them, shape (n, K, m).
        contribution: By how much, in log-odds; NaN where there is none, shape (n, K, m).
    """

    feature: NDArray[np.intp]
    contribution: NDArray[np.float64]


class Explainer:
    """Contributions of the columns to the log-odds of every task.

    That of a column is the sum over the features that come from it: what one says of a row is what
    the others say, too, so that each of them alone would have a share only.
    """

    def __init__(self, model: ModelTrees, column_of_feature: Sequence[int]) -> None:
        """Takes the model, and the column that each of its F features comes from."""
        self._model = model
        self._n_columns = max(column_of_feature) + 1
        # No knowledge, at the end, is a column of its own.
        self._targets = [*column_of_feature, self._n_columns]

    @cached_property
    def _booster(self) -> lgb.Booster:
        # The contributions weigh the two sides of a split by the training rows there.
        if any(np.any(tree.leaf_count < 1) for tree in self._model.structures):
            raise ArtifactError("the model has leaves without training rows: it gives no reasons")
        return lgb.Booster(model_str=self._model.full_text())

    def contributions(
        self, features: NDArray[np.float32], n_threads: int = 0
    ) -> NDArray[np.float64]:
        """Contribution of each column, and at the end the log-odds of no knowledge.

        They add up to the row's log-odds.

        Args:
            features: Shape (n, F).
            n_threads: Threads; 0: one per processor.

        Returns:
            Shape (n, K, C + 1) for C columns.
        """
        n_rows, n_features = features.shape
        n_tasks = self._model.n_tasks
        if n_rows == 0:
            return np.empty((0, n_tasks, self._n_columns + 1))
        if n_rows <= _ROWS_OF_ONE_THREAD:
            n_threads = 1
        found = self._booster.predict(features, pred_contrib=True, num_threads=n_threads)
        by_feature = np.asarray(found).reshape(n_rows, n_tasks, n_features + 1)
        if self._n_columns == n_features:
            return by_feature
        by_column = np.zeros((n_rows, n_tasks, self._n_columns + 1))
        for index, column in enumerate(self._targets):
            by_column[:, :, column] += by_feature[:, :, index]
        return by_column

    def reasons(self, features: NDArray[np.float32], count: int, n_threads: int = 0) -> Reasons:
        """The `count` columns of each row and task that raised its log-odds most.

        Args:
            features: Shape (n, F).
            count: At least 1; at most C are given.
            n_threads: Threads; 0: one per processor.
        """
        n_rows, n_features = features.shape
        count = min(count, self._n_columns)
        shape = (n_rows, self._model.n_tasks, count)
        result = Reasons(np.empty(shape, dtype=np.intp), np.empty(shape))
        rows_per_chunk = max(1, _VALUES_PER_CHUNK // (self._model.n_tasks * (n_features + 1)))
        for start in range(0, n_rows, rows_per_chunk):
            rows = slice(start, start + rows_per_chunk)
            raised = self.contributions(features[rows], n_threads)[:, :, :-1]
            # Stable: of equal ones the first column of the model comes first.
            order = np.argsort(-raised, axis=2, kind="stable")[:, :, :count]
            contribution = np.take_along_axis(raised, order, axis=2)
            is_reason = contribution > 0
            result.feature[rows] = np.where(is_reason, order, -1)
            result.contribution[rows] = np.where(is_reason, contribution, np.nan)
        return result
