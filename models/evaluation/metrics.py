"""The metrics of every task of a split, as they stand in `metrics.json`."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.evaluation import calibration, ranking_metrics
from models.evaluation.previous_model import compare_with_previous
from models.evaluation.score_counts import ScoreCounts, count_tasks
from models.evaluation.task_figures import task_figures

logger = logging.getLogger(__name__)

ONE_CLASS_SCORES = {"auc_roc": 0.5, "average_precision": 0.5, "f1_score": 0.0}
"""Stand in for the scores of a task with one class; they are no part of the aggregate."""

_NO_LABEL = "no row with a known label in this split"

_RANKING_KEYS = (
    "recall_at_1pct_fpr",
    "recall_at_5pct_fpr",
    "precision_top_1pct",
    "precision_top_5pct",
)
_CALIBRATION_KEYS = (
    "log_loss",
    "brier_score",
    "base_rate",
    "mean_probability",
    "expected_calibration_error",
)


def task_key(index: int, task: str) -> str:
    """Return the key of a task in the metrics."""
    return f"task_{index}_{task}"


def compute_multitask_metrics(
    y_true_tasks: Mapping[int, ArrayLike],
    y_pred_tasks: ArrayLike,
    task_columns: Sequence[str],
    *,
    thresholds: Mapping[int, float | None] | None = None,
    sample_weights: Mapping[int, ArrayLike] | None = None,
    amount: ArrayLike | None = None,
    previous_scores: Mapping[int, ArrayLike] | None = None,
) -> dict[str, dict[str, Any]]:
    """Compute the metrics of each task and their mean and median over the tasks.

    A task whose split holds one class only has `"defined": false`, the default scores
    `ONE_CLASS_SCORES`, a warning in the log and no part in the aggregate; so has a task without any
    known label, but its scores are None. A figure that has no value is None, and `"undefined"`,
    present only then, maps its key to the reason.

    Args:
        y_true_tasks: task index -> (n,) labels: 0, 1, or NaN where the label is unknown. Rows with
            an unknown label are left out of that task's figures.
        y_pred_tasks: (n, K) probabilities.
        task_columns: K task names, in the order of the indices.
        thresholds: task index -> the F1-optimal threshold that another split has chosen
            (`chosen_thresholds`), None where it could not. By default this split chooses.
        sample_weights: task index -> (n,) weights >= 0 of all figures but the numbers of rows;
            rows of weight 0 are left out. A task without an entry is not weighted.
        amount: (n,) money at stake in each row, >= 0; None: there are no figures in money.
        previous_scores: task index -> (n,) scores of an earlier model, NaN where it has none; a
            task without an entry is not compared.

    Returns:
        `{"task_<i>_<task>": {...}, ..., "aggregate": {...}}` of plain numbers, strings and None,
        which `json.dumps(..., allow_nan=False)` accepts.

    Raises:
        ValueError: shapes or task indices do not agree, a label is not 0, 1 or NaN, a probability
            is outside [0, 1] or a weight is negative or not finite.
    """
    if thresholds is not None and set(thresholds) != set(range(len(task_columns))):
        raise ValueError(
            f"thresholds must have the task indices 0 to {len(task_columns) - 1}, "
            f"got {list(thresholds)[:10]}"
        )
    metrics = {}
    for i, counts in enumerate(
        count_tasks(y_true_tasks, y_pred_tasks, task_columns, sample_weights, amount)
    ):
        if counts.has_both_classes:
            task_metrics = _both_classes(counts)
            if thresholds is None:
                threshold: float | None = ranking_metrics.best_f1_threshold(counts)
            else:
                threshold = thresholds[i]
        else:
            what = "Only one class present" if counts.n_rows else "No known label"
            logger.warning("%s in task %d (%s)", what, i, task_columns[i])
            task_metrics = _one_class(counts) if counts.n_rows else _no_label()
            threshold = None if thresholds is None else thresholds[i]
        task_metrics |= _at_best_threshold(counts, threshold)
        task_metrics |= {"n_rows": counts.n_rows, "n_positives": counts.n_positives}
        task_metrics |= task_figures(counts)
        if previous_scores is not None and i in previous_scores:
            task_metrics["previous"], task_metrics["swap_set"] = compare_with_previous(
                y_true_tasks[i],
                np.asarray(y_pred_tasks)[:, i],
                previous_scores[i],
                None if sample_weights is None else sample_weights.get(i),
                amount,
            )
        metrics[task_key(i, task_columns[i])] = _with_reasons(task_metrics)
    metrics["aggregate"] = _aggregate([m for m in metrics.values() if m["defined"]])
    return metrics


def chosen_thresholds(
    metrics: Mapping[str, Mapping[str, Any]], task_columns: Sequence[str]
) -> dict[int, float | None]:
    """Return the F1-optimal thresholds in a split's metrics, to be applied to another split."""
    return {
        i: metrics[task_key(i, task)]["best_f1_threshold"] for i, task in enumerate(task_columns)
    }


