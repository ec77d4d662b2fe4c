"""From the hyperparameters to the booster, its state, its callbacks and the finished model."""

import os
from collections.abc import Callable, Sequence

import joblib
import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.booster import ENGINE_VERSION, BoosterSettings, SharedTreeBooster
from models.engine.booster_rows import BoosterRows
from models.engine.leaf_values import LeafValueSettings
from models.engine.row_part import RowPart, Share
from models.engine.structure import StructureGrower, StructureSettings
from models.engine.task_rows import LabelledRows
from models.engine.training_state import TrainingState
from models.loss.adaptive_kd import AdaptiveDistillationLoss
from models.loss.factory import LossFactory
from models.training.callbacks import (
    CheckpointWriter,
    EarlyStopping,
    StopOnRequest,
    TrainingStateCallback,
)
from models.training.progress import Progress
from models.training.training_loop import Callback
from models.trees.model_text import file_feature_names, model_text
from models.trees.multitask_model import MultiTaskModel
from models.trees.shared_tree import SharedTree

# None of these changes what a tree is.
NOT_IN_THE_TREES = (
    "num_threads",
    "checkpoint_frequency",
    "num_iterations",
    "calibrate_intercept",
    "amount_name",
    "previous_score_columns",
    # The trees of the initial model are in the fingerprint, wherever they are read from.
    "init_model",
)


