"""The figures of one task beside its scores: what the report shows and explains.

A figure without a value is the text of the reason.
"""

from typing import Any

from models.evaluation import calibration
from models.evaluation.alert_budgets import (
    alert_budgets,
    gain_by_decile,
    money_at_false_positive_rates,
)
from models.evaluation.intervals import FEWEST_ROWS, metric_intervals
from models.evaluation.score_counts import ScoreCounts
from models.evaluation.shown_curves import precision_recall_curve, roc_curve, score_distribution

_KEYS = (
    "intervals",
    "alert_budgets",
    "calibration_slope",
    "calibration_intercept",
    "reliability",
    "score_distribution",
    "gain_by_decile",
    "roc_curve",
    "precision_recall_curve",
)
_MONEY_KEYS = ("money_caught", "money_recall")


def task_figures(counts: ScoreCounts) -> dict[str, Any]:
    """All figures of a task, with or without money; all are a reason if a class is lacking."""
    keys = _KEYS if counts.money is None else _KEYS + _MONEY_KEYS
    if not counts.n_rows:
        return dict.fromkeys(keys, "no row with a known label in this split")
    if not counts.has_both_classes:
        return dict.fromkeys(keys, "only one class in this split")
    slope, intercept = calibration.calibration_fit(counts)
    figures: dict[str, Any] = {
        "intervals": _intervals(counts),
        "alert_budgets": alert_budgets(counts),
        "calibration_slope": "the probabilities do not overlap between the classes, or are all one"
        if slope is None
        else slope,
        "calibration_intercept": intercept,
        "reliability": calibration.reliability(counts),
        "score_distribution": score_distribution(counts),
        "gain_by_decile": gain_by_decile(counts),
        "roc_curve": roc_curve(counts),
        "precision_recall_curve": precision_recall_curve(counts),
    }
    if counts.money is not None:
        figures |= dict(zip(_MONEY_KEYS, money_at_false_positive_rates(counts), strict=True))
    return figures


def _intervals(counts: ScoreCounts) -> dict[str, list[float]] | str:
    if min(counts.n_positives, counts.n_rows - counts.n_positives) < FEWEST_ROWS:
        return f"fewer than {FEWEST_ROWS} positive or negative rows"
    return metric_intervals(counts)
