"""The one place that drives LightGBM in training: split gradients in, tree structures out.

Facts about LightGBM's internals were checked with version 4.7.0.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.engine.leaf_lookup import LeafLookup
from models.engine.sampling import feature_seed
from models.trees.shared_tree import TreeStructure
from models.trees.thresholds import float32_safe

logger = logging.getLogger(__name__)

_SCORE_BOUND = 2.0**16
"""How many times as large as a tree's outputs LightGBM's score may be before it starts again at 0:
far less than what would blur the outputs, so that hardly ever a tree has to be grown twice."""

_SMALLEST_SUM_HESSIAN = 1e-9
"""Without any bound LightGBM ends with a failed check where rows are learned by heart: it estimates
the rows of a leaf from hessians, which are all rounding by then."""


@dataclass(frozen=True)
class StructureSettings:
    """LightGBM's settings of a tree's structure, under LightGBM's names.

    Attributes:
        use_quantized_grad: Histograms of integers: cheaper; touches the structure only.
        num_grad_quant_bins: Number of levels of a quantized gradient.
        num_threads: Threads, at least 1.
        interaction_constraints: Groups of feature indices: no path leaves a group, and a feature
            in none is not used; empty: no constraint.
        num_machines: Machines that LightGBM is connected with and that have rows of their own.
    """

    num_leaves: int = 31
    max_depth: int = -1
    min_data_in_leaf: int = 20
    min_sum_hessian_in_leaf: float = 1e-3
    lambda_l1: float = 0.0
    min_gain_to_split: float = 0.0
    max_bin: int = 255
    feature_fraction: float = 1.0
    use_quantized_grad: bool = False
    num_grad_quant_bins: int = 64
    seed: int = 42
    num_threads: int = 1
    interaction_constraints: tuple[tuple[int, ...], ...] = ()
    num_machines: int = 1

    def lightgbm_params(self) -> dict[str, object]:
        """Parameters of both the Dataset and the Booster."""
        params: dict[str, object] = {
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": self.min_data_in_leaf,
            "min_sum_hessian_in_leaf": max(self.min_sum_hessian_in_leaf, _SMALLEST_SUM_HESSIAN),
            "lambda_l1": self.lambda_l1,
            # A split's gain is not regularized, whatever a leaf's value is: with LightGBM's default
            # of 0 the test scores were better (CHANGELOG, 1.1.0).
            "lambda_l2": 0.0,
            "min_gain_to_split": self.min_gain_to_split,
            "max_bin": self.max_bin,
            "feature_fraction": self.feature_fraction,
            "num_threads": self.num_threads,
            "seed": self.seed,
            "objective": "none",
            "metric": "none",
            # Only the structure is used: the tree's own outputs just have to differ.
            "learning_rate": 1.0,
            "boost_from_average": False,
            # The same trees for any number of threads.
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        if self.use_quantized_grad:
            params |= {
                "use_quantized_grad": True,
                "num_grad_quant_bins": self.num_grad_quant_bins,
                # Stochastic rounding draws from a state that a resumed run could not restore.
                "stochastic_rounding": False,
            }
        if self.interaction_constraints:
            params["interaction_constraints"] = [
                list(group) for group in self.interaction_constraints
            ]
        if self.num_machines > 1:
            params |= {
                "min_data_in_leaf": max(self.min_data_in_leaf, 1),  # of 0 an estimate fails a check
                "num_machines": self.num_machines,
                "tree_learner": "data",
                "pre_partition": True,
            }
        return params


@dataclass(frozen=True)
class GrownTree:
    """A new structure and the means to tell which leaf a row is in."""

    structure: TreeStructure
    lookup: LeafLookup


class StructureGrower:
    """Grows one tree per call from a split gradient and hessian.

    LightGBM's score of the training and validation rows is a by-product: its change names
    each row's leaf (`models.engine.leaf_lookup`).
    """

    def __init__(
        self, train_set: lgb.Dataset, valid_set: lgb.Dataset, settings: StructureSettings
    ) -> None:
        """Takes constructed Datasets; `valid_set` has `train_set` as its reference."""
        self.settings = settings
        self._train_set = train_set
        self._valid_set = valid_set
        self._score_before = [np.empty(train_set.num_data()), np.empty(valid_set.num_data())]
        self._start_booster()
        # LightGBM has no bins for a feature that cannot split, and raises if there are none at all.
        self._can_split = set(self.feature_infos.split()) != {"none"}
        if not self._can_split:
            logger.warning(
                "No feature has two values with at least min_data_in_leaf (%d) training rows each: "
                "the model will be the tasks' base rates",
                settings.min_data_in_leaf,
            )

    def _start_booster(self) -> None:
        self._booster = lgb.Booster(self.settings.lightgbm_params(), self._train_set)
        self._booster.add_valid(self._valid_set, "valid")
        self._score_bound = 0.0
        self._last_output = np.inf
        for before in self._score_before:
            before[:] = 0.0
        self._score_after: list[NDArray[np.float64]] = []

    @property
    def feature_infos(self) -> str:
        """Range of every feature, as LightGBM's text model puts it."""
        text: str = self._booster.model_to_string(num_iteration=1)
        header = text.split("\nTree=", 1)[0]
        return header.split("\nfeature_infos=", 1)[1].split("\n", 1)[0]

    def grow(
        self,
        split_grad: NDArray[np.float32],
        split_hess: NDArray[np.float32],
        iteration: int,
    ) -> GrownTree | None:
        """Grows a tree; None if no split was worth it (another gradient may find one).

        Args:
            split_grad: Gradient of each row, shape (n,), finite.
            split_hess: Hessian of each row, shape (n,), finite, not negative.
            iteration: Seeds the feature sampling.
        """
        if not self._can_split:
            return None
        # The rounding of a score grows with the score. A fresh booster starts at 0; the trees
        # that it grows do not depend on its score.
        if self._score_bound > _SCORE_BOUND * self._last_output:
            self._start_booster()
        grown = self._grow(split_grad, split_hess, iteration)
        if grown is not None and not self._is_exact(grown.lookup):
            self._start_booster()
            grown = self._grow(split_grad, split_hess, iteration)
        return grown

    def _grow(
        self,
        split_grad: NDArray[np.float32],
        split_hess: NDArray[np.float32],
        iteration: int,
    ) -> GrownTree | None:
        booster = self._booster

        def gradients(
            _score: NDArray[np.float64], _data: lgb.Dataset
        ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            # Not before `update`: a booster's first one resets parameters by itself, and every
            # reset draws features, so that a fresh booster would draw others than an old one.
            if self.settings.feature_fraction < 1:
                seed = feature_seed(self.settings.seed, iteration)
                booster.reset_parameter({"feature_fraction_seed": seed})
            return split_grad, split_hess

        # The first tree stays in LightGBM's model even without a split, later ones do not.
        if booster.update(fobj=gradients):
            return None
        fields = _tree_fields(
            booster.model_to_string(start_iteration=booster.current_iteration() - 1)
        )
        outputs = np.array(fields["leaf_value"].split(), dtype=np.float64)
        self._last_output = float(np.abs(outputs).max())
        self._score_bound += self._last_output
        self._read_scores()
        structure = TreeStructure.from_text_fields(fields)
        structure = replace(structure, threshold=float32_safe(structure.threshold))
        return GrownTree(structure, LeafLookup(outputs))

    def _is_exact(self, lookup: LeafLookup) -> bool:
        """Whether the change of a score names the leaf, for scores as large as they may be."""
        rounding = float(np.finfo(np.float64).eps) * self._score_bound
        return rounding <= lookup.tolerance / 4

    def _read_scores(self) -> None:
        """Takes LightGBM's scores through the public metric interface; no metric is computed."""
        scores: list[NDArray[np.float64]] = []

        def capture(score: NDArray[np.float64], _data: lgb.Dataset) -> tuple[str, float, bool]:
            scores.append(score)
            return "score", 0.0, True

        self._booster.eval_train(feval=capture)
        self._booster.eval_valid(feval=capture)
        self._score_after = scores

    def train_leaves(
        self, grown: GrownTree, rows: slice, leaf: NDArray[np.int32], scratch: NDArray[np.intp]
    ) -> None:
        """Writes the leaves of some training rows; once per tree and row."""
        self._leaves(0, grown, rows, leaf, scratch)

    def valid_leaves(
        self, grown: GrownTree, rows: slice, leaf: NDArray[np.int32], scratch: NDArray[np.intp]
    ) -> None:
        """Writes the leaves of some validation rows; once per tree and row."""
        self._leaves(1, grown, rows, leaf, scratch)

    def _leaves(
        self,
        data: int,
        grown: GrownTree,
        rows: slice,
        leaf: NDArray[np.int32],
        scratch: NDArray[np.intp],
    ) -> None:
        before, after = self._score_before[data][rows], self._score_after[data][rows]
        change = np.subtract(after, before, out=before)
        grown.lookup.find(change, leaf, scratch)
        before[:] = after


def make_datasets(
    train_features: pa.Table,
    valid_features: pa.Table,
    settings: StructureSettings,
) -> tuple[lgb.Dataset, lgb.Dataset]:
    """Bins the features; the tables may be freed afterwards.

    Args:
        train_features: n rows, F float32 columns, finite.
        valid_features: m rows, the same columns.
        settings: Structure settings, of which `max_bin` and the thread count matter here.
    """
    train_set = make_bins(train_features, settings)
    [valid_set] = binned_like(train_set, [valid_features], settings)
    return train_set, valid_set


def make_bins(sample: pa.Table, settings: StructureSettings) -> lgb.Dataset:
    """Bins of some rows, for themselves and for others (`binned_like`).

    Args:
        sample: The rows; on several hosts the same on all of them, and at most as many as LightGBM
            makes bins from (200,000).
        settings: Structure settings.
    """
    return lgb.Dataset(sample, params=settings.lightgbm_params(), free_raw_data=True).construct()


def binned_like(
    bins: lgb.Dataset, features: Iterable[pa.Table], settings: StructureSettings
) -> list[lgb.Dataset]:
    """Rows in the bins of others, a Dataset for each table; the tables may be freed afterwards.

    Args:
        bins: What `make_bins` made.
        features: Tables with the same columns.
        settings: As in `make_bins`.
    """
    params = settings.lightgbm_params()
    return [bins.create_valid(table, params=params).construct() for table in features]


def _tree_fields(model_text: str) -> dict[str, str]:
    """The fields of the first tree in a text model."""
    section = model_text.split("\nTree=0\n", 1)[1].split("\n\n", 1)[0]
    return dict(line.split("=", 1) for line in section.splitlines())
