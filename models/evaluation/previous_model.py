"""One task's probabilities against an earlier model's scores, on the same rows.

Both models are judged on the rows that have a known label, a weight and a score of the earlier
model. The scores only rank: they may be on any scale. The intervals are those of the *difference*,
and paired, as both models see the same rows: difference +- 1.96 standard errors, from each row's
influence on it (the infinitesimal jackknife: Efron, "Nonparametric estimates of standard error",
Biometrika 68 (1981); for the AUC this is DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988)). It
costs two sorts, and for a resampling of pairs the counts by probability would not do.

At equal alerts both models raise the same weight of alerts. Rows that are tied at the border count
in proportion, as if the ties were broken at random and independently.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.alert_budgets import BUDGETS
from models.sums import dot

Floats = NDArray[np.float64]

FEWEST_ALERTS = 10
"""Rows below which a recall at equal alerts has no interval: it is then a matter of single rows."""

_Z = 1.959963984540054
_WINDOW = 1.25
"""The precision at a border is that between this part and this multiple of the alerts."""


@dataclass(frozen=True)
class Ranking:
    """Rows of one task as one model ranks them.

    Attributes:
        score: (n,), high for likely positives.
        positive: (n,) float64, 0 or 1.
        weight: (n,) float64, above 0.
    """

    score: Floats
    positive: Floats
    weight: Floats

    @cached_property
    def _group(self) -> NDArray[np.intp]:
        """(n,) number of each row's group of equal score, from the highest on."""
        _, ascending = np.unique(self.score, return_inverse=True)
        return np.asarray(ascending.max() - ascending)

    @cached_property
    def _positives(self) -> Floats:
        return np.bincount(self._group, self.weight * self.positive).astype(np.float64)

    @cached_property
    def _negatives(self) -> Floats:
        return np.bincount(self._group, self.weight * (1 - self.positive)).astype(np.float64)

    @cached_property
    def _alerts(self) -> Floats:
        return np.cumsum(self._positives + self._negatives)

    def auc(self) -> tuple[float, Floats]:
        """Area under the ROC curve, and the influence of each row on it."""
        positives, negatives = self._positives, self._negatives
        below = (negatives.sum() - np.cumsum(negatives) + negatives / 2) / negatives.sum()
        above = (np.cumsum(positives) - positives / 2) / positives.sum()
        auc = float(dot(positives, below) / positives.sum())
        of_positive = (below[self._group] - auc) / positives.sum()
        of_negative = (above[self._group] - auc) / negatives.sum()
        return auc, self.weight * np.where(self.positive == 1, of_positive, of_negative)

    def average_precision(self) -> tuple[float, Floats]:
        """Average precision, and the influence of each row on it.

        More weight on a row changes the precision at its own score and at all lower ones.
        """
        total, caught = self._positives.sum(), np.cumsum(self._positives)
        precision = caught / self._alerts
        average = float(dot(self._positives, precision) / total)
        per_alert = self._positives / total / self._alerts
        of_positive, of_any = (
            np.cumsum(values[::-1])[::-1] for values in (per_alert, per_alert * precision)
        )
        group, positive = self._group, self.positive
        own = positive * (precision[group] - average) / total
        return average, self.weight * (own + positive * of_positive[group] - of_any[group])

    def recall_in_top(self, share: float) -> tuple[float, Floats, Floats]:
        """Recall among the highest scores, the rows' influence on it, and their membership.

        Args:
            share: Of all weight, in (0, 1).
        """
        membership = self.membership(share)
        weighted = self.weight * self.positive
        total = weighted.sum()
        recall = float(dot(weighted, membership) / total)
        # Weight that enters the top pushes as much out at the border, where this share is positive.
        border = share * self._alerts[-1]
        ends = np.array([border / _WINDOW, min(border * _WINDOW, self._alerts[-1])])
        caught = np.interp(
            ends, np.append(0.0, self._alerts), np.append(0.0, np.cumsum(self._positives))
        )
        precision = (caught[1] - caught[0]) / (ends[1] - ends[0])
        moved = self.positive * (membership - recall) - precision * (membership - share)
        return recall, self.weight * moved / total, membership

    def membership(self, share: float) -> Floats:
        """(n,) in [0, 1]: how much of each row is among the highest scores."""
        border = share * self._alerts[-1]
        before = np.append(0.0, self._alerts[:-1])
        part = np.clip((border - before) / (self._alerts - before), 0.0, 1.0)
        return np.asarray(part[self._group])


