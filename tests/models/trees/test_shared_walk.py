"""Walking every shared structure once, against stock LightGBM walking the K trees of each."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from engine_cases import Problem, make_booster, make_problem, text_of

from models.engine.structure import StructureSettings
from models.trees.model_reading import read_model
from models.trees.shared_walk import SharedWalk

STRUCTURES = {
    "plain": StructureSettings(num_leaves=31),
    "stumps": StructureSettings(num_leaves=2),
    # With so large a gain only some of the projections find a split.
    "some without a split": StructureSettings(num_leaves=7, min_gain_to_split=9.0),
    "none with a split": StructureSettings(min_gain_to_split=1e9),
}
CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda x: x,
    "float64": lambda x: x.astype(np.float64),
    "columns": np.asfortranarray,
    "frame": pd.DataFrame,
    "frame with another index": lambda x: pd.DataFrame(x, index=np.arange(len(x))[::-1]),
}


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Three tasks."""
    return make_problem()


@pytest.fixture(scope="module", params=list(STRUCTURES))
def text(request: pytest.FixtureRequest, problem: Problem) -> str:
    """A text model."""
    booster = make_booster(problem, structure=STRUCTURES[request.param])
    for _ in range(25):
        booster.update()
    if "without" in request.param:
        assert len({tree.structure.n_leaves > 1 for tree in booster.trees}) == 2
    return text_of(booster)


@pytest.mark.parametrize("leaves_per_chunk", [1, 60, 2**20])
def test_the_same_bits_as_stock_lightgbm(
    text: str, problem: Problem, leaves_per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.trees.shared_walk._LEAVES_PER_CHUNK", leaves_per_chunk)
    x = problem.valid_x[:100]
    expected = lgb.Booster(model_str=text).predict(x, raw_score=True)
    np.testing.assert_array_equal(SharedWalk(read_model(text)).raw_score(x), expected)


@pytest.mark.parametrize("name", list(CONTAINERS))
def test_whatever_holds_the_rows(text: str, problem: Problem, name: str) -> None:
    walk = SharedWalk(read_model(text))
    found = walk.raw_score(CONTAINERS[name](problem.valid_x))
    np.testing.assert_array_equal(found, walk.raw_score(problem.valid_x))


def test_a_row_with_too_few_features_is_refused(text: str, problem: Problem) -> None:
    with pytest.raises(lgb.basic.LightGBMError, match="number of features"):
        SharedWalk(read_model(text)).raw_score(problem.valid_x[:, :-1])
