"""The shared-tree booster: one structure per iteration, one Newton step per task and leaf.

It is given Datasets (binned features), labels, a loss, plain settings and the training state; it
keeps raw scores and trees; `models.trees.model_text` writes what it keeps. One iteration is
`SharedTreeBooster.update`, which reads as the method itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.engine.leaf_values import LeafValueSettings, NodeSums, node_values
from models.engine.sampling import Bag, Purpose, generator
from models.engine.similarity import similarity_matrix, similarity_to_main
from models.engine.split_gradient import projection_factors, weighted_sum_factors
from models.engine.structure import GrownTree, StructureGrower, StructureSettings
from models.engine.task_relations import score_correlation
from models.engine.task_rows import (
    LabelledRows,
    TaskScores,
    TrainingRows,
    base_scores,
    class_weights,
)
from models.engine.training_state import TrainingState
from models.engine.validation_scores import ValidationScorer
from models.loss.base import Distillation, MultiTaskLoss
from models.loss.logloss import sigmoid
from models.trees.shared_tree import SharedTree, TreeStructure
from models.trees.tree_walk import replay_trees

ENGINE_VERSION = 3
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
    """

    structure: StructureSettings
    leaf_value: LeafValueSettings
    split_gradient: str = "projection"
    bagging_fraction: float = 1.0
    bagging_freq: int = 0
    keep_best_self: bool = False


