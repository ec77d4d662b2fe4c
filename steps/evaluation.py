"""Third step: what the model is worth on each split."""

from collections.abc import Mapping
from typing import Any

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.evaluation.curves import plot_multitask_curves
from models.evaluation.metrics import chosen_thresholds, compute_multitask_metrics, summary
from models.training.progress import log_tuner_metrics
from models.trees.multitask_model import MultiTaskModel, predict_multitask
from processing.writing.atomic import StagedDirectory
from processing.writing.evaluation_output import write_evaluation
from steps.inputs import JobData


def evaluate(
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
) -> None:
    """Evaluates the validation rows, and the test rows at the thresholds found on the former.

    Test rows without labels are scored.
    """
    val_metrics = evaluate_split("val", model, data, hyperparams, directory, thresholds=None)
    if "test" in data.labels:
        thresholds = chosen_thresholds(val_metrics, data.tasks)
        evaluate_split("test", model, data, hyperparams, directory, thresholds)
    elif "test" in data.splits:
        score_split("test", model, data, hyperparams, directory)


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
        y_prob=predict_multitask(model, df, data.preprocessing.feature_columns),
        data_format=data.data_format,
    )


def evaluate_split(
    split: str,
    model: MultiTaskModel,
    data: JobData,
    hyperparams: LightGBMMtModelHyperparameters,
    directory: StagedDirectory,
    thresholds: Mapping[int, float | None] | None,
) -> dict[str, dict[str, Any]]:
    """Predicts the rows of a split; writes predictions, metrics and curves; returns the metrics."""
    df, weight = data.splits[split], data.labels[split].weight
    y_true = {index: df[task].to_numpy() for index, task in enumerate(data.tasks)}
    y_prob = predict_multitask(model, df, data.preprocessing.feature_columns)
    weights = None if weight is None else dict(enumerate(weight.T))
    metrics = compute_multitask_metrics(
        y_true, y_prob, data.tasks, thresholds=thresholds, sample_weights=weights
    )
    log_tuner_metrics(split, summary(metrics, data.tasks, hyperparams.main_task_name))
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
