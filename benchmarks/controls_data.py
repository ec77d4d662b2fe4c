"""Loan applications with a known truth, for what constraints and base rates are worth."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.tables import Table

TASKS = ["default", "late", "write_off"]
DIRECTIONS = {"income": -1, "debt": 1, "utilization": 1, "arrears": 1, "age": -1}
N_NOISE = 5


def applications(n_rows: int, seed: int, *, u_shaped: bool = False, drift: float = 0.0) -> Table:
    """Applications whose risk falls with income and age, and rises with the other three.

    Args:
        n_rows: Number of rows.
        seed: Seed of the rows; the truth is always the same.
        u_shaped: The task `late` is likelier for young and for old people: the direction that
            `DIRECTIONS` has for `age` is wrong for it.
        drift: By how much the weight of `arrears` has grown since, and that of `debt` fallen.
    """
    rng = np.random.default_rng(seed)
    columns = {
        "income": np.exp(rng.normal(10.3, 0.5, n_rows)),
        "debt": rng.gamma(2.0, 0.2, n_rows),
        "utilization": rng.beta(1.2, 2.0, n_rows),
        "arrears": rng.poisson(0.6, n_rows).astype(float),
        "age": rng.uniform(20, 75, n_rows),
    }
    income = (np.log(columns["income"]) - 10.3) / 0.5
    age = (columns["age"] - 47) / 16
    # Steps and saturation: monotone, but not straight.
    debt = np.tanh(2 * columns["debt"] - 0.8)
    arrears = np.minimum(columns["arrears"], 3)
    shared = (
        -0.7 * income
        + (1.0 - drift) * debt
        + (0.5 + drift) * arrears
        + 1.5 * np.maximum(columns["utilization"] - 0.6, 0) * (1 + arrears)
    )
    log_odds = np.column_stack(
        [
            shared - 0.4 * age - 3.0,
            0.8 * shared + (0.6 * age**2 if u_shaped else -0.5 * age) - 2.6,
            1.1 * shared - 0.3 * age + 0.5 * debt - 4.4,
        ]
    )
    for index in range(N_NOISE):
        columns[f"noise_{index}"] = rng.normal(size=n_rows)
    labels = _drawn(log_odds, rng)
    named = {task: labels[:, index] for index, task in enumerate(TASKS)}
    return Table("applications", pd.DataFrame(columns | named), TASKS, resampled=False)


def _drawn(log_odds: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    return np.asarray(rng.random(log_odds.shape) < expit(log_odds), dtype=np.int64)


def splits_of(
    n_train: int, seed: int, *, u_shaped: bool = False, drift: float = 0.0
) -> tuple[Table, dict[str, pd.DataFrame]]:
    """A table and its splits: `n_train` rows each, and four times as many for the test."""
    sizes = {"train": n_train, "val": n_train, "test": 4 * n_train}
    table = applications(sum(sizes.values()), seed, u_shaped=u_shaped, drift=drift)
    bounds = np.cumsum(list(sizes.values()))[:-1]
    parts = np.split(np.arange(len(table.rows)), bounds)
    return table, {
        name: table.rows.iloc[part].reset_index(drop=True)
        for name, part in zip(sizes, parts, strict=True)
    }
