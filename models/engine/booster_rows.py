"""What the booster asks of the rows, wherever they are.

The booster keeps trees, weights and decisions and never sees a training row. It asks for sums over
all of them, and once per evaluation for the scores of the validation rows. `models.engine.row_part`
answers for rows in this process; rows on several hosts are such parts, one per host, whose answers
are added up in the order of the hosts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.engine.sampling import Bag
from models.engine.task_rows import LabelledRows
from models.trees.shared_tree import SharedTree, TreeStructure


@dataclass(frozen=True)
class TreeOrder:
    """How the next tree is grown.

    Attributes:
        iteration: Its number, from 0.
        factors: How the tasks are combined, shape (K,), see `models.engine.split_gradient`.
        students: Tasks that learn from a teacher (`models.loss.base.Distillation`).
        bag: The rows that take part; None for all.
    """

    iteration: int
    factors: NDArray[np.float64]
    students: tuple[int, ...] = ()
    bag: Bag | None = None


@dataclass(frozen=True)
class GrownSums:
    """A new structure and the sums of the tasks' derivatives over the rows of its leaves.

    Attributes:
        structure: The splits; its counts are those of the rows that the sums are of.
        merged: The leaf that each leaf goes by, shape (L,): leaves that cannot be told apart share
            one (`models.engine.leaf_lookup`), and their rows count for that one.
        grad: Sums of gradients, shape (L, K).
        hess: Sums of hessians, shape (L, K).
    """

    structure: TreeStructure
    merged: NDArray[np.int32]
    grad: NDArray[np.float64]
    hess: NDArray[np.float64]


class BoosterRows(Protocol):
    """Training and validation rows with their raw scores.

    `start` comes first. Every method counts the trees that were added before.
    """

    @property
    def n_train(self) -> int:
        """Number of training rows."""

    @property
    def valid(self) -> LabelledRows:
        """Labels and weights of the validation rows."""

    @property
    def feature_infos(self) -> str:
        """Range of every feature, as LightGBM's text model puts it."""

    def class_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of each task's negatives and positives among the training rows, each (K,)."""

    def start(self, base_score: NDArray[np.float64]) -> None:
        """Starts every row at its task's base score, shape (K,)."""

    def grow(self, order: TreeOrder) -> GrownSums | None:
        """Grows a tree; None if no split was worth it."""

    def add_tree(self, leaf_value: NDArray[np.float64]) -> None:
        """Adds the values of the tree that was grown last, shape (L, K), to the scores."""

    def valid_scores(self) -> NDArray[np.floating]:
        """Raw scores of the validation rows, shape (m, K)."""

    def keep_best_scores(self, tasks: Sequence[int]) -> None:
        """Remembers the present training scores of some tasks as those of their teachers."""

    def density_totals(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """See `models.engine.similarity.ScoredRows`."""

    def divergence_sums(
        self, pairs: Sequence[tuple[int, int]], scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `models.engine.similarity.ScoredRows`."""

    def restore(self, trees: Sequence[SharedTree], best_iterations: Mapping[int, int]) -> None:
        """Adds saved trees, to the same bits as if they had been grown here.

        Args:
            trees: Trees of the first iterations.
            best_iterations: Per task the iteration whose scores are its teacher's.
        """

    def drop_features(self) -> None:
        """Forgets the features, which `restore` needs and nothing else does."""

    def end(self) -> None:
        """Forgets scores, derivatives and bins: nothing is asked for any more."""