def compare_with_previous(
    y_true: ArrayLike,
    prob: ArrayLike,
    previous: ArrayLike,
    weight: ArrayLike | None = None,
    amount: ArrayLike | None = None,
) -> tuple[dict[str, Any] | str, list[dict[str, Any]] | str]:
    """Compare both models on the rows that both can be judged on.

    Args:
        y_true: (n,) labels: 0, 1, or NaN where unknown.
        prob: (n,) probabilities of the model.
        previous: (n,) scores of the earlier model; NaN where it has none.
        weight: (n,) weights >= 0; None: all 1.
        amount: (n,) money at stake; None: not counted.

    Returns:
        The values of `previous` and `swap_set` in the metrics, or the reason why there are none.
    """
    labels, scores = np.asarray(y_true), np.asarray(previous, dtype=np.float64)
    weights = np.ones(labels.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    kept = ~np.isnan(scores) & ((labels == 0) | (labels == 1)) & (weights > 0)
    positive = (labels[kept] == 1).astype(np.float64)
    if positive.min(initial=1.0) == positive.max(initial=0.0) or not positive.size:
        reason = "needs both classes among the rows with a score of the earlier model"
        return reason, reason
    new = Ranking(np.asarray(prob, dtype=np.float64)[kept], positive, weights[kept])
    old = Ranking(scores[kept], positive, weights[kept])
    metrics = [
        ("auc_roc", new.auc(), old.auc()),
        ("average_precision", new.average_precision(), old.average_precision()),
    ]
    money = None if amount is None else np.asarray(amount, dtype=np.float64)[kept]
    budgets, swaps = [], []
    for share in BUDGETS:
        recall, influence, caught = new.recall_in_top(share)
        recall_before, influence_before, caught_before = old.recall_in_top(share)
        figures = _paired((recall, influence), (recall_before, influence_before))
        if share * positive.size < FEWEST_ALERTS:
            figures["interval"] = None
        budgets.append({"share": share, **figures})
        swaps.append({"share": share, **_swap_set(new, caught, caught_before, money)})
    comparison = {
        "n_rows": int(positive.size),
        "n_positives": int(positive.sum()),
        **{name: _paired(after, before) for name, after, before in metrics},
        "recall_at_equal_alerts": budgets,
    }
    return comparison, swaps


def _paired(new: tuple[float, Floats], old: tuple[float, Floats]) -> dict[str, Any]:
    difference = new[0] - old[0]
    reach = _Z * float(np.sqrt(((new[1] - old[1]) ** 2).sum()))
    return {
        "model": new[0],
        "previous": old[0],
        "difference": difference,
        "interval": [difference - reach, difference + reach],
    }


def _swap_set(
    rows: Ranking, caught: Floats, caught_before: Floats, money: Floats | None
) -> dict[str, dict[str, float]]:
    """Weight of the alerts, of their positives and money: of both models, and of one alone."""
    parts = {
        "both": caught * caught_before,
        "only_model": caught * (1 - caught_before),
        "only_previous": caught_before * (1 - caught),
    }
    figures = {}
    for name, part in parts.items():
        weight = part * rows.weight
        figures[name] = {"alerts": float(weight.sum()), "positives": dot(weight, rows.positive)}
        if money is not None:
            figures[name]["money"] = dot(weight * rows.positive, money)
    return figures
