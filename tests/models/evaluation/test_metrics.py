"""The metrics of a split as they stand in metrics.json."""

import json
import logging
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score, roc_curve

from models.evaluation.metrics import chosen_thresholds, compute_multitask_metrics

Split = tuple[dict[int, Any], NDArray[np.float64]]

TASKS = ["isFraud", 'a "b", [c]', "third"]


@pytest.fixture
def split() -> Split:
    rng = np.random.default_rng(0)
    probs = rng.beta(1, 3, (1000, 3))
    return {i: (rng.random(1000) < probs[:, i]).astype(np.uint8) for i in range(3)}, probs


def test_figures_of_every_task_are_plain_numbers_under_its_key(split: Split) -> None:
    y_true, y_prob = split
    metrics = compute_multitask_metrics(y_true, y_prob, TASKS)
    assert list(metrics) == [
        "task_0_isFraud",
        'task_1_a "b", [c]',
        "task_2_third",
        "aggregate",
    ]
    for i, task in enumerate(TASKS):
        figures = metrics[f"task_{i}_{task}"]
        assert figures["defined"] is True
        assert "undefined" not in figures
        assert {key for key, value in figures.items() if value is None} == set()
        assert figures["auc_roc"] == pytest.approx(roc_auc_score(y_true[i], y_prob[:, i]))
        assert figures["average_precision"] == pytest.approx(
            average_precision_score(y_true[i], y_prob[:, i])
        )
        assert figures["f1_score"] == pytest.approx(f1_score(y_true[i], y_prob[:, i] >= 0.5))
        assert figures["log_loss"] == pytest.approx(log_loss(y_true[i], y_prob[:, i]))
        fpr, recall, _ = roc_curve(y_true[i], y_prob[:, i], drop_intermediate=False)
        ranked = y_true[i][np.argsort(-y_prob[:, i])]
        for percent in (1, 5):
            expected = recall[fpr <= percent / 100].max()
            assert figures[f"recall_at_{percent}pct_fpr"] == pytest.approx(expected)
            top = ranked[: 10 * percent].mean()
            assert figures[f"precision_top_{percent}pct"] == pytest.approx(top)
        assert figures["n_rows"] == 1000
        assert figures["n_positives"] == y_true[i].sum()
        best = f1_score(y_true[i], y_prob[:, i] >= figures["best_f1_threshold"])
        assert figures["f1_at_best_threshold"] == pytest.approx(best)
        assert best > figures["f1_score"]
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_aggregate_is_mean_and_median_over_the_tasks(split: Split) -> None:
    metrics = compute_multitask_metrics(*split, TASKS)
    for key in ("auc_roc", "average_precision", "f1_score"):
        scores = [metrics[f"task_{i}_{task}"][key] for i, task in enumerate(TASKS)]
        assert metrics["aggregate"][f"mean_{key}"] == pytest.approx(np.mean(scores))
        assert metrics["aggregate"][f"median_{key}"] == pytest.approx(np.median(scores))
    assert metrics["aggregate"]["n_defined_tasks"] == 3


@pytest.mark.parametrize("label", [0, 1])
def test_task_with_one_class_gets_the_default_scores_and_a_warning(
    split: Split, label: int, caplog: pytest.LogCaptureFixture
) -> None:
    y_true, y_prob = split
    y_true[2] = np.full(1000, label)
    with caplog.at_level(logging.WARNING):
        metrics = compute_multitask_metrics(y_true, y_prob, ["isFraud", "isCCfrd", "isDDfrd"])
    assert caplog.messages == ["Only one class present in task 2 (isDDfrd)"]
    figures = metrics["task_2_isDDfrd"]
    assert figures["defined"] is False
    assert (figures["auc_roc"], figures["average_precision"], figures["f1_score"]) == (0.5, 0.5, 0)
    assert figures["n_positives"] == label * 1000
    assert figures["log_loss"] == pytest.approx(log_loss(y_true[2], y_prob[:, 2], labels=[0, 1]))
    assert {key for key, value in figures.items() if value is None} == set(figures["undefined"])
    assert set(figures["undefined"]) == {
        "recall_at_1pct_fpr",
        "recall_at_5pct_fpr",
        "precision_top_1pct",
        "precision_top_5pct",
        "best_f1_threshold",
        "f1_at_best_threshold",
        "intervals",
        "alert_budgets",
        "calibration_slope",
        "calibration_intercept",
        "reliability",
        "score_distribution",
        "gain_by_decile",
        "roc_curve",
        "precision_recall_curve",
    }
    scores = [metrics[key]["auc_roc"] for key in ("task_0_isFraud", "task_1_isCCfrd")]
    assert metrics["aggregate"]["mean_auc_roc"] == pytest.approx(np.mean(scores))


def test_without_any_defined_task_the_aggregate_is_null_with_the_reason() -> None:
    metrics = compute_multitask_metrics({0: [0, 0], 1: [1, 1]}, np.full((2, 2), 0.5), ["a", "b"])
    aggregate = metrics["aggregate"]
    assert aggregate["n_defined_tasks"] == 0
    assert aggregate["mean_auc_roc"] is None
    assert aggregate["undefined"]["median_f1_score"] == "no task has both classes in this split"


