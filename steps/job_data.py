"""What the steps of a job hand on: its data, wherever the rows are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.booster import SharedTreeBooster
from models.engine.structure import make_datasets
from models.engine.task_rows import LabelledRows
from models.engine.training_state import TrainingState
from models.evaluation.feature_importance import feature_importance
from models.training.factory import ModelFactory
from models.trees.multitask_model import MultiTaskModel, predict_multitask
from models.trees.shared_tree import SharedTree
from processing.dataset.evaluation_columns import EvaluationColumns
from processing.dataset.splits import Channels
from processing.features.artifacts import PrecomputedArtifacts
from processing.features.feature_table import feature_table
from processing.features.preprocessing import Preprocessing
from processing.job.paths import JobPaths
from processing.writing.fingerprint import fingerprint
from steps.initial_model import InitialModel
from steps.reference import TrainingReference


@dataclass(frozen=True)
class JobData:
    """What the job has read and made of its data.

    What takes features is a method: those of a job of several hosts are not in this process.

    Attributes:
        splits: Features and ids of each split, and its labels and weights if it has labels.
        labels: Labels of each split that has any: `test` may have none.
        tasks: Names of the label columns.
        preprocessing: What turns raw rows into features.
        data_format: Format of the training data.
        evaluation: What the rows of the splits are judged by, beside labels.
        reference: What is kept of the training rows for the evaluation.
    """

    splits: dict[str, pd.DataFrame]
    labels: dict[str, LabelledRows]
    tasks: list[str]
    preprocessing: Preprocessing
    data_format: str
    evaluation: dict[str, EvaluationColumns]
    reference: TrainingReference

    def fingerprint(self, text: str) -> str:
        """Fingerprint of a text and of features and labels of training and validation."""
        train, valid = self.labels["train"], self.labels["val"]
        arrays = [train.label, train.weight, valid.label, valid.weight]
        return fingerprint(text, [self._features("train"), self._features("val")], arrays)

    def create_booster(
        self,
        factory: ModelFactory,
        state: TrainingState,
        initial_trees: Sequence[SharedTree],
        *,
        keep_features: bool,
    ) -> SharedTreeBooster:
        """A booster of the training and validation rows, without trees of its own.

        Args:
            factory: Makes it.
            state: The training state.
            initial_trees: Trees that it goes on from.
            keep_features: The training rows' features are needed yet, for trees that are there
                already. Otherwise the table goes when it is binned: what LightGBM makes of the bins
                takes as much memory again.
        """
        settings = factory.booster_settings()
        datasets = make_datasets(self._features("train"), self._features("val"), settings.structure)
        features = (self._features("train"), self._features("val")) if keep_features else None
        if not keep_features:
            self.drop_training_rows()
        train, valid = self.labels["train"], self.labels["val"]
        rows = factory.row_part(datasets, features, train, valid, settings)
        return factory.booster_of(rows, state, initial_trees)

    def drop_training_rows(self) -> None:
        """Forgets the training table, whose features are binned by now."""
        del self.splits["train"]

    def predict(self, model: MultiTaskModel, split: str) -> NDArray[np.float64]:
        """Probabilities of a split's rows, shape (m, K)."""
        return predict_multitask(model, self.splits[split], self.preprocessing.feature_columns)

    def explain(
        self,
        model: MultiTaskModel,
        weights: Mapping[int, NDArray[np.floating]] | None,
        num_threads: int,
    ) -> dict[str, Any]:
        """What each feature does to validation rows: `models.evaluation.feature_importance`."""
        features = self.preprocessing.feature_columns
        return feature_importance(
            model, self.splits["val"], features, self.tasks, weights, num_threads
        )

    def _features(self, split: str) -> pa.Table:
        return feature_table(self.splits[split], self.preprocessing.feature_columns)


class JobInputs(Protocol):
    """How a job comes by its data: `OneHost`, or several, each of which works on its own rows."""

    def find_data(
        self,
        paths: JobPaths,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
    ) -> Channels:
        """Finds the data files of all splits."""

    def prepare_data(
        self,
        channels: Channels,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
        initial: InitialModel | None,
    ) -> JobData:
        """Reads all splits, checks them, and turns them into features and labels."""
