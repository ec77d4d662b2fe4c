"""Generated tables with known structure: how the tasks relate is what sets them apart.

Every table has Gaussian features; a task's log-odds are a random function of some of them, scaled
to a standard deviation of `_SIGNAL`, plus the intercept that makes the wanted share positive.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

_FEATURES = 20
_ROWS = 6000
_SIGNAL = 2.5

Floats = NDArray[np.float64]


def _function(rng: np.random.Generator, x: Floats, n_used: int = 6) -> Floats:
    """A random smooth function with interactions of `n_used` features, standardized, (n,)."""
    used = x[:, rng.choice(x.shape[1], n_used, replace=False)]
    linear = used @ rng.normal(size=n_used)
    waves = np.sin(used @ rng.normal(size=(n_used, 3)) + rng.uniform(0, 6, 3)).sum(axis=1)
    steps = ((used[:, 0] > 0.3) & (used[:, 1] < 0.5)).astype(float)
    value = linear / linear.std() + waves / waves.std() + steps / steps.std()
    return np.asarray((value - value.mean()) / value.std())


def _table(
    rng: np.random.Generator, x: Floats, logits: list[Floats], shares: list[float]
) -> tuple[pd.DataFrame, list[str]]:
    """Draws the labels; returns features and labels, and the names of the tasks."""
    columns = {f"x{i}": x[:, i] for i in range(x.shape[1])}
    tasks = {}
    for i, (logit, share) in enumerate(zip(logits, shares, strict=True)):
        scaled = _SIGNAL * logit
        intercept = brentq(lambda b, s=scaled, p=share: expit(s + b).mean() - p, -40, 40)
        tasks[f"task_{i}"] = (rng.random(len(x)) < expit(scaled + intercept)).astype(int)
    return pd.DataFrame(columns | tasks), list(tasks)


def _mixed(shared: Floats, own: Floats, share_of_shared: float) -> Floats:
    mixed: Floats = np.sqrt(share_of_shared) * shared + np.sqrt(1 - share_of_shared) * own
    return mixed


def agreeing(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Five tasks; 80 % of the variance of their log-odds is common."""
    x = rng.normal(size=(_ROWS, _FEATURES))
    shared = _function(rng, x)
    logits = [_mixed(shared, _function(rng, x), 0.8) for _ in range(5)]
    return _table(rng, x, logits, [0.2, 0.1, 0.1, 0.05, 0.05])


def opposing(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Four tasks; two have the log-odds of the others with the sign turned."""
    x = rng.normal(size=(_ROWS, _FEATURES))
    shared = _function(rng, x)
    logits = [_mixed(sign * shared, _function(rng, x), 0.9) for sign in (1, -1, 1, -1)]
    return _table(rng, x, logits, [0.3, 0.3, 0.1, 0.1])


def unrelated(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Four tasks, each with five features of its own."""
    x = rng.normal(size=(_ROWS, _FEATURES))
    logits = [_function(rng, x[:, 5 * i : 5 * i + 5], n_used=5) for i in range(4)]
    return _table(rng, x, logits, [0.3, 0.3, 0.1, 0.1])


def rare(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """A main task and three rare ones like it: about 30 positive training rows each."""
    x = rng.normal(size=(_ROWS, _FEATURES))
    shared = _function(rng, x)
    logits = [shared, *(_mixed(shared, _function(rng, x), 0.6) for _ in range(3))]
    return _table(rng, x, logits, [0.15, *[50 / _ROWS] * 3])


def unequal(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Tasks that need many trees (large, intricate) beside tasks that need few (rare, simple)."""
    x = rng.normal(size=(_ROWS, _FEATURES))
    intricate = [_mixed(_function(rng, x, 10), _function(rng, x, 10), 0.5) for _ in range(2)]
    simple = [x[:, 0], x[:, 1]]
    return _table(rng, x, [*intricate, *simple], [0.4, 0.3, 60 / _ROWS, 60 / _ROWS])


def many(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Twelve tasks made of three common functions, few rows, many useless features."""
    x = rng.normal(size=(2000, 40))
    common = np.stack([_function(rng, x) for _ in range(3)], axis=1)
    mixes = rng.normal(size=(3, 12))
    mixes /= np.linalg.norm(mixes, axis=0)
    logits = [common @ mixes[:, i] / 1.5 for i in range(12)]
    return _table(rng, x, logits, list(np.linspace(0.45, 0.05, 12)))


GENERATED: dict[str, Callable[[np.random.Generator], tuple[pd.DataFrame, list[str]]]] = {
    "agreeing": agreeing,
    "opposing": opposing,
    "unrelated": unrelated,
    "rare": rare,
    "unequal": unequal,
    "many": many,
}