def test_infinite_log_loss_is_null_with_the_reason() -> None:
    metrics = compute_multitask_metrics({0: [0, 1]}, np.array([[0.5], [0.0]]), ["a"])
    assert metrics["task_0_a"]["log_loss"] is None
    assert metrics["task_0_a"]["undefined"]["log_loss"] == (
        "infinite: a row has probability 0 for its own class"
    )


def test_unknown_labels_count_as_if_their_rows_were_not_there(split: Split) -> None:
    y_true, y_prob = split
    known = np.random.default_rng(1).random(1000) < 0.6
    masked = dict(y_true)
    masked[1] = np.where(known, y_true[1], np.nan)
    metrics = compute_multitask_metrics(masked, y_prob, TASKS)
    alone = compute_multitask_metrics({0: y_true[1][known]}, y_prob[known, 1:2], ["x"])
    assert metrics['task_1_a "b", [c]'] == alone["task_0_x"]
    assert metrics["task_0_isFraud"]["n_rows"] == 1000


def test_task_without_known_labels_has_no_figures(caplog: pytest.LogCaptureFixture) -> None:
    y_true: dict[int, Any] = {0: [np.nan, np.nan], 1: [0, 1]}
    metrics = compute_multitask_metrics(y_true, np.full((2, 2), 0.5), ["a", "b"])
    assert caplog.messages == ["No known label in task 0 (a)"]
    figures = metrics["task_0_a"]
    assert (figures["defined"], figures["n_rows"]) == (False, 0)
    for key in ("auc_roc", "average_precision", "f1_score", "log_loss", "brier_score"):
        assert figures[key] is None
        assert figures["undefined"][key] == "no row with a known label in this split"
    assert metrics["aggregate"]["mean_auc_roc"] == metrics["task_1_b"]["auc_roc"]


def test_integer_weights_equal_repeated_rows(split: Split) -> None:
    y_true, y_prob = split
    repeats = np.random.default_rng(1).integers(0, 4, 1000)
    weighted = compute_multitask_metrics(
        y_true, y_prob, TASKS, sample_weights=dict.fromkeys(range(3), repeats)
    )
    repeated = compute_multitask_metrics(
        {i: np.repeat(y, repeats) for i, y in y_true.items()},
        np.repeat(y_prob, repeats, axis=0),
        TASKS,
    )
    for key, figures in weighted.items():
        scores = [k for k, v in figures.items() if isinstance(v, float)]
        assert len(scores) > 5
        assert {k: figures[k] for k in scores} == pytest.approx(
            {k: repeated[key][k] for k in scores}, abs=1e-12
        )


def test_weights_may_be_given_for_some_tasks_only(split: Split) -> None:
    weights = {1: np.random.default_rng(1).random(1000)}
    plain = compute_multitask_metrics(*split, TASKS)
    weighted = compute_multitask_metrics(*split, TASKS, sample_weights=weights)
    assert weighted["task_0_isFraud"] == plain["task_0_isFraud"]
    assert weighted['task_1_a "b", [c]']["auc_roc"] != plain['task_1_a "b", [c]']["auc_roc"]


def test_thresholds_of_another_split_are_applied(split: Split) -> None:
    y_true, y_prob = split
    val = compute_multitask_metrics({i: y[:500] for i, y in y_true.items()}, y_prob[:500], TASKS)
    thresholds = chosen_thresholds(val, TASKS)
    test_labels = {i: y[500:] for i, y in y_true.items()} | {2: np.zeros(500)}
    thresholds[1] = None
    test = compute_multitask_metrics(test_labels, y_prob[500:], TASKS, thresholds=thresholds)
    applied, unknown, one_class = (test[f"task_{i}_{task}"] for i, task in enumerate(TASKS))
    assert applied["best_f1_threshold"] == thresholds[0]
    assert applied["f1_at_best_threshold"] == pytest.approx(
        f1_score(test_labels[0], y_prob[500:, 0] >= applied["best_f1_threshold"])
    )
    assert unknown["best_f1_threshold"] is unknown["f1_at_best_threshold"] is None
    reason = "needs both classes in the split that chooses the threshold"
    assert unknown["undefined"] == dict.fromkeys(
        ["best_f1_threshold", "f1_at_best_threshold"], reason
    )
    assert one_class["best_f1_threshold"] == thresholds[2]
    assert one_class["f1_at_best_threshold"] is None
    assert one_class["undefined"]["f1_at_best_threshold"] == "needs both classes in this split"


def test_thresholds_must_be_given_for_every_task(split: Split) -> None:
    with pytest.raises(ValueError, match=r"thresholds must have .* 0 to 2, got \[0\]"):
        compute_multitask_metrics(*split, TASKS, thresholds={0: 0.5})


def test_faulty_shapes_are_printed(split: Split) -> None:
    y_true, y_prob = split
    with pytest.raises(ValueError, match=r"shape \(n, 3\), .* got shape \(1000, 2\)"):
        compute_multitask_metrics(y_true, y_prob[:, :2], TASKS)
    with pytest.raises(ValueError, match=r"task 0 \(isFraud\): .* \(1000,\) and \(999,\)"):
        compute_multitask_metrics(y_true, y_prob[1:], TASKS)


def test_float32_probabilities_give_finite_figures(split: Split) -> None:
    y_true, y_prob = split
    metrics = compute_multitask_metrics(y_true, y_prob.astype(np.float32), TASKS)
    assert math.isfinite(metrics["task_0_isFraud"]["log_loss"])
    assert type(metrics["task_0_isFraud"]["best_f1_threshold"]) is float
