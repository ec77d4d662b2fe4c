"""The data of a job of several hosts, once they are prepared: on the hosts, but for a little."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosts.joining import shared_out
from hosts.samples import labelled_sample
from hosts.team import Team
from hosts.team_rows import TeamRows
from models.engine.booster import SharedTreeBooster
from models.engine.row_part import Share
from models.engine.training_state import TrainingState
from models.evaluation.feature_importance import MOST_ROWS, feature_importance
from models.training.factory import ModelFactory
from models.trees.multitask_model import MultiTaskModel
from models.trees.shared_tree import SharedTree
from processing.writing.fingerprint import fingerprint
from steps.job_data import JobData

_BIN_ROWS = 200_000
"""Rows that LightGBM (4.7) makes bins from, `bin_construct_sample_cnt`."""


@dataclass(frozen=True)
class TeamData(JobData):
    """Ids, labels and weights of the validation and test rows; all else is on the hosts.

    Attributes:
        team: The hosts.
        n_rows: Rows of each split, by host.
        take_rows: Is given the rows that the booster is trained with.
        seed: Seed of the job.
    """

    team: Team
    n_rows: list[dict[str, int]]
    take_rows: Callable[[TeamRows], None]
    seed: int

    def fingerprint(self, text: str) -> str:
        """Fingerprint of a text and of features and labels of all hosts, in their order."""
        return fingerprint(" ".join([text, *self.team.ask("data.fingerprint")]), [], [])

    def create_booster(
        self,
        factory: ModelFactory,
        state: TrainingState,
        initial_trees: Sequence[SharedTree],
        *,
        keep_features: bool,
    ) -> SharedTreeBooster:
        """A booster without trees of its own; the hosts bin features and connect to each other."""
        machines: list[tuple[str, int]] = self.team.ask("training.offer_port")
        n_train = self._counts("train")
        first_rows = np.concatenate([[0], np.cumsum(n_train)[:-1]])
        totals = sum(n_train), sum(self._counts("val"))
        sample = self._bin_sample(n_train)
        self.team.ask_each(
            "training.make_bins",
            [(factory, sample, machines, index) for index in range(len(machines))],
            together=True,
        )
        del sample
        ranges = self.team.ask_each(
            "training.start",
            [(factory, Share(int(row), *totals), keep_features) for row in first_rows],
            together=True,
        )
        rows = TeamRows(self.team, totals[0], self.labels["val"], ranges[0])
        self.take_rows(rows)
        return factory.booster_of(rows, state, initial_trees)

    def _counts(self, split: str) -> list[int]:
        return [rows[split] for rows in self.n_rows]

    def _bin_sample(self, n_train: Sequence[int]) -> NDArray[np.float32]:
        """Features of rows of all hosts: all of them, or as many as LightGBM makes bins from.

        Shape (F, rows): of an array Dask sends the memory as it is, of an Arrow table a copy.
        """
        numbers = shared_out(_BIN_ROWS, n_train)
        return np.concatenate(
            self.team.ask_each("data.sample", [(number, self.seed) for number in numbers]), axis=1
        )

    def drop_training_rows(self) -> None:
        """Does nothing: the hosts have dropped them with the features."""

    def predict(self, model: MultiTaskModel, split: str) -> NDArray[np.float64]:
        """Probabilities of a split's rows, shape (m, K), in the order of the hosts."""
        return np.concatenate(
            self.team.ask("data.predict", split, model.model_to_string(), model.n_threads)
        )

    def explain(
        self,
        model: MultiTaskModel,
        weights: Mapping[int, NDArray[np.floating]] | None,
        num_threads: int,
    ) -> dict[str, Any]:
        """What each feature does to the probabilities of validation rows of all hosts."""
        del weights
        features = self.preprocessing.feature_columns
        rows, labels = labelled_sample(self.team, self.n_rows, "val", MOST_ROWS)
        of_tasks = None if labels.weight is None else dict(enumerate(labels.weight.T))
        return feature_importance(model, rows, features, self.tasks, of_tasks, num_threads)
