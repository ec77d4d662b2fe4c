"""Raw rows in, probabilities out: to the same bits that the training job would give."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.trees.model_reading import ModelTrees
from models.trees.multitask_model import probabilities
from models.trees.shared_walk import SharedWalk
from scoring.calibration import Calibration
from scoring.raw_features import NoteNumbers, PlaceOfRow, RawFeatures
from scoring.reasons import Explainer, Reasons


class Scorer:
    """A model and all that it takes to score raw rows. Several threads may use it at once.

    Attributes:
        tasks: Names of the K tasks.
        features: Names of the C columns that raw rows have, in the model's order.
        numerical: Those of them that are numerical, in that order.
        categorical: Those that are categorical, in that order: what the model has of each may be
            more than one number.
        number_columns: The columns whose values are read as numbers: the numerical ones, and all if
            rows are mapped already.
        id_name: The id column of the training data, which need not be there.
        calibration: What makes calibrated probabilities, if the model directory has it.
    """

    def __init__(
        self,
        model: ModelTrees,
        tasks: Sequence[str],
        categorical: Sequence[str],
        id_name: str,
        raw_features: RawFeatures,
        calibration: Calibration | None,
    ) -> None:
        """Takes parts that belong together, see `scoring.model_directory.load_scorer`."""
        self.tasks = list(tasks)
        self.features = list(raw_features.columns)
        self.categorical = [name for name in self.features if name in set(categorical)]
        self.numerical = [name for name in self.features if name not in set(categorical)]
        self.number_columns = list(raw_features.number_columns)
        self.id_name = id_name
        self.calibration = calibration
        self._raw_features = raw_features
        self._walk = SharedWalk(model)
        self._explainer = Explainer(model, raw_features.column_of_feature)

    def score(self, rows: pa.RecordBatch | pa.Table, n_threads: int = 0) -> NDArray[np.float64]:
        """Probabilities of all tasks, shape (n, K).

        Args:
            rows: n raw rows with the model's columns, of any type that training reads; other
                columns are not looked at.
            n_threads: Threads; 0: one per processor. A few rows are always scored by one.

        Raises:
            DataError: The columns cannot be used, see `scoring.raw_features.RawFeatures`.
        """
        return self.score_features(self.features_of(rows), n_threads)

    def features_of(
        self,
        rows: pa.RecordBatch | pa.Table,
        place_of_row: PlaceOfRow | None = None,
        note_numbers: NoteNumbers | None = None,
    ) -> NDArray[np.float32]:
        """The features of n raw rows, shape (n, F); see `scoring.raw_features.RawFeatures`."""
        return self._raw_features(_as_batch(rows), place_of_row, note_numbers)

    def score_features(
        self, features: NDArray[np.float32], n_threads: int = 0
    ) -> NDArray[np.float64]:
        """Probabilities of all tasks, shape (n, K), of the features of n rows, shape (n, F)."""
        if len(features) == 0:
            return np.empty((0, len(self.tasks)))
        return probabilities(self._walk.raw_score(features, n_threads))

    def contributions(
        self, rows: pa.RecordBatch | pa.Table, n_threads: int = 0
    ) -> NDArray[np.float64]:
        """What each column, and at the end no knowledge, adds to the log-odds: (n, K, C + 1)."""
        return self._explainer.contributions(self.features_of(rows), n_threads)

    def reasons(self, rows: pa.RecordBatch | pa.Table, count: int, n_threads: int = 0) -> Reasons:
        """The `count` columns of each row and task that raised its log-odds most."""
        return self.reasons_of_features(self.features_of(rows), count, n_threads)

    def reasons_of_features(
        self, features: NDArray[np.float32], count: int, n_threads: int = 0
    ) -> Reasons:
        """The same as `reasons`, of the features of n rows, shape (n, F)."""
        return self._explainer.reasons(features, count, n_threads)


def _as_batch(rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
    if isinstance(rows, pa.RecordBatch):
        return rows
    columns = [
        column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        for column in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)