def summary(
    metrics: Mapping[str, Mapping[str, Any]], task_columns: Sequence[str], main_task: str
) -> dict[str, float]:
    """Return the few figures of a split that a tuner may aim at; nan where undefined."""
    main = metrics[task_key(list(task_columns).index(main_task), main_task)]
    loglosses = [metrics[task_key(i, task)]["log_loss"] for i, task in enumerate(task_columns)]
    known = [loss for loss in loglosses if loss is not None]
    mean_auc = metrics["aggregate"]["mean_auc_roc"]
    return {
        "main_auc": main["auc_roc"] if main["defined"] else math.nan,
        "mean_auc": math.nan if mean_auc is None else mean_auc,
        "mean_logloss": sum(known) / len(known) if known else math.nan,
    }


# A figure without a value is the text of the reason until `_with_reasons` takes it apart.


def _both_classes(counts: ScoreCounts) -> dict[str, Any]:
    return {
        "defined": True,
        "auc_roc": ranking_metrics.auc_roc(counts),
        "average_precision": ranking_metrics.average_precision(counts),
        "f1_score": ranking_metrics.f1_at(counts, 0.5),
        "recall_at_1pct_fpr": ranking_metrics.recall_at_fpr(counts, 0.01),
        "recall_at_5pct_fpr": ranking_metrics.recall_at_fpr(counts, 0.05),
        "precision_top_1pct": ranking_metrics.precision_in_top(counts, 0.01),
        "precision_top_5pct": ranking_metrics.precision_in_top(counts, 0.05),
        **_calibration(counts),
    }


def _one_class(counts: ScoreCounts) -> dict[str, Any]:
    return {
        "defined": False,
        **ONE_CLASS_SCORES,
        **dict.fromkeys(_RANKING_KEYS, "only one class in this split"),
        **_calibration(counts),
    }


def _no_label() -> dict[str, Any]:
    keys = (*ONE_CLASS_SCORES, *_RANKING_KEYS, *_CALIBRATION_KEYS)
    return {"defined": False, **dict.fromkeys(keys, _NO_LABEL)}


def _calibration(counts: ScoreCounts) -> dict[str, float | str]:
    log_loss = calibration.log_loss(counts)
    return {
        "log_loss": log_loss
        if math.isfinite(log_loss)
        else "infinite: a row has probability 0 for its own class",
        "brier_score": calibration.brier_score(counts),
        "base_rate": calibration.base_rate(counts),
        "mean_probability": calibration.mean_probability(counts),
        "expected_calibration_error": calibration.expected_calibration_error(counts),
    }


def _at_best_threshold(counts: ScoreCounts, threshold: float | None) -> dict[str, float | str]:
    if threshold is None:
        reason = "needs both classes in the split that chooses the threshold"
        return {"best_f1_threshold": reason, "f1_at_best_threshold": reason}
    if not counts.has_both_classes:
        reason = "needs both classes in this split"
        return {"best_f1_threshold": threshold, "f1_at_best_threshold": reason}
    return {
        "best_f1_threshold": threshold,
        "f1_at_best_threshold": ranking_metrics.f1_at(counts, threshold),
    }


def _with_reasons(figures: Mapping[str, Any]) -> dict[str, Any]:
    undefined = {key: value for key, value in figures.items() if isinstance(value, str)}
    values: dict[str, Any] = dict(figures) | dict.fromkeys(undefined)
    return values | {"undefined": undefined} if undefined else values


def _aggregate(defined: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    figures: dict[str, float | str] = {}
    for key in ONE_CLASS_SCORES:
        scores = [metrics[key] for metrics in defined]
        for name, average in (("mean", np.mean), ("median", np.median)):
            figures[f"{name}_{key}"] = (
                float(average(scores)) if scores else "no task has both classes in this split"
            )
    return {**_with_reasons(figures), "n_defined_tasks": len(defined)}
