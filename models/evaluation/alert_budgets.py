"""What one task's highest probabilities catch: alerts, positives and money.

An alert budget is a share of all weight (of all rows, without weights). Where its border runs
through rows of equal probability, they count in proportion: the mean over all orders of them.
"""

from typing import Any

import numpy as np

from models.evaluation.score_counts import Floats, ScoreCounts

BUDGETS = (0.001, 0.005, 0.01, 0.05)
FALSE_POSITIVE_RATES = {"at_1pct_fpr": 0.01, "at_5pct_fpr": 0.05}
DECILES = np.arange(1, 11) / 10


def alert_budgets(counts: ScoreCounts) -> list[dict[str, Any]]:
    """Figures of each budget of `BUDGETS`.

    Args:
        counts: Both classes.

    Returns:
        Per budget `share`, `alerts` (weight), `threshold` (the lowest probability in the budget),
        `precision`, `recall`, and with amounts `money_caught` and `money_recall` (None where there
        is no money at stake). `precision` is None for a budget of less than one row.
    """
    alerts = np.array(BUDGETS) * _total(counts)
    caught = _in_the_top(counts, counts.positives, alerts)
    money = None if counts.money is None else _in_the_top(counts, counts.money, alerts)
    predicted = counts.true_positives + counts.false_positives
    border = np.minimum(np.searchsorted(predicted, alerts), predicted.size - 1)
    figures = []
    for i, share in enumerate(BUDGETS):
        budget: dict[str, Any] = {
            "share": share,
            "alerts": float(alerts[i]),
            "threshold": float(counts.threshold[border[i]]),
            "precision": float(caught[i] / alerts[i]) if share * counts.n_rows >= 1 else None,
            "recall": float(caught[i] / counts.total_positives),
        }
        if money is not None:
            budget["money_caught"] = float(money[i])
            budget["money_recall"] = _share_of_money(counts, float(money[i]))
        figures.append(budget)
    return figures


def money_at_false_positive_rates(
    counts: ScoreCounts,
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Money above the lowest threshold that keeps to a false positive rate, and its share.

    Args:
        counts: Both classes, with money.

    Returns:
        `money_caught` and `money_recall`, each by the keys of `FALSE_POSITIVE_RATES`, the former
        also with `total`, all the money of the positive rows.
    """
    sums = np.append(0.0, np.cumsum(_money(counts)))
    fpr = counts.false_positives / counts.total_negatives
    caught = {
        name: float(sums[np.searchsorted(fpr, limit, side="right")])
        for name, limit in FALSE_POSITIVE_RATES.items()
    }
    shares = {name: _share_of_money(counts, money) for name, money in caught.items()}
    return caught | {"total": float(sums[-1])}, shares


def gain_by_decile(counts: ScoreCounts) -> list[dict[str, float]]:
    """What each tenth of the weight holds, the highest probabilities first.

    Args:
        counts: Both classes.

    Returns:
        Ten times `positive_rate`, `lift` (that, relative to the base rate), `share_of_positives`
        and `cumulative_share`, the recall of this tenth and those above.
    """
    total = _total(counts)
    caught = _in_the_top(counts, counts.positives, DECILES * total)
    # Sums of floats: the last tenth ends with exactly all positives.
    caught[-1] = counts.total_positives
    inside = np.diff(caught, prepend=0.0)
    rate = counts.total_positives / total
    return [
        {
            "positive_rate": float(positives / (total / 10)),
            "lift": float(positives / (total / 10) / rate),
            "share_of_positives": float(positives / counts.total_positives),
            "cumulative_share": float(so_far / counts.total_positives),
        }
        for positives, so_far in zip(inside, caught, strict=True)
    ]


def _in_the_top(counts: ScoreCounts, values: Floats, alerts: Floats) -> Floats:
    """Sum of a value over the highest probabilities, for each weight of alerts."""
    predicted = counts.true_positives + counts.false_positives
    sums = np.append(0.0, np.cumsum(values))
    return np.asarray(np.interp(alerts, np.append(0.0, predicted), sums), dtype=np.float64)


def _money(counts: ScoreCounts) -> Floats:
    if counts.money is None:
        raise ValueError("these counts were made without amounts")
    return counts.money


def _share_of_money(counts: ScoreCounts, caught: float) -> float | None:
    total = float(_money(counts).sum())
    return caught / total if total > 0 else None


def _total(counts: ScoreCounts) -> float:
    return counts.total_positives + counts.total_negatives
