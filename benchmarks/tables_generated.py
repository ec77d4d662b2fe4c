"""Generated tables with known structure: how the tasks relate is what sets them apart.

Every table has Gaussian features, some have columns of codes; a task's log-odds are a random
function of some of them, scaled to a standard deviation of `_SIGNAL`, plus the intercept that makes
the wanted share positive.
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


def _codes(
    rng: np.random.Generator, n_rows: int, levels: list[int], n_tasks: int, common: float
) -> tuple[pd.DataFrame, list[Floats]]:
    """Columns of codes, some frequent and some rare, and each task's sum of their effects.

    `common` is the share of the variance of a code's effect that all tasks have in common.
    """
    columns: dict[str, object] = {}
    sums = np.zeros((n_tasks, n_rows))
    for number, n_levels in enumerate(levels):
        shares = rng.dirichlet(np.full(n_levels, 0.7))
        code = rng.choice(n_levels, n_rows, p=shares)
        shared = rng.normal(size=n_levels)
        effects = [_mixed(shared, rng.normal(size=n_levels), common) for _ in range(n_tasks)]
        sums += np.array(effects)[:, code] * rng.uniform(0.3, 1.0)
        columns[f"code_{number}"] = [f"{number}-{each:03d}" for each in code]
    scaled = (sums - sums.mean(axis=1, keepdims=True)) / sums.std(axis=1, keepdims=True)
    return pd.DataFrame(columns), list(scaled)


def _coded_table(
    rng: np.random.Generator, levels: list[int], shares: list[float], common: float
) -> tuple[pd.DataFrame, list[str]]:
    """Codes whose effects differ by task, and a few numbers that matter, too."""
    x = rng.normal(size=(_ROWS, 6))
    codes, effects = _codes(rng, _ROWS, levels, len(shares), common)
    shared = _function(rng, x, 4)
    logits = [_mixed(_mixed(shared, _function(rng, x, 4), 0.5), effect, 0.4) for effect in effects]
    numbers, tasks = _table(rng, x, logits, shares)
    return pd.concat([codes, numbers], axis=1), tasks


def own_codes(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Ten columns of codes that mean something else to each of five tasks."""
    return _coded_table(rng, [8, 12, 20, 30, 40] * 2, [0.2, 0.2, 0.1, 0.1, 0.05], 0.0)


def mixed_codes(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Thirty columns of codes; half of what they mean is common to the five tasks."""
    return _coded_table(rng, [5, 10, 25] * 10, [0.2, 0.1, 0.1, 0.05, 0.05], 0.5)


def many_codes(rng: np.random.Generator) -> tuple[pd.DataFrame, list[str]]:
    """Six columns of up to 400 codes, four tasks that have little in common."""
    return _coded_table(rng, [50, 100, 200, 400, 20, 20], [0.3, 0.2, 0.1, 0.1], 0.2)


GENERATED: dict[str, Callable[[np.random.Generator], tuple[pd.DataFrame, list[str]]]] = {
    "agreeing": agreeing,
    "opposing": opposing,
    "unrelated": unrelated,
    "rare": rare,
    "unequal": unequal,
    "many": many,
    "own codes": own_codes,
    "mixed codes": mixed_codes,
    "many codes": many_codes,
}
