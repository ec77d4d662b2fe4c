"""Features that tell a label all by themselves."""

import logging
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from processing.dataset.label_leaks import separation, warn_of_leaks

N_ROWS = 20_000
TASKS = ["a", "b"]


@pytest.mark.parametrize("seed", range(20))
def test_separation_is_the_weighted_auc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.random(200) < 0.3
    values = rng.integers(0, 2 + 5 * seed, 200).astype(np.float32) + label * rng.integers(-2, 3)
    weight = rng.random(200).astype(np.float32) + 0.1
    auc = roc_auc_score(label, values, sample_weight=weight)
    found = separation(values[label], values[~label], weight[label], weight[~label])
    assert found == pytest.approx(max(auc, 1 - auc), abs=1e-6)


def _warned(
    caplog: pytest.LogCaptureFixture,
    label: NDArray[np.uint8],
    weight: NDArray[np.float32] | None = None,
    **features: NDArray[Any],
) -> list[tuple[str, int]]:
    df = pd.DataFrame({name: values.astype(np.float32) for name, values in features.items()})
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        warn_of_leaks(df, {name: name for name in features}, label, weight, TASKS)
    found = re.findall(
        r"'(\w+)' ranks task (\d) \(\w\) with an AUC of (?:0\.999|1\.0)", caplog.text
    )
    assert len(caplog.records) <= 1
    return [(name, int(task)) for name, task in found]


def _labels(rate: float, n_rows: int = N_ROWS) -> NDArray[np.uint8]:
    return (np.random.default_rng(0).random((n_rows, 2)) < rate).astype(np.uint8)


@pytest.mark.parametrize("rate", [0.001, 0.3, 0.99])
def test_equal_nearly_equal_and_opposite(caplog: pytest.LogCaptureFixture, rate: float) -> None:
    label = _labels(rate)
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, N_ROWS)
    features: dict[str, Any] = {
        "same": label[:, 0],
        "opposite": 5 - label[:, 1],
        # Two normal distributions 5 standard deviations apart: AUC .9998; 4 apart: .9977.
        "nearly": noise + 5 * label[:, 0],
        "good": noise + 4 * label[:, 1],
        "noise": noise,
        "constant": np.zeros(N_ROWS),
    }
    with_all = _warned(caplog, label, **features)
    assert set(with_all) == {("same", 0), ("opposite", 1), ("nearly", 0)}


def test_rows_without_weight_do_not_count(caplog: pytest.LogCaptureFixture) -> None:
    label = _labels(0.2)
    noise = np.random.default_rng(1).normal(size=N_ROWS)
    weight = np.ones(label.shape, dtype=np.float32)
    weight[::2, 0] = 0
    even = np.arange(N_ROWS) % 2 == 0
    tells_only_the_known = np.where(even, noise, label[:, 0])
    tells_only_the_unknown = np.where(even, label[:, 0], noise)
    features: dict[str, Any] = {"known": tells_only_the_known, "unknown": tells_only_the_unknown}
    assert _warned(caplog, label, weight, **features) == [("known", 0)]
    assert _warned(caplog, label, None, **features) == []
    weight[::2, 0] = 1e-7
    assert _warned(caplog, label, weight, **features) == [("known", 0)]


def test_few_rows_of_a_class_prove_nothing(caplog: pytest.LogCaptureFixture) -> None:
    label = np.zeros((100, 2), dtype=np.uint8)
    label[:4, 0] = 1
    label[:, 1] = 1
    assert _warned(caplog, label, first=label[:, 0], other=np.arange(100)) == []
