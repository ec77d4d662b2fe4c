"""The finished model: a text that stock LightGBM reads, and predictions from that text."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models.trees.model_reading import read_model
from models.trees.shared_walk import SharedWalk


class MultiTaskModel:
    """A trained ensemble for K tasks.

    It predicts from the very text that is written to the model file, so what is evaluated is what
    users of the file will get. Its methods have the names and results of those of
    `lightgbm.Booster`.
    """

    def __init__(self, text: str, n_threads: int = 0) -> None:
        """Takes what `models.trees.model_text.model_text` made.

        Args:
            text: The content of the model file.
            n_threads: Threads of its predictions; 0: LightGBM's default, one per processor.
        """
        self._text = text
        self.n_threads = n_threads

    @cached_property
    def _booster(self) -> lgb.Booster:
        return lgb.Booster(model_str=self._text)

    @cached_property
    def _walk(self) -> SharedWalk:
        return SharedWalk(read_model(self._text))

    def model_to_string(self) -> str:
        """The content of the model file."""
        return self._text

    def predict(self, data: Any) -> NDArray[np.float64]:
        """Probabilities of all tasks, shape (n, K).

        Args:
            data: Features in order, shape (n, F), at least one row.
        """
        return probabilities(self._walk.raw_score(data, self.n_threads))

    def feature_importance(self, importance_type: str = "gain") -> NDArray[np.float64]:
        """Importance of every feature over all trees of the file, shape (F,)."""
        return np.asarray(self._booster.feature_importance(importance_type), dtype=np.float64)

    @property
    def n_leaf_values(self) -> int:
        """Values of all leaves: one per leaf of a shared tree and task."""
        return self._walk.n_leaf_values

    def contributions(
        self, data: NDArray[np.floating], num_threads: int = 0
    ) -> NDArray[np.float64]:
        """TreeSHAP values: contribution of every feature to every task's log-odds.

        Args:
            data: Features in order, shape (n, F), at least one row.
            num_threads: Threads to use; 0: as many as there are cores.

        Returns:
            Shape (n, K, F); with the mean log-odds, which is left out, they sum to a row's.
        """
        values = self._booster.predict(data, pred_contrib=True, num_threads=num_threads)
        n_rows, n_features = data.shape
        return np.asarray(values).reshape(n_rows, -1, n_features + 1)[:, :, :-1]


def probabilities(raw_score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of log-odds, any shape: to the same bits LightGBM's own sigmoid."""
    # NumPy's `exp` rounds otherwise.
    return np.asarray(expit(raw_score))


_VALUES_PER_CHUNK = 2**23


class Predictor(Protocol):
    """`MultiTaskModel` or a `lightgbm.Booster` that was loaded from the model file."""

    def predict(self, data: Any) -> Any:
        """Probabilities of all tasks, shape (n, K)."""


def predict_multitask(
    model: Predictor, df: pd.DataFrame, feature_columns: Sequence[str]
) -> NDArray[np.float64]:
    """Probabilities of all tasks for the rows of a table, shape (n, K).

    Args:
        model: The model.
        df: Preprocessed rows: a numeric column for every feature, without missing values.
        feature_columns: Features in the order of the model.

    Raises:
        KeyError: `df` lacks a feature.
    """
    if len(df) == 0:
        # Of no rows LightGBM does not tell the number of tasks.
        return np.asarray(model.predict(np.zeros((1, len(feature_columns)))))[:0]
    rows_per_chunk = max(1, _VALUES_PER_CHUNK // len(feature_columns))
    columns = [df[name].to_numpy() for name in feature_columns]
    chunks = [
        model.predict(
            np.column_stack([column[start : start + rows_per_chunk] for column in columns])
        )
        for start in range(0, len(df), rows_per_chunk)
    ]
    return np.concatenate(chunks)
