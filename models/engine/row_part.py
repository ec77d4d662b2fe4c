"""The rows of one process: all of a job's, or those of one host of several.

It does what `models.engine.booster_rows.BoosterRows` asks, and is the only part of the training
that passes over rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.engine.booster_rows import GrownSums, TreeOrder
from models.engine.similarity import ScoredRows
from models.engine.structure import StructureGrower
from models.engine.task_rows import LabelledRows, TaskScores, TrainingRows, class_weights
from models.loss.base import Distillation, MultiTaskLoss
from models.trees.shared_tree import SharedTree
from models.trees.tree_walk import replay_trees


@dataclass(frozen=True)
class Share:
    """Where the rows of a part stand among those of all parts.

    Attributes:
        first_row: Number of the first training row.
        n_train: Training rows of all parts.
        n_valid: Validation rows of all parts.
    """

    first_row: int
    n_train: int
    n_valid: int


class RowPart:
    """Training and validation rows with labels, scores and binned features."""

    def __init__(
        self,
        grower: StructureGrower,
        features: tuple[pa.Table, pa.Table] | None,
        train: LabelledRows,
        valid: LabelledRows,
        loss: MultiTaskLoss,
        *,
        keep_best_self: bool = False,
        share: Share | None = None,
    ) -> None:
        """Takes the rows, which have no scores before `start`.

        Args:
            grower: Grows the structures; has the binned features of these very rows.
            features: Features of the training and the validation rows, for `restore`; None: there
                is nothing to restore.
            train: Labels of the n training rows.
            valid: Labels of the m validation rows.
            loss: Gives the derivatives.
            keep_best_self: Keep each task's scores at its best iteration, as its teacher.
            share: The place among other parts; None: there are no others.
        """
        self._grower = grower
        self._features = features
        self._rows = train
        self._valid_rows = valid
        self._loss = loss
        self._keep_best_self = keep_best_self
        self._share = share or Share(0, train.n_rows, valid.n_rows)
        self.best_score: NDArray[np.floating] | None = None
        self.train_split: TrainingRows
        self.valid_split: TaskScores

    @property
    def n_train(self) -> int:
        """Number of training rows of this part."""
        return self._rows.n_rows

    @property
    def valid(self) -> LabelledRows:
        """Labels and weights of this part's validation rows."""
        return self._valid_rows

    @property
    def feature_infos(self) -> str:
        """Range of every feature, as LightGBM's text model puts it."""
        return self._grower.feature_infos

    def class_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of each task's negatives and positives among the training rows, each (K,)."""
        return class_weights(self._rows)

    def start(self, base_score: NDArray[np.float64]) -> None:
        """Starts every row at its task's base score, shape (K,)."""
        settings, share = self._grower.settings, self._share
        self.train_split = TrainingRows(
            self._rows,
            base_score,
            settings.num_leaves,
            settings.num_threads,
            share.n_train,
        )
        self.valid_split = TaskScores(
            self._valid_rows,
            base_score,
            settings.num_threads,
            share.n_valid,
        )
        if self._keep_best_self:
            self.best_score = self.train_split.current_scores().copy(order="K")

    def grow(self, order: TreeOrder) -> GrownSums | None:
        """Grows a tree and sums the derivatives over its leaves; None: no split was worth it."""
        bag = order.bag and replace(order.bag, first_row=self._share.first_row)
        split_grad, split_hess = self.train_split.split_gradient(
            order.factors, self._loss, Distillation(order.students, self.best_score), bag
        )
        grown = self._grower.grow(split_grad, split_hess, order.iteration)
        if grown is None:
            return None
        self.valid_split.assign_leaves(partial(self._grower.valid_leaves, grown))
        grad, hess = self.train_split.leaf_sums(
            grown.structure.n_leaves, partial(self._grower.train_leaves, grown)
        )
        return GrownSums(grown.structure, grown.lookup.representative, grad, hess)

    def add_tree(self, leaf_value: NDArray[np.float64]) -> None:
        """Adds the values of the tree that was grown last, shape (L, K), to the scores."""
        self.train_split.add_tree(leaf_value)
        self.valid_split.add_tree(leaf_value)

    def valid_scores(self) -> NDArray[np.floating]:
        """Raw scores of the validation rows, shape (m, K)."""
        return self.valid_split.current_scores()

    def keep_best_scores(self, tasks: Sequence[int]) -> None:
        """Remembers the present training scores of some tasks as those of their teachers."""
        if self.best_score is not None:
            score = self.train_split.current_scores()
            for task in tasks:
                self.best_score[:, task] = score[:, task]

    def density_totals(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """See `ScoredRows`."""
        return self._scored_rows().density_totals(pairs)

    def divergence_sums(
        self, pairs: Sequence[tuple[int, int]], scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `ScoredRows`."""
        return self._scored_rows().divergence_sums(pairs, scales)

    def _scored_rows(self) -> ScoredRows:
        train = self.train_split
        return ScoredRows(train.current_scores(), train.blocks, self._rows.weight)

    def restore(self, trees: Sequence[SharedTree], best_iterations: Mapping[int, int]) -> None:
        """Adds saved trees, to the same bits as if they had been grown here.

        Raises:
            RuntimeError: The features were dropped.
        """
        if self._features is None:
            raise RuntimeError("the features were dropped before the trees were restored")
        train_features, valid_features = self._features
        n_threads = self._grower.settings.num_threads
        replay_trees(
            trees,
            train_features,
            self.train_split.current_scores(),
            n_threads,
            best_iterations if self.best_score is not None else {},
            self.best_score,
        )
        replay_trees(trees, valid_features, self.valid_scores(), n_threads)

    def drop_features(self) -> None:
        """Forgets the features, which `restore` needs and nothing else does."""
        self._features = None

    def end(self) -> None:
        """Forgets scores, derivatives and bins: nothing is asked for any more."""
        self.drop_features()
        del self.train_split, self.valid_split, self.best_score, self._grower