class ModelFactory:
    """Builds everything that is shaped by the hyperparameters, which know their tasks."""

    def __init__(
        self,
        hyperparams: LightGBMMtModelHyperparameters,
        feature_sources: Sequence[str] | None = None,
    ) -> None:
        """Takes the hyperparameters, and the column that each feature of the model comes from.

        Args:
            hyperparams: The hyperparameters.
            feature_sources: Column of each feature, in the model's order; None: the columns of
                the hyperparameters' lists, one feature each.
        """
        self._hyperparams = hyperparams
        self._feature_sources = list(
            hyperparams.feature_list if feature_sources is None else feature_sources
        )
        self._loss = LossFactory.create(hyperparams)

    @property
    def n_threads(self) -> int:
        """Threads of the job: no more than there are processors.

        Without `num_threads` it is the number that the process may use, as a container's limit on
        processor time or an affinity says.
        """
        wanted = self._hyperparams.num_threads
        return min(wanted, os.cpu_count() or 1) if wanted else int(joblib.cpu_count())

    def create_state(self) -> TrainingState:
        """The state before the first iteration."""
        loss = self._loss
        return TrainingState(
            task_names=list(self._hyperparams.task_label_names or []),
            main_task=loss.main_task,
            patience=loss.patience if isinstance(loss, AdaptiveDistillationLoss) else None,
            early_stopping_metric=self._hyperparams.early_stopping_metric,
        )

    def row_part(
        self,
        datasets: tuple[lgb.Dataset, lgb.Dataset],
        features: tuple[pa.Table, pa.Table] | None,
        train: LabelledRows,
        valid: LabelledRows,
        settings: BoosterSettings,
        share: Share | None = None,
    ) -> RowPart:
        """The rows of this process.

        Args:
            datasets: Binned features of the training and the validation rows.
            features: The features, for trees that are there already; None: there are none.
            train: Labels of the training rows.
            valid: Labels of the validation rows.
            settings: Of the booster.
            share: The rows' place among those of other hosts; None: these are all.
        """
        return RowPart(
            StructureGrower(*datasets, settings.structure),
            features,
            train,
            valid,
            self._loss,
            keep_best_self=settings.keep_best_self,
            share=share,
        )

    def booster_of(
        self, rows: BoosterRows, state: TrainingState, initial_trees: Sequence[SharedTree] = ()
    ) -> SharedTreeBooster:
        """A booster of rows that are there already, without trees of its own."""
        settings = self.booster_settings()
        return SharedTreeBooster(rows, self._loss, settings, state, initial_trees)

    def booster_settings(self, n_hosts: int = 1) -> BoosterSettings:
        """The hyperparameters as the engine's plain settings.

        LightGBM's data-parallel learner cannot do with quantized gradients (4.7: crashes, or a
        single tree).
        """
        knobs, loss = self._hyperparams, self._loss
        return BoosterSettings(
            structure=StructureSettings(
                num_leaves=knobs.num_leaves,
                max_depth=knobs.max_depth,
                min_data_in_leaf=knobs.min_data_in_leaf,
                min_sum_hessian_in_leaf=knobs.min_sum_hessian_in_leaf,
                lambda_l1=knobs.lambda_l1,
                min_gain_to_split=knobs.min_gain_to_split,
                max_bin=knobs.max_bin,
                feature_fraction=knobs.feature_fraction,
                use_quantized_grad=knobs.quantizes_gradients and n_hosts == 1,
                num_grad_quant_bins=knobs.num_grad_quant_bins,
                seed=knobs.seed,
                num_threads=self.n_threads,
                interaction_constraints=self._interaction_groups(),
                num_machines=n_hosts,
            ),
            leaf_value=LeafValueSettings(
                learning_rate=knobs.learning_rate,
                lambda_l1=knobs.lambda_l1,
                lambda_l2=knobs.lambda_l2,
                min_sum_hessian=knobs.min_sum_hessian_in_leaf,
                monotone=self._monotone_directions(),
            ),
            split_gradient=knobs.loss_split_gradient,
            bagging_fraction=knobs.bagging_fraction,
            bagging_freq=knobs.bagging_freq,
            keep_best_self=(
                isinstance(loss, AdaptiveDistillationLoss) and loss.teacher == "best_self"
            ),
            base_rates=self._base_rates(),
        )

    def _interaction_groups(self) -> tuple[tuple[int, ...], ...]:
        groups = self._hyperparams.interaction_constraints or []
        if not groups:
            return ()
        sources = self._feature_sources
        return tuple(
            tuple(index for index, name in enumerate(sources) if name in group) for group in groups
        )

    def _monotone_directions(self) -> NDArray[np.int8] | None:
        by_task = self._hyperparams.monotone_directions
        if not by_task:
            return None
        return np.array(
            [
                [by_task.get(task, {}).get(name, 0) for name in self._feature_sources]
                for task in self._hyperparams.task_label_names or []
            ],
            dtype=np.int8,
        )

    def _base_rates(self) -> tuple[float | None, ...]:
        rates = self._hyperparams.task_base_rates or {}
        return tuple(rates.get(task) for task in self._hyperparams.task_label_names or [])

    def create_callbacks(
        self,
        state: TrainingState,
        is_stop_requested: Callable[[], bool],
        save_checkpoint: Callable[[], None] | None,
    ) -> list[Callback]:
        """The callbacks of a training run.

        Args:
            state: The state that they keep and read.
            is_stop_requested: Whether the job has been asked to stop.
            save_checkpoint: Saves the present state; None: there are no checkpoints.
        """
        knobs = self._hyperparams
        callbacks: list[Callback] = [
            TrainingStateCallback(state),
            Progress(state, knobs.num_iterations),
            StopOnRequest(is_stop_requested),
        ]
        if knobs.early_stopping_rounds:
            callbacks.append(EarlyStopping(state, knobs.early_stopping_rounds))
        if save_checkpoint is not None:
            callbacks.append(CheckpointWriter(save_checkpoint, knobs.checkpoint_frequency))
        return callbacks

    def create_model(
        self, booster: SharedTreeBooster, feature_columns: list[str]
    ) -> MultiTaskModel:
        """The finished model: all trees, or with early stopping those up to the best iteration.

        Initial trees are all there, and first.

        The log-odds before the first tree include the state's `intercept_shift`.
        """
        knobs, state = self._hyperparams, booster.state
        trees = booster.trees
        if knobs.early_stopping_rounds and state.best_iteration:
            trees = trees[: state.best_iteration]
        parameters = {
            name: value for name, value in knobs.model_dump().items() if name in _NOTED_PARAMETERS
        }
        text = model_text(
            [*booster.initial_trees, *trees],
            booster.base_score + np.array(state.intercept_shift or 0.0),
            file_feature_names(feature_columns),
            booster.feature_infos,
            knobs.learning_rate,
            parameters,
        )
        return MultiTaskModel(text, self.n_threads)

    def fingerprint_text(self) -> str:
        """What decides how the trees turn out, other than the data and an initial model."""
        knobs = self._hyperparams.model_dump_json(exclude=set(NOT_IN_THE_TREES))
        return f"engine {ENGINE_VERSION} {knobs}"


_NOTED_PARAMETERS = frozenset(
    {
        "learning_rate",
        "num_leaves",
        "max_depth",
        "min_data_in_leaf",
        "min_sum_hessian_in_leaf",
        "lambda_l1",
        "lambda_l2",
        "min_gain_to_split",
        "max_bin",
        "feature_fraction",
        "bagging_fraction",
        "bagging_freq",
        "seed",
    }
)
