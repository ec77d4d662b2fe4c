"""The rows of all hosts, as the booster asks for them (`models.engine.booster_rows`)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hosts.parts.host_training import GrownOnHost
from hosts.team import Team
from models.engine.booster_rows import GrownSums, TreeOrder
from models.engine.task_rows import LabelledRows
from models.trees.shared_tree import SharedTree, TreeStructure


class TeamRows:
    """Adds up what the hosts return, in the order of the hosts.

    The values of a tree go to the hosts with whatever they are asked next.

    Attributes:
        n_train: Training rows of all hosts.
        valid: Labels of the validation rows of all hosts.
        feature_infos: Range of every feature.
    """

    def __init__(self, team: Team, n_train: int, valid: LabelledRows, feature_infos: str) -> None:
        self._team = team
        self._leaf_value: NDArray[np.float64] | None = None
        self._is_stop_requested = False
        self.n_train = n_train
        self.valid = valid
        self.feature_infos = feature_infos

    def is_stop_requested(self) -> bool:
        """Whether any host has been asked to stop, as far as the last tree has told."""
        return self._is_stop_requested

    def class_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of each task's negatives and positives among the training rows, each (K,)."""
        negative, positive = zip(*self._team.ask("training.class_weights"), strict=True)
        return np.sum(negative, axis=0), np.sum(positive, axis=0)

    def start(self, base_score: NDArray[np.float64]) -> None:
        """Starts every row at its task's base score, shape (K,)."""
        self._team.ask("training.start_scores", base_score)

    def grow(self, order: TreeOrder) -> GrownSums | None:
        """Grows a tree; None if no split was worth it."""
        value = self._take_leaf_value()
        hosts: list[GrownOnHost] = self._team.ask_each(
            "training.grow",
            [(value, order, index == 0) for index in range(len(self._team.names))],
            together=True,
        )
        self._is_stop_requested = any(host.is_stop_requested for host in hosts)
        structure = hosts[0].structure
        if structure is None:
            return None
        grown, merged = structure
        return GrownSums(
            counted(grown, merged, _added([host.leaf_count for host in hosts])),
            merged,
            _added([host.grad for host in hosts]),
            _added([host.hess for host in hosts]),
        )

    def add_tree(self, leaf_value: NDArray[np.float64]) -> None:
        """Adds the values of the tree that was grown last, shape (L, K), to the scores."""
        self._leaf_value = leaf_value

    def _take_leaf_value(self) -> NDArray[np.float64] | None:
        value, self._leaf_value = self._leaf_value, None
        return value

    def valid_scores(self) -> NDArray[np.floating]:
        """Raw scores of the validation rows, shape (m, K)."""
        return np.concatenate(self._team.ask("training.valid_scores", self._take_leaf_value()))

    def keep_best_scores(self, tasks: Sequence[int]) -> None:
        """Remembers the present training scores of some tasks as those of their teachers."""
        self._team.ask("training.keep_best_scores", self._take_leaf_value(), tasks)

    def density_totals(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """See `models.engine.similarity.ScoredRows`."""
        value = self._take_leaf_value()
        totals: NDArray[np.float64] = _added(
            self._team.ask("training.density_totals", value, pairs)
        )
        return totals

    def divergence_sums(
        self, pairs: Sequence[tuple[int, int]], scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `models.engine.similarity.ScoredRows`."""
        value = self._take_leaf_value()
        parts = self._team.ask("training.divergence_sums", value, pairs, scales)
        sums: NDArray[np.float64] = _added(parts)
        return sums

    def restore(self, trees: Sequence[SharedTree], best_iterations: Mapping[int, int]) -> None:
        """Adds saved trees, to the same bits as if they had been grown here."""
        self._team.ask("training.restore", list(trees), dict(best_iterations))

    def drop_features(self) -> None:
        """Forgets the features, which `restore` needs and nothing else does."""
        self._team.ask("training.drop_features")

    def end(self) -> None:
        """Has the hosts forget scores, derivatives and bins, and leave LightGBM's network."""
        self._team.ask("training.end")


def counted(
    structure: TreeStructure, merged: NDArray[np.int32], leaf_count: NDArray[np.int64]
) -> TreeStructure:
    """A structure with counts of rows; LightGBM (4.7) estimates them where it has several machines.

    Args:
        structure: As LightGBM grew it.
        merged: The leaf that each leaf goes by, shape (L,).
        leaf_count: Rows of each leaf, shape (L,), those of merged leaves in the one they go by.
    """
    count = leaf_count.copy()
    for leaf in np.unique(merged[merged != np.arange(len(merged))]):
        # Nobody knows which of them a row is in: LightGBM's estimates share out the rows.
        group = np.flatnonzero(merged == leaf)
        estimate = np.cumsum(np.maximum(structure.leaf_count[group], 1))
        bounds = estimate * leaf_count[leaf] // estimate[-1]
        count[group] = np.diff(bounds, prepend=0)
    internal = structure.node_sums(count.astype(np.float64)).astype(np.int64)
    return replace(structure, leaf_count=count, internal_count=internal)


def _added(parts: Sequence[Any]) -> Any:
    """The sum of arrays, in the order of the hosts."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total
