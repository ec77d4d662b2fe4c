"""Third step: what the model is worth on each split."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.evaluation.curves import plot_multitask_curves
from models.evaluation.drift import Bins, column_drift, fit_bins, sampled_rows, sampled_weight
from models.evaluation.hierarchy import hierarchy
from models.evaluation.metrics import chosen_thresholds, compute_multitask_metrics, summary
from models.training.progress import log_tuner_metrics
from models.trees.multitask_model import MultiTaskModel, predict_multitask
from processing.writing.evaluation_output import write_evaluation
from processing.writing.staged_directory import StagedDirectory
from steps.job_data import JobData

Metrics = dict[str, dict[str, Any]]

SHOWN_CATEGORIES = 5
"""Categories of the highest and of the lowest risk that the metrics name."""


def evaluate(
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
) -> dict[str, Metrics]:
    """Evaluates the validation rows, and the test rows at the thresholds found on the former.

    Test rows without labels are scored.

    Returns:
        The metrics of each split that has labels, as they stand in its `metrics.json`.
    """
    score_bins = bins_of_scores(model, data, hyperparams)
    metrics = {"val": evaluate_split("val", model, data, hyperparams, directory, score_bins, None)}
    if "test" in data.labels:
        thresholds = chosen_thresholds(metrics["val"], data.tasks)
        metrics["test"] = evaluate_split(
            "test", model, data, hyperparams, directory, score_bins, thresholds
        )
    elif "test" in data.splits:
        score_split("test", model, data, hyperparams, directory)
    return metrics


def score_split(
    split: str,
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
) -> None:
    """Predicts the rows of a split that has no labels, and writes the predictions alone."""
    df = data.splits[split]
    write_evaluation(
        directory.path(f"{split}.tar.gz"),
        split,
        ids=df[hyperparams.id_name],
        id_name=hyperparams.id_name,
        task_columns=data.tasks,
        y_prob=data.predict(model, split),
        data_format=data.data_format,
    )


def evaluate_split(
    split: str,
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
    score_bins: Mapping[str, Bins],
    thresholds: Mapping[int, float | None] | None,
) -> Metrics:
    """Predicts the rows of a split; writes predictions, metrics and curves; returns the metrics."""
    df, weight = data.splits[split], data.labels[split].weight
    y_true = {index: df[task].to_numpy() for index, task in enumerate(data.tasks)}
    y_prob = data.predict(model, split)
    weights = None if weight is None else dict(enumerate(weight.T))
    metrics = compute_multitask_metrics(
        y_true,
        y_prob,
        data.tasks,
        thresholds=thresholds,
        sample_weights=weights,
        amount=data.evaluation[split].amount,
        previous_scores=data.evaluation[split].previous,
    )
    log_tuner_metrics(split, summary(metrics, data.tasks, hyperparams.main_task_name))
    metrics |= split_figures(split, y_prob, data, hyperparams, score_bins)
    if split == "val":
        metrics["feature_importance"] = data.explain(model, weights, model.n_threads)
        metrics["risk_tables"] = risk_extremes(data.preprocessing.risk_tables)
        metrics["training"] = {
            "n_rows": data.reference.n_rows,
            "n_positives": dict(zip(data.tasks, data.reference.n_positives, strict=True)),
        }
    write_evaluation(
        directory.path(f"{split}.tar.gz"),
        split,
        ids=df[hyperparams.id_name],
        id_name=hyperparams.id_name,
        task_columns=data.tasks,
        y_true=y_true,
        y_prob=y_prob,
        metrics=metrics,
        data_format=data.data_format,
        plot=lambda folder: plot_multitask_curves(
            y_true, y_prob, data.tasks, folder, split, sample_weights=weights
        ),
    )
    return metrics


def risk_extremes(risk_tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per risk table the number of categories, the risk of an unknown one, and the outermost."""
    extremes = {}
    for name, table in risk_tables.items():
        by_risk = sorted(table["bins"].items(), key=lambda item: item[1], reverse=True)
        shown = [{"category": category, "risk": risk} for category, risk in by_risk]
        extremes[name] = {
            "categories": len(shown),
            "default": table["default_bin"],
            "highest": shown[:SHOWN_CATEGORIES],
            "lowest": shown[::-1][: min(SHOWN_CATEGORIES, max(len(shown) - SHOWN_CATEGORIES, 0))],
        }
    return extremes


def bins_of_scores(
    model: MultiTaskModel, data: JobData, hyperparams: LightGBMMtModelHyperparameters
) -> dict[str, Bins]:
    """Bins of each task's probabilities, and how a sample of the training rows fills them."""
    sample = data.reference.sample
    prob = predict_multitask(model, sample, data.preprocessing.feature_columns)
    weight = sampled_weight(sample, hyperparams.sample_weight_name, np.arange(len(sample)))
    return {
        task: fit_bins(pd.Series(prob[:, index].astype(np.float32)), weight)
        for index, task in enumerate(data.tasks)
    }


def split_figures(
    split: str,
    y_prob: NDArray[np.float64],
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    score_bins: Mapping[str, Bins],
) -> Metrics:
    """The figures of all tasks together: `drift` and `hierarchy`."""
    rows = sampled_rows(len(y_prob))
    weight = sampled_weight(data.splits[split], hyperparams.sample_weight_name, rows)
    scores = {
        task: column_drift(score_bins[task], pd.Series(prob.astype(np.float32)), weight)
        for task, prob in zip(data.tasks, y_prob[rows].T, strict=True)
    }
    main_task = data.tasks.index(hyperparams.main_task_name)
    return {
        "drift": {"scores": scores, "features": data.reference.feature_drift[split]},
        "hierarchy": hierarchy(data.reference.positives_outside, y_prob, data.tasks, main_task),
    }
