"""The shared-tree booster: one structure per iteration, one Newton step per task and leaf.

It is given rows (`models.engine.booster_rows`), a loss, plain settings and the training state; it
keeps the trees, and `models.trees.model_text` writes what it keeps. One iteration is
`SharedTreeBooster.update`, which reads as the method itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.engine.booster_rows import BoosterRows, GrownSums, TreeOrder
from models.engine.leaf_values import LeafValueSettings, NodeSums, tree_values
from models.engine.row_blocks import RowBlocks
from models.engine.sampling import Bag, Purpose, generator
from models.engine.similarity import similarity_matrix, similarity_to_main
from models.engine.split_gradient import (
    TaskDirections,
    projection_factors,
    weighted_sum_factors,
)
from models.engine.structure import StructureSettings
from models.engine.task_relations import score_correlation
from models.engine.task_rows import base_scores, prior_shifts
from models.engine.training_state import TrainingState
from models.engine.validation_scores import ValidationScorer
from models.loss.base import MultiTaskLoss
from models.loss.logloss import sigmoid
from models.trees.shared_tree import SharedTree, TreeStructure

ENGINE_VERSION = 4
"""To be raised whenever the same data and settings give other trees than before, be it in the last
bit: a checkpoint of another version's trees is then refused instead of being gone on from."""


@dataclass(frozen=True)
class BoosterSettings:
    """Plain settings of the booster.

    Attributes:
        structure: How LightGBM grows a structure.
        leaf_value: How a leaf gets its values.
        split_gradient: `projection` or `weighted_sum`, see `models.engine.split_gradient`.
        bagging_fraction: Share of the rows in a bag, in (0, 1].
        bagging_freq: Iterations that share a bag; 0: no bagging.
        keep_best_self: Keep each task's scores at its best iteration, as distillation's teacher.
        base_rates: The tasks' true base rates, where the training rows do not have them; empty:
            they all do.
    """

    structure: StructureSettings
    leaf_value: LeafValueSettings
    split_gradient: str = "projection"
    bagging_fraction: float = 1.0
    bagging_freq: int = 0
    keep_best_self: bool = False
    base_rates: tuple[float | None, ...] = ()