class SharedTreeBooster:
    """Trains one ensemble for K binary tasks.

    Attributes:
        trees: The trees so far, one per iteration.
        base_score: Raw score before the first tree, shape (K,).
        state: Progress, weights and validation scores; the callbacks write it.
    """

    def __init__(
        self,
        datasets: tuple[lgb.Dataset, lgb.Dataset],
        train: LabelledRows,
        valid: LabelledRows,
        loss: MultiTaskLoss,
        settings: BoosterSettings,
        state: TrainingState,
    ) -> None:
        """Starts without trees; `datasets` are those of the training and validation rows."""
        self.state = state
        self.loss = loss
        self.trees: list[SharedTree] = []
        negative, positive = class_weights(train)
        self.base_score = base_scores(negative, positive)
        self._has_both_classes = (negative > 0) & (positive > 0)
        self._total_weight = np.where(self._has_both_classes, negative + positive, 1.0)
        self._settings = settings
        self._grower = StructureGrower(*datasets, settings.structure)
        n_threads = settings.structure.num_threads
        self._train = TrainingRows(train, self.base_score, settings.structure.num_leaves, n_threads)
        self._valid = TaskScores(valid, self.base_score, n_threads)
        self._scorer = ValidationScorer(valid, self._valid.blocks, n_threads)
        self._best_score = self._train.current_scores().copy() if settings.keep_best_self else None
        if not state.weight_evolution:
            state.record_weights(loss.initial_weights())

    @property
    def feature_infos(self) -> str:
        """Range of every feature, as LightGBM's text model puts it."""
        return self._grower.feature_infos

    def update(self) -> SharedTree:
        """Does one iteration and returns its tree.

        An iteration without a split that is worth it adds a tree of one leaf with the values 0, so
        that iterations and trees always agree in number; the next projection may find a split.
        """
        iteration = len(self.trees)
        split_grad, split_hess = self._train.split_gradient(
            self._split_factors(iteration), self.loss, self._distillation(), self._bag(iteration)
        )
        grown = self._grower.grow(split_grad, split_hess, iteration)
        if grown is None:
            tree = self._unsplit_tree()
        else:
            tree = self._fill_leaves(grown)
            self._train.add_tree(tree.leaf_value)
            self._valid.add_tree(tree.leaf_value)
        self.trees.append(tree)
        return tree

    def _distillation(self) -> Distillation:
        return Distillation(self.state.struggling_tasks, self._best_score)

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
        return projection_factors(self.state.weights, self._mean_hess(), rng)

    def _mean_hess(self) -> NDArray[np.float64]:
        """Mean hessian of each task at the last tree that has splits, shape (K,).

        It is a function of that tree alone, so that a job that goes on from a checkpoint has it,
        too. A task of one class counts as 0.
        """
        for tree in reversed(self.trees):
            if tree.structure.n_leaves > 1:
                mean = tree.leaf_weight.sum(axis=0) / self._total_weight
                break
        else:
            prob = sigmoid(self.base_score)
            mean = prob * (1 - prob)
        return np.where(self._has_both_classes, mean, 0.0)

    def _fill_leaves(self, grown: GrownTree) -> SharedTree:
        """Finds the rows of every leaf and gives it one value per task."""
        self._valid.assign_leaves(partial(self._grower.valid_leaves, grown))
        structure, merged = grown.structure, grown.lookup.representative
        sum_grad, sum_hess = self._train.leaf_sums(
            structure.n_leaves, partial(self._grower.train_leaves, grown)
        )
        # Leaves that cannot be told apart share one sum, and thus one value.
        share = _share_of_merged(structure.leaf_count, merged)
        leaf_weight = sum_hess[merged] * share
        inner = NodeSums(
            structure.node_sums(sum_grad[merged] * share), structure.node_sums(leaf_weight)
        )
        merged_sums = NodeSums(sum_grad[merged], sum_hess[merged])
        leaf_value, internal_value = node_values(
            structure, merged_sums, inner, self._settings.leaf_value
        )
        return SharedTree(
            structure,
            leaf_value=_mean_of_merged(leaf_value, share, merged),
            leaf_weight=leaf_weight,
            internal_value=internal_value,
            internal_weight=inner.hess,
        )

    def _unsplit_tree(self) -> SharedTree:
        n_rows, n_tasks = self._train.current_scores().shape
        nothing = np.zeros((0, n_tasks))
        zeros = np.zeros((1, n_tasks))
        return SharedTree(TreeStructure.unsplit(n_rows), zeros, zeros, nothing, nothing)

    def evaluate(self) -> tuple[list[float], float]:
        """Validation AUC of each task, and the mean log-loss over tasks; nan where undefined."""
        return self._scorer.evaluate(self._valid.current_scores())

    def keep_best_scores(self, tasks: Sequence[int]) -> None:
        """Remembers the present training scores of some tasks as their best."""
        if self._best_score is not None:
            score = self._train.current_scores()
            for task in tasks:
                self._best_score[:, task] = score[:, task]

    def similarity_to_main(self) -> NDArray[np.float64]:
        """Similarity of each task's training probabilities to the main task's, shape (K,)."""
        train = self._train
        return similarity_to_main(
            train.current_scores(), self.state.main_task, train.blocks, train.rows.weight
        )

    def similarity_matrix(self) -> NDArray[np.float64]:
        """Similarity of each task's training probabilities to every other's, shape (K, K)."""
        train = self._train
        return similarity_matrix(train.current_scores(), train.blocks, train.rows.weight)

    def score_correlation(self) -> NDArray[np.float64]:
        """Correlation of the tasks' log-odds over the validation rows, shape (K, K)."""
        return score_correlation(self._valid.current_scores())

    def restore(
        self,
        trees: Sequence[SharedTree],
        train_features: pa.Table,
        valid_features: pa.Table,
    ) -> None:
        """Goes on from saved trees: the scores are the same bits as if they had been grown here.

        Args:
            trees: Trees of the first iterations.
            train_features: The features that the training Dataset was made from.
            valid_features: Those of the validation Dataset.
        """
        self.trees = list(trees)
        n_threads = self._settings.structure.num_threads
        best_iterations = self.state.best_task_iterations if self._best_score is not None else {}
        replay_trees(
            trees,
            train_features,
            self._train.current_scores(),
            n_threads,
            best_iterations,
            self._best_score,
        )
        replay_trees(trees, valid_features, self._valid.current_scores(), n_threads)


def _share_of_merged(
    leaf_count: NDArray[np.int64], merged: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Each leaf's share of the rows of all leaves that it is merged with, shape (L, 1)."""
    total = np.bincount(merged, weights=leaf_count, minlength=len(merged))
    return (leaf_count / total[merged])[:, None]


def _mean_of_merged(
    leaf_value: NDArray[np.float64], share: NDArray[np.float64], merged: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The mean value of all leaves that each leaf is merged with: their parents can differ."""
    mean = np.zeros_like(leaf_value)
    np.add.at(mean, merged, share * leaf_value)
    values: NDArray[np.float64] = mean[merged]
    return values
