"""First step: what the job reads, checked and turned into features and labels."""

import logging
from collections.abc import Mapping

from common.messages import quoted_list
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.task_rows import LabelledRows
from models.evaluation.hierarchy import positives_outside
from processing.dataset.base_rates import check_base_rates, label_rates
from processing.dataset.evaluation_columns import evaluation_columns
from processing.dataset.label_arrays import label_arrays
from processing.dataset.label_leaks import warn_of_leaks
from processing.dataset.splits import (
    Channels,
    check_headers,
    columns_to_read,
    find_channels,
    read_splits,
)
from processing.dataset.tasks import check_positives
from processing.dataset.validation_labels import check_validation_labels
from processing.dataset.weights import check_weight_sums, warn_of_scale
from processing.features.artifacts import PrecomputedArtifacts, load_artifacts
from processing.features.preprocessing import RiskTableSettings, preprocess
from processing.job.environment import environment_flag
from processing.job.paths import JobPaths
from processing.reading.columns import TableColumns
from steps.initial_model import InitialModel, risk_table_smoothing
from steps.job_data import JobData
from steps.reference import TrainingReference, drift_of_features, sample_of_training

logger = logging.getLogger(__name__)


class OneHost:
    """All data are this process's own."""

    def find_data(
        self,
        paths: JobPaths,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
    ) -> Channels:
        """See `find_data`."""
        return find_data(paths, hyperparams, artifacts)

    def prepare_data(
        self,
        channels: Channels,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
        initial: InitialModel | None,
    ) -> JobData:
        """See `prepare_data`."""
        return prepare_data(channels, hyperparams, artifacts, initial)


def load_precomputed(
    paths: JobPaths, environ: Mapping[str, str], hyperparams: LightGBMMtModelHyperparameters
) -> PrecomputedArtifacts:
    """Loads the artifacts that the `USE_PRECOMPUTED_*` variables ask for."""
    return load_artifacts(
        paths.model_artifacts_input,
        imputation=environment_flag(environ, "USE_PRECOMPUTED_IMPUTATION", default=False),
        risk_tables=environment_flag(environ, "USE_PRECOMPUTED_RISK_TABLES", default=False),
        features=environment_flag(environ, "USE_PRECOMPUTED_FEATURES", default=False),
        numerical=hyperparams.tab_field_list,
        categorical=hyperparams.cat_field_list,
    )


def log_knobs_without_effect(
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
    *,
    has_checkpoints: bool,
) -> None:
    """Says which of the given hyperparameters do nothing in this job."""
    if hyperparams.ignored:
        logger.info("Ignored, for older jobs only: %s", ", ".join(hyperparams.ignored))
    idle = hyperparams.without_effect(
        risk_tables_given=artifacts.risk_tables is not None, has_checkpoints=has_checkpoints
    )
    for name, reason in idle.items():
        logger.info("%s has no effect: %s", name, reason)
    if hyperparams.features_in_no_group:
        logger.warning(
            "Not used by any tree, because no group of interaction_constraints has them: %s",
            quoted_list(hyperparams.features_in_no_group),
        )


def find_data(
    paths: JobPaths, hyperparams: LightGBMMtModelHyperparameters, artifacts: PrecomputedArtifacts
) -> Channels:
    """Finds the data files of all splits, and checks that their headers look like such."""
    channels = find_channels(paths)
    check_data_headers(channels, hyperparams, artifacts)
    return channels


def check_data_headers(
    channels: Channels,
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
) -> None:
    """Checks that the first lines of the files look like headers."""
    features = artifacts.selected_features
    if features is None:
        features = [*hyperparams.tab_field_list, *hyperparams.cat_field_list]
    tasks = hyperparams.task_label_names or [hyperparams.label_name]
    check_headers(channels, [*features, *tasks, *weight_columns(hyperparams)])


