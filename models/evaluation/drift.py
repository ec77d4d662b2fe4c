"""Drift between the training rows and another split: the population stability index (PSI).

    PSI = sum over bins of (share here - share in training) * ln(share here / share in training)

Rules of thumb call less than 0.1 stable, more than 0.25 a shift to look into (Siddiqi, "Credit risk
scorecards", 2006). Numbers are binned at the deciles of the training rows, and a value that at
least a twentieth of them share is a bin of its own; categories are bins of their own, the rarest
put together; missing values are a bin, and so are categories that training does not have. Every
share is smoothed by half a row per bin, so that an empty bin does not make the index infinite; by
chance alone it is then about (bins - 1) * (1 / rows here + 1 / rows in training).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAMPLE_ROWS = 50_000
"""Rows of a split that are looked at; more would not change the third decimal of an index."""

MOST_CATEGORIES = 20
_POINT_MASS = 0.05
_QUANTILES = np.arange(1, 10) / 10
_SEED = 7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """How the values of a column are counted.

    Attributes:
        edges: For numbers, (b,) ascending; a value belongs to the first edge that is >= it.
        categories: For categories, the texts that have a bin of their own.
        others: Texts that share one bin.
        labels: What each bin holds; the last is that of missing values, for categories after that
            of the other and of the new ones.
        shares: Share of the training rows in each bin, smoothed.
    """

    edges: NDArray[np.float32] | None
    categories: list[str]
    others: frozenset[str]
    labels: list[str]
    shares: Floats


def sampled_rows(n_rows: int, most: int = SAMPLE_ROWS) -> NDArray[np.intp]:
    """At most so many row numbers, ascending: one at random of each of as many equal stretches."""
    if n_rows <= most:
        return np.arange(n_rows)
    jitter = np.random.default_rng(_SEED).random(most)
    return ((np.arange(most) + jitter) * (n_rows / most)).astype(np.intp)


def fit_bins(values: pd.Series, weight: NDArray[np.floating] | None) -> Bins:
    """Bins and shares of a column of the training rows.

    Args:
        values: (n,) numbers with NaN where missing, or a Categorical of text.
        weight: (n,) weights >= 0; None: all 1.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _fit_categories(values, weight)
    numbers = values.to_numpy()
    present = np.sort(numbers[~np.isnan(numbers)])
    edges = _edges(present)
    labels = [*_interval_labels(edges), "missing"]
    unfitted = Bins(edges, [], frozenset(), labels, np.empty(0))
    return _with_shares(unfitted, values, weight)


def bin_shares(bins: Bins, values: pd.Series, weight: NDArray[np.floating] | None) -> Floats:
    """Smoothed share of each bin in other rows of the same column."""
    codes = _codes(bins, values)
    n_bins = len(bins.labels)
    counts = np.bincount(codes, None if weight is None else weight, n_bins).astype(np.float64)
    mean_weight = 1.0 if weight is None or not len(weight) else float(weight.mean(dtype=np.float64))
    smoothed = counts + 0.5 * (mean_weight or 1.0)
    return np.asarray(smoothed / smoothed.sum())


def stability_index(training: Floats, here: Floats) -> float:
    """The population stability index of two distributions over the same bins, all above 0."""
    return float(((here - training) * np.log(here / training)).sum())


def column_drift(
    bins: Bins, values: pd.Series, weight: NDArray[np.floating] | None
) -> dict[str, Any]:
    """`psi`, and per bin its label (`bins`) and its shares in `training` and in these rows, `here`.

    The shares are smoothed, and rounded to six decimals, from which the index can be had again.
    """
    here = bin_shares(bins, values, weight)
    return {
        "psi": stability_index(bins.shares, here),
        "bins": bins.labels,
        "training": [round(share, 6) for share in bins.shares.tolist()],
        "here": [round(share, 6) for share in here.tolist()],
    }


def table_drift(
    bins_of_column: Mapping[str, Bins], df: pd.DataFrame, weight_name: str | None
) -> dict[str, dict[str, Any]]:
    """Drift of every column that bins were fitted for, on a sample of the rows."""
    rows = sampled_rows(len(df))
    weight = sampled_weight(df, weight_name, rows)
    return {
        name: column_drift(bins, df[name].iloc[rows], weight)
        for name, bins in bins_of_column.items()
    }


