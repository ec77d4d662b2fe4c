"""Samples of the rows of all hosts: from each as many as it has of all."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from hosts.cluster.dask_loop import DaskLoop
from hosts.cluster.settings import HostSettings
from hosts.cluster.watch import Watch
from hosts.parts.host_part import HostPart
from hosts.samples import drift_on_hosts, labelled_sample, some_rows, training_sample
from hosts.team import Team
from models.engine.task_rows import LabelledRows
from processing.reading.columns import TableColumns
from steps.reference import drift_of_features

N_ROWS = [10, 0, 30]
ROWS = [{"train": number, "val": number} for number in N_ROWS]


class Here:
    """Dask's proxy of an actor, for one in this process."""

    def __init__(self, part: HostPart) -> None:
        self._part = part

    async def run(self, method: str, *arguments: object) -> object:
        """What the proxy gives."""
        return self._part.run(method, *arguments)


def tables() -> list[pd.DataFrame]:
    """Rows of three hosts, the second of which has none: `x` is a row's number among all."""
    rng = np.random.default_rng(3)
    x = np.arange(sum(N_ROWS), dtype=np.float32)
    table = pd.DataFrame({"x": x, "w": rng.random(len(x)).astype(np.float32) + 0.1})
    bounds = np.cumsum([0, *N_ROWS])
    return [table.iloc[first:last].reset_index(drop=True) for first, last in pairwise(bounds)]


def team(parts: Sequence[pd.DataFrame]) -> Team:
    """Hosts in this process with these rows; in validation they stand the other way round."""
    loop = DaskLoop()

    async def watch() -> Watch:
        return Watch(HostSettings())

    actors = []
    for index, part in enumerate(parts):
        host = HostPart(str(index), index, len(parts))
        data = host._data
        data.feature_columns = ["x"]
        data.splits = {"train": part, "val": part[::-1].reset_index(drop=True)}
        label = (part[["x"]].to_numpy() % 2).astype(np.uint8)
        data.labels = {"train": LabelledRows(label, part[["w"]].to_numpy())}
        actors.append(Here(host))
    return Team(loop, [str(index) for index in range(len(parts))], actors, loop.run(watch()))


def test_every_host_gives_its_share_in_the_order_of_the_hosts() -> None:
    found = some_rows(team(tables()), ROWS, "train", 8, ["x", "x"])
    assert list(found.columns) == ["x"]
    assert found["x"].is_monotonic_increasing
    assert [(found["x"] < 10).sum(), (found["x"] >= 10).sum()] == [2, 6]
    assert len(some_rows(team(tables()), ROWS, "train", 100, ["x"])) == 40


def test_labels_and_weights_go_with_their_rows() -> None:
    found, labels = labelled_sample(team(tables()), ROWS, "train", 8)
    assert [(found["x"] < 10).sum(), (found["x"] >= 10).sum()] == [2, 6]
    everything = pd.concat(tables(), ignore_index=True)
    numbers = found["x"].astype(int)
    np.testing.assert_array_equal(labels.label[:, 0], numbers % 2)
    assert labels.weight is not None
    np.testing.assert_array_equal(labels.weight[:, 0], everything["w"].iloc[numbers])


def test_a_sample_of_the_training_rows_has_their_weights() -> None:
    found = training_sample(team(tables()), ROWS, ["x"], "w")
    pd.testing.assert_frame_equal(found, pd.concat(tables(), ignore_index=True))
    assert list(training_sample(team(tables()), ROWS, ["x"], None).columns) == ["x"]


def test_drift_is_that_of_one_host_with_all_rows() -> None:
    parts = tables()
    parts[2]["w"] = parts[2]["w"] * 5
    columns = TableColumns((), ("x",), (), "id", weights=("w",))
    found = drift_on_hosts(team(parts), ROWS, {"train": columns, "val": columns}, ["x"], "w")
    everything = pd.concat(parts, ignore_index=True)
    splits = {"train": everything, "val": everything}
    assert found == drift_of_features(splits, ["x"], "w")
    assert found != drift_of_features(splits, ["x"], None)
