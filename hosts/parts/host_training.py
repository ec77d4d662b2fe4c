"""The training rows of one host: its `RowPart`, and LightGBM's connection to the other hosts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from distributed import get_worker
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hosts.cluster.addresses import free_port
from hosts.parts.host_data import HostData
from hosts.parts.lightgbm_network import connect, disconnect
from hosts.parts.this_host import is_stop_requested
from models.engine.booster import BoosterSettings
from models.engine.booster_rows import TreeOrder
from models.engine.row_part import RowPart, Share
from models.engine.structure import binned_like, make_bins
from models.engine.task_rows import LabelledRows
from models.training.factory import ModelFactory
from models.trees.shared_tree import SharedTree, TreeStructure

LeafValues = NDArray[np.float64] | None


@dataclass(frozen=True)
class GrownOnHost:
    """What a host gives back for a tree.

    Attributes:
        grad: Sums of gradients over this host's rows, shape (L, K); None: no split was worth it.
        hess: Sums of hessians.
        leaf_count: This host's training rows in every leaf, shape (L,), merged ones in one.
        is_stop_requested: Whether this host has been asked to stop.
        structure: Structure and merged leaves, the same on all hosts and given by one of them.
    """

    grad: NDArray[np.float64] | None
    hess: NDArray[np.float64] | None
    leaf_count: NDArray[np.int64] | None
    is_stop_requested: bool
    structure: tuple[TreeStructure, NDArray[np.int32]] | None = None


class HostTraining:
    """Scores, derivatives and trees of one host's rows.

    LightGBM needs rows on every machine. A host without any takes part with one row that weighs
    nothing: its derivatives are 0.
    """

    def __init__(self, data: HostData) -> None:
        self._data = data
        self._settings: BoosterSettings
        self._bins: lgb.Dataset
        self._part: RowPart

    def offer_port(self) -> tuple[str, int]:
        """This host's address, as Dask reaches it, and a port that is free now."""
        address = get_worker().address.rsplit("/", 1)[1].rsplit(":", 1)[0]
        return address, free_port()

    def make_bins(
        self,
        factory: ModelFactory,
        sample: NDArray[np.float32],
        machines: Sequence[tuple[str, int]],
        index: int,
    ) -> None:
        """Connects LightGBM, and makes the bins of the features.

        A step of its own, because Dask keeps a step's arguments to its end.

        Args:
            factory: Knows the settings and the loss.
            sample: Features of rows of all hosts, which the bins are made from, shape (F, rows).
            machines: Address and port of every host.
            index: This host's place among them.
        """
        # One thread per block of rows is ours, see `steps.training`.
        threadpool_limits(limits=1, user_api="blas")
        self._settings = factory.booster_settings(n_hosts=len(machines))
        # Once the network is up LightGBM has each host make the bins of some features, from its own
        # rows. These are the same rows on every host here, and so are the bins.
        connect(machines, index)
        rows = pa.table({f"Column_{i}": pa.array(column) for i, column in enumerate(sample)})
        self._bins = make_bins(rows, self._settings.structure)

    def start(self, factory: ModelFactory, share: Share, keep_features: bool) -> str:
        """Bins the features, and has everything ready for the first tree.

        Args:
            factory: Knows the settings and the loss.
            share: Where this host's rows stand.
            keep_features: See `JobData.create_booster`.

        Returns:
            Range of every feature.
        """
        train, valid = binned_like(self._bins, self._features(), self._settings.structure)
        features = self._features() if keep_features else None
        if not keep_features:
            self._data.drop_training_rows()
        self._part = factory.row_part(
            (train, valid),
            features,
            self._labels("train"),
            self._labels("val"),
            self._settings,
            share,
        )
        return self._part.feature_infos

    def _features(self) -> tuple[pa.Table, pa.Table]:
        return self._data.features("train"), self._data.features("val")

    def _labels(self, split: str) -> LabelledRows:
        labels = self._data.labels[split]
        if labels.n_rows:
            return labels
        one = (1, labels.n_tasks)
        return LabelledRows(np.zeros(one, np.uint8), np.zeros(one, np.float32))

    def _n_rows(self, split: str) -> int:
        return self._data.labels[split].n_rows

    def class_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `BoosterRows`."""
        return self._part.class_weights()

    def start_scores(self, base_score: NDArray[np.float64]) -> None:
        """See `BoosterRows.start`."""
        self._part.start(base_score)

    def grow(self, leaf_value: LeafValues, order: TreeOrder, with_structure: bool) -> GrownOnHost:
        """Adds the values of the last tree and grows the next: one round trip per tree.

        Args:
            leaf_value: Values of the tree before; None: it has been added, or there is none.
            order: What to grow.
            with_structure: Whether this host gives back the structure.
        """
        self._settle(leaf_value)
        sums = self._part.grow(order)
        if sums is None:
            return GrownOnHost(None, None, None, is_stop_requested())
        n_leaves = sums.structure.n_leaves
        leaf = self._part.train_split.leaf[: self._n_rows("train")]
        leaf_count = np.bincount(leaf, minlength=n_leaves)
        return GrownOnHost(
            sums.grad,
            sums.hess,
            leaf_count,
            is_stop_requested(),
            (sums.structure, sums.merged) if with_structure else None,
        )

    def _settle(self, leaf_value: LeafValues) -> None:
        if leaf_value is not None:
            self._part.add_tree(leaf_value)

    def valid_scores(self, leaf_value: LeafValues) -> NDArray[np.floating]:
        """See `BoosterRows`; `leaf_value` as in `grow`."""
        self._settle(leaf_value)
        return self._part.valid_scores()[: self._n_rows("val")]

    def keep_best_scores(self, leaf_value: LeafValues, tasks: Sequence[int]) -> None:
        """See `BoosterRows`."""
        self._settle(leaf_value)
        self._part.keep_best_scores(tasks)

    def density_totals(
        self, leaf_value: LeafValues, pairs: Sequence[tuple[int, int]]
    ) -> NDArray[np.float64]:
        """See `BoosterRows`."""
        self._settle(leaf_value)
        return self._part.density_totals(pairs)

    def divergence_sums(
        self,
        leaf_value: LeafValues,
        pairs: Sequence[tuple[int, int]],
        scales: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """See `BoosterRows`."""
        self._settle(leaf_value)
        return self._part.divergence_sums(pairs, scales)

    def restore(self, trees: Sequence[SharedTree], best_iterations: Mapping[int, int]) -> None:
        """See `BoosterRows`."""
        self._part.restore(trees, best_iterations)

    def drop_features(self) -> None:
        """See `BoosterRows`; the training table, which was kept with them, goes, too."""
        self._part.drop_features()
        self._data.drop_training_rows()

    def end(self) -> None:
        """See `BoosterRows`; LightGBM's network, which only training needs, is left, too."""
        self._part.end()
        del self._part, self._bins
        disconnect()