def job_columns(
    hyperparams: LightGBMMtModelHyperparameters, artifacts: PrecomputedArtifacts
) -> tuple[TableColumns, list[str], list[str]]:
    """What to read, and the numerical and categorical features of it, see `columns_to_read`."""
    return columns_to_read(
        hyperparams.tab_field_list,
        hyperparams.cat_field_list,
        list(hyperparams.task_label_names or []),
        hyperparams.id_name,
        weight_columns(hyperparams),
        evaluation_names(hyperparams),
        artifacts,
    )


def weight_columns(hyperparams: LightGBMMtModelHyperparameters) -> list[str]:
    """The columns that hold row weights, each once."""
    of_tasks = (hyperparams.task_weight_columns or {}).values()
    name = hyperparams.sample_weight_name
    return list(dict.fromkeys([*([name] if name else []), *of_tasks]))


def evaluation_names(hyperparams: LightGBMMtModelHyperparameters) -> list[str]:
    """The columns that rows are judged by: the amount and an earlier model's scores, each once."""
    amounts = [hyperparams.amount_name] if hyperparams.amount_name else []
    return list(dict.fromkeys([*amounts, *(hyperparams.previous_score_columns or {}).values()]))


def prepare_data(
    channels: Channels,
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
    initial: InitialModel | None,
) -> JobData:
    """Reads all splits, checks them, and turns them into features and labels.

    An initial model's features are made as it made them, so that its trees mean the same.
    """
    tasks = list(hyperparams.task_label_names or [])
    task_weights = hyperparams.task_weight_columns or {}
    sample_weight = hyperparams.sample_weight_name
    previous = hyperparams.previous_score_columns or {}
    amount_name = hyperparams.amount_name
    columns, numerical, categorical = job_columns(hyperparams, artifacts)
    splits = read_splits(
        channels, columns, allow_missing_labels=hyperparams.missing_labels == "mask"
    )
    check_positives(splits["train"], splits["val"], tasks)
    # Before the features are transformed: an amount can be one of them.
    judged_by = {
        name: evaluation_columns(name, df, tasks, amount_name, previous)
        for name, df in splits.items()
        if name != "train"
    }
    feature_drift = drift_of_features(splits, [*numerical, *categorical], sample_weight)
    risk_settings = RiskTableSettings(
        risk_table_smoothing(hyperparams, initial),
        hyperparams.risk_table_folds,
        hyperparams.seed,
        where_different=hyperparams.risk_tables == "auto",
    )
    preprocessing = preprocess(
        splits,
        numerical,
        categorical,
        hyperparams.risk_labels,
        artifacts,
        risk_settings,
        None if initial is None else initial.preprocessing,
    )
    labels = {
        name: LabelledRows(*label_arrays(df, tasks, sample_weight, task_weights))
        for name, df in splits.items()
        if set(tasks) <= set(df.columns)
    }
    for name, known in labels.items():
        check_weight_sums(name, known.weight, tasks)
    warn_of_scale(labels["train"].weight, tasks)
    warn_of_leaks(
        splits["train"],
        dict(zip(preprocessing.feature_columns, preprocessing.feature_sources, strict=True)),
        labels["train"].label,
        labels["train"].weight,
        tasks,
    )
    check_base_rates(
        {name: label_rates(rows.label, rows.weight) for name, rows in labels.items()},
        tasks,
        hyperparams.task_base_rates or {},
    )
    check_validation(labels["val"], hyperparams)
    train = labels["train"]
    reference = TrainingReference(
        feature_drift,
        sample_of_training(splits["train"], preprocessing.feature_columns, sample_weight),
        positives_outside(train.label, train.weight, tasks.index(hyperparams.main_task_name)),
        train.n_rows,
        train.label.sum(axis=0, dtype=int).tolist(),
    )
    return JobData(splits, labels, tasks, preprocessing, channels.data_format, judged_by, reference)


def check_validation(valid: LabelledRows, hyperparams: LightGBMMtModelHyperparameters) -> None:
    """Checks that the validation rows can tell what training will ask them."""
    check_validation_labels(
        valid.label,
        valid.weight,
        list(hyperparams.task_label_names or []),
        hyperparams.main_task_name,
        hyperparams.early_stopping_metric if hyperparams.early_stopping_rounds else None,
    )