def fit_table(df: pd.DataFrame, columns: Sequence[str], weight_name: str | None) -> dict[str, Bins]:
    """Bins of the columns of the training rows, from a sample of them."""
    rows = sampled_rows(len(df))
    weight = sampled_weight(df, weight_name, rows)
    return {name: fit_bins(df[name].iloc[rows], weight) for name in columns}


def sampled_weight(
    df: pd.DataFrame, weight_name: str | None, rows: NDArray[np.intp]
) -> NDArray[np.floating] | None:
    """Weights of the sampled rows; None where there are none, or nothing weighs anything."""
    if weight_name is None or weight_name not in df:
        return None
    weight: NDArray[np.floating] = df[weight_name].to_numpy()[rows]
    return weight if weight.any() else None


def _edges(present: NDArray[np.float32]) -> NDArray[np.float32]:
    if not present.size:
        return np.empty(0, dtype=np.float32)
    deciles = present[(_QUANTILES * (present.size - 1)).astype(np.intp)]
    distinct = np.unique(deciles)
    starts, ends = (np.searchsorted(present, distinct, side=side) for side in ("left", "right"))
    mass = distinct[(ends - starts) >= _POINT_MASS * present.size]
    # The largest float below it ends the bin before a value that is a bin of its own.
    edges = np.union1d(distinct, np.nextafter(mass, np.float32(-np.inf), dtype=np.float32))
    return np.asarray(edges[edges >= present[0]], dtype=np.float32)


def _interval_labels(edges: NDArray[np.float32]) -> list[str]:
    if not edges.size:
        return ["any number"]
    ends_before = np.append(edges[:-1] == np.nextafter(edges[1:], np.float32(-np.inf)), [False])
    shown = [f"{edges[i + 1] if before else edges[i]:.6g}" for i, before in enumerate(ends_before)]
    labels = [f"< {shown[0]}" if ends_before[0] else f"≤ {shown[0]}"]
    for i in range(1, len(edges)):
        if ends_before[i - 1]:
            labels.append(f"= {shown[i]}")
        else:
            labels.append(f"{shown[i - 1]} to {'< ' if ends_before[i] else ''}{shown[i]}")
    return [*labels, f"> {shown[-1]}"]


def _fit_categories(values: pd.Series, weight: NDArray[np.floating] | None) -> Bins:
    codes = values.cat.codes.to_numpy()
    texts = [str(text) for text in values.cat.categories]
    counts = np.bincount(codes + np.intp(1), weight, len(texts) + 1)[1:]
    by_share = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code] > 0]
    categories = [texts[code] for code in by_share[:MOST_CATEGORIES]]
    others = frozenset(texts[code] for code in by_share[MOST_CATEGORIES:])
    labels = [*categories, "other categories", "not in training", "missing"]
    return _with_shares(Bins(None, categories, others, labels, np.empty(0)), values, weight)


def _with_shares(unfitted: Bins, values: pd.Series, weight: NDArray[np.floating] | None) -> Bins:
    shares = bin_shares(unfitted, values, weight)
    return Bins(unfitted.edges, unfitted.categories, unfitted.others, unfitted.labels, shares)


def _codes(bins: Bins, values: pd.Series) -> NDArray[np.intp]:
    n_bins = len(bins.labels)
    if bins.edges is not None:
        numbers = values.to_numpy()
        # A missing value is sorted behind all edges, as is a large one.
        codes = np.searchsorted(bins.edges, numbers)
        return np.where(np.isnan(numbers), n_bins - 1, codes)
    own = {text: code for code, text in enumerate(bins.categories)}
    other, unseen = n_bins - 3, n_bins - 2
    lookup = [
        own.get(str(text), other if str(text) in bins.others else unseen)
        for text in values.cat.categories
    ]
    # The missing code is -1, which picks the last entry.
    return np.array([*lookup, n_bins - 1], dtype=np.intp)[values.cat.codes.to_numpy()]