class SharedTreeBooster:
    """Trains one ensemble for K binary tasks.

    Attributes:
        initial_trees: Trees of another training that this one goes on from.
        trees: The trees so far, one per iteration.
        base_score: Raw score of the training rows before the first tree, shape (K,).
        prior_shift: What raw scores of rows with the true base rates are raised by, shape (K,).
        class_weights: Weight of each task's negatives and positives in training, each shape (K,).
        state: Progress, weights and validation scores; the callbacks write it.
    """

    def __init__(
        self,
        rows: BoosterRows,
        loss: MultiTaskLoss,
        settings: BoosterSettings,
        state: TrainingState,
        initial_trees: Sequence[SharedTree] = (),
    ) -> None:
        """Starts without trees of its own; the rows must have the same loss.

        The values of the first initial tree include the log-odds before it, as they do in a model
        file, and are those of rows with the true base rates.
        """
        self.state = state
        self.initial_trees = list(initial_trees)
        self.loss = loss
        self.trees: list[SharedTree] = []
        self._directions = TaskDirections()
        self.class_weights = negative, positive = rows.class_weights()
        self._log_odds = base_scores(negative, positive)
        self._has_both_classes = (negative > 0) & (positive > 0)
        self._total_weight = np.where(self._has_both_classes, negative + positive, 1.0)
        self._settings = settings
        self._rows = rows
        base_rates = settings.base_rates or (None,) * len(self._log_odds)
        self.prior_shift = prior_shifts(self._log_odds, base_rates)
        self.base_score = -self.prior_shift if self.initial_trees else self._log_odds
        rows.start(self.base_score)
        if self.initial_trees:
            # A teacher of a task that has not been evaluated yet is the initial model.
            last = dict.fromkeys(range(len(self._log_odds)), len(self.initial_trees))
            rows.restore(self.initial_trees, last if settings.keep_best_self else {})
        # Not the first one: its values include the log-odds before it, which are no gain.
        for tree in self.initial_trees[1:]:
            self._directions.add_tree(tree)
        n_threads = settings.structure.num_threads
        valid = rows.valid
        self._scorer = ValidationScorer(
            valid, RowBlocks(valid.n_rows, valid.n_tasks, n_threads), n_threads
        )
        if not state.weight_evolution:
            state.record_weights(loss.initial_weights())

    @property
    def feature_infos(self) -> str:
        """Range of every feature, as LightGBM's text model puts it."""
        return self._rows.feature_infos

    def update(self) -> SharedTree:
        """Does one iteration and returns its tree.

        An iteration without a split that is worth it adds a tree of one leaf with the values 0, so
        that iterations and trees always agree in number; the next projection may find a split.
        """
        iteration = len(self.initial_trees) + len(self.trees)
        grown = self._rows.grow(
            TreeOrder(
                iteration,
                self._split_factors(iteration),
                self.state.struggling_tasks,
                self._bag(iteration),
            )
        )
        if grown is None:
            tree = self._unsplit_tree()
        else:
            tree = self._fill_leaves(grown)
            self._rows.add_tree(tree.leaf_value)
        self.trees.append(tree)
        self._directions.add_tree(tree)
        return tree

    def _bag(self, iteration: int) -> Bag | None:
        settings = self._settings
        if settings.bagging_freq == 0 or settings.bagging_fraction == 1:
            return None
        number = iteration // settings.bagging_freq
        return Bag(settings.bagging_fraction, settings.structure.seed, number)

    def _split_factors(self, iteration: int) -> NDArray[np.float64]:
        if self._settings.split_gradient == "weighted_sum":
            return weighted_sum_factors(self.state.weights)
        rng = generator(self._settings.structure.seed, Purpose.PROJECTION, iteration)
        direction = self._directions.draw(self.state.weights, rng)
        return projection_factors(self.state.weights, self._mean_hess(), direction)

    def _mean_hess(self) -> NDArray[np.float64]:
        """Mean hessian of each task at the last tree that has splits, shape (K,).

        It is a function of that tree alone, so that a job that goes on from a checkpoint has it,
        too. A task of one class counts as 0.
        """
        trees = (
            (tree, rows_of)
            for group, rows_of in ((self.trees, None), (self.initial_trees, self._rows.n_train))
            for tree in reversed(group)
        )
        for tree, n_rows in trees:
            if tree.structure.n_leaves == 1:
                continue
            mean = tree.leaf_weight.sum(axis=0) / self._total_weight
            if n_rows is not None:
                # An initial tree may have seen more or fewer rows, of the same kind.
                mean *= n_rows / max(int(tree.structure.leaf_count.sum()), 1)
            break
        else:
            prob = sigmoid(self._log_odds)
            mean = prob * (1 - prob)
        return np.where(self._has_both_classes, mean, 0.0)

    def _fill_leaves(self, grown: GrownSums) -> SharedTree:
        """Gives every leaf one value per task."""
        sums = NodeSums(grown.grad, grown.hess)
        return tree_values(grown.structure, sums, grown.merged, self._settings.leaf_value)

    def _unsplit_tree(self) -> SharedTree:
        n_tasks = len(self.base_score)
        nothing = np.zeros((0, n_tasks))
        zeros = np.zeros((1, n_tasks))
        return SharedTree(TreeStructure.unsplit(self._rows.n_train), zeros, zeros, nothing, nothing)

    def evaluate(self) -> tuple[list[float], float]:
        """Validation AUC of each task, and the mean log-loss over tasks; nan where undefined.

        Validation rows are taken to have the tasks' true base rates.
        """
        score = self._rows.valid_scores()
        if self.prior_shift.any():
            score = score + self.prior_shift.astype(score.dtype)
        return self._scorer.evaluate(score)

    def keep_best_scores(self, tasks: Sequence[int]) -> None:
        """Remembers the present training scores of some tasks as their best."""
        if self._settings.keep_best_self:
            self._rows.keep_best_scores(tasks)

    def similarity_to_main(self) -> NDArray[np.float64]:
        """Similarity of each task's training probabilities to the main task's, shape (K,)."""
        return similarity_to_main(self._rows, len(self.base_score), self.state.main_task)

    def similarity_matrix(self) -> NDArray[np.float64]:
        """Similarity of each task's training probabilities to every other's, shape (K, K)."""
        return similarity_matrix(self._rows, len(self.base_score))

    def score_correlation(self) -> NDArray[np.float64]:
        """Correlation of the tasks' log-odds over the validation rows, shape (K, K)."""
        return score_correlation(self._rows.valid_scores())

    def restore(self, trees: Sequence[SharedTree]) -> None:
        """Goes on from saved trees: the scores are the same bits as if they had been grown here."""
        self.trees = list(trees)
        for tree in trees:
            self._directions.add_tree(tree)
        best_self = self._settings.keep_best_self
        self._rows.restore(trees, self.state.best_task_iterations if best_self else {})

    def drop_features(self) -> None:
        """Lets go of the raw features: nothing is to be restored any more."""
        self._rows.drop_features()

    def end(self) -> None:
        """Lets go of all that training needs and the trees do not: the evaluation has room."""
        self._rows.end()
