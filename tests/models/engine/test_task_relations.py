"""Telling tasks that do not belong together."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.engine.task_relations import loose_tasks, score_correlation


def scores(seed: int = 0) -> NDArray[Any]:
    """Two tasks that oppose one another, one that is alone, and one without any signal."""
    rng = np.random.default_rng(seed)
    shared, alone = rng.normal(size=(2, 5000))
    noise = rng.normal(size=(2, 5000)) / 2
    return np.stack([shared + noise[0], 2 - 3 * (shared + noise[1]), alone, np.full(5000, -4)], 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_correlation_is_numpys(dtype: type) -> None:
    raw_score: NDArray[Any] = scores()[:, :3].astype(dtype)
    expected = np.corrcoef(raw_score.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(score_correlation(raw_score), expected, atol=1e-6)


def test_a_constant_score_correlates_with_nothing() -> None:
    correlation = score_correlation(scores())
    assert correlation[3].tolist() == [0.0, 0.0, 0.0, 1.0]


def test_opposing_tasks_belong_together_and_a_task_alone_is_named() -> None:
    assert loose_tasks(score_correlation(scores())) == [2, 3]
