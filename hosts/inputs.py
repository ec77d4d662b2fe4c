"""The data of a job of several hosts: read and transformed where they are, counted together."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP
from exceptions import DataError, HyperparameterError
from hosts.joining import (
    joined_channels,
    joined_evaluation,
    joined_labels,
    joined_tables,
    total_counts,
)
from hosts.risk_tables import join_counts, with_learned
from hosts.samples import drift_on_hosts, labelled_sample, training_sample
from hosts.team import Team
from hosts.team_data import TeamData
from hosts.team_rows import TeamRows
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.task_rows import LabelledRows
from processing.dataset.base_rates import check_base_rates, label_rates
from processing.dataset.evaluation_columns import EvaluationColumns
from processing.dataset.label_leaks import warn_of_leaks
from processing.dataset.splits import (
    Channels,
    check_split_columns,
    needed_columns,
    tell_of_unlabelled,
)
from processing.dataset.tasks import report_tasks
from processing.dataset.weights import warn_of_mean
from processing.features.artifacts import (
    FLAGS,
    PrecomputedArtifacts,
)
from processing.features.encodings import feature_names
from processing.features.imputation import means_of
from processing.features.preprocessing import Preprocessing, used_columns
from processing.features.risk_tables import RiskTable
from processing.job.paths import JobPaths
from processing.reading.columns import TableColumns
from steps.initial_model import InitialModel, risk_table_smoothing
from steps.inputs import check_data_headers, check_validation, job_columns
from steps.job_data import JobData
from steps.reference import TrainingReference, sample_size

logger = logging.getLogger(__name__)


class TeamInputs:
    """Has the hosts find, read and transform their rows."""

    def __init__(self, team: Team, sharded: set[str], *, share_paths: bool) -> None:
        """Takes the hosts.

        Args:
            team: The hosts.
            sharded: Channels of which each host has files of its own.
            share_paths: Whether the hosts read from this process's paths instead of their own.
        """
        self._team = team
        # The validation channel goes by two names.
        self._sharded = {"val" if name == "validation" else name for name in sharded}
        self._share_paths = share_paths
        self._rows: TeamRows | None = None

    def is_stop_requested(self) -> bool:
        """Whether any host has been asked to stop, as far as the last tree has told."""
        return self._rows is not None and self._rows.is_stop_requested()

    def find_data(
        self,
        paths: JobPaths,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
    ) -> Channels:
        """Finds the data files of all hosts.

        Raises:
            DataError: A channel has no data file on any host, or several formats.
        """
        if hyperparams.use_quantized_grad is True:
            raise HyperparameterError(
                "use_quantized_grad is true, but LightGBM 4.7 crashes with it on several hosts or "
                "stops after a tree: set it to auto or false, or instance_count to 1"
            )
        logger.info(
            "On several hosts gradients are not quantized, and LightGBM estimates from hessians "
            "whether a leaf has min_data_in_leaf rows"
        )
        found: list[Channels] = self._team.ask(
            "data.find", paths if self._share_paths else None, sorted(self._sharded)
        )
        channels = joined_channels(self._team.names, found, self._sharded)
        for split in ("train", "val"):
            if split not in channels.by_split:
                raise DataError(f"channel {split!r} has no data file on any host")
        check_data_headers(channels, hyperparams, artifacts)
        return channels

    def prepare_data(
        self,
        channels: Channels,
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
        initial: InitialModel | None,
    ) -> JobData:
        """Reads all splits, checks them, and turns them into features and labels.

        The steps are those of `steps.inputs.prepare_data`, and in its order.
        """
        team, tasks = self._team, list(hyperparams.task_label_names or [])
        main_task = tasks.index(hyperparams.main_task_name)
        columns, numerical, categorical = job_columns(hyperparams, artifacts)
        has_id = check_split_columns(channels, columns)
        needed = needed_columns(channels, columns)
        tell_of_unlabelled(needed)
        may_mask = hyperparams.missing_labels == "mask"
        rows: list[dict[str, int]] = team.ask("data.read", needed, may_mask, has_id)
        self._report_rows(rows)
        counts = zip(*team.ask("data.count_tasks", tasks), strict=True)
        train_counts, val_counts = (total_counts(each) for each in counts)
        report_tasks(train_counts, val_counts, tasks)
        judged_by = self._judged_by(hyperparams)
        weight = hyperparams.sample_weight_name
        drift = drift_on_hosts(team, rows, needed, [*numerical, *categorical], weight)
        learned = None if initial is None else initial.preprocessing
        impute_dict = self._impute(numerical, artifacts, learned)
        risk_tables = self._map_risks(columns, categorical, hyperparams, artifacts, rows, initial)
        features = feature_names(used_columns(numerical, categorical, artifacts), risk_tables)
        self._make_labels(hyperparams, features)
        tables, labels = self._collect([split for split in needed if split != "train"])
        preprocessing = Preprocessing(impute_dict, risk_tables, features)
        sources = dict(zip(features, preprocessing.feature_sources, strict=True))
        sample, known = labelled_sample(team, rows, "train", sample_size(len(features)))
        warn_of_leaks(sample, sources, known.label, known.weight, tasks)
        self._check_base_rates(labels, hyperparams)
        check_validation(labels["val"], hyperparams)
        reference = TrainingReference(
            drift,
            training_sample(team, rows, features, weight),
            np.sum(team.ask("data.positives_outside", main_task), axis=0).tolist(),
            sum(each["train"] for each in rows),
            train_counts.positive.tolist(),
        )
        return TeamData(
            tables,
            labels,
            tasks,
            preprocessing,
            channels.data_format,
            judged_by,
            reference,
            team=team,
            n_rows=rows,
            take_rows=self._take_rows,
            seed=hyperparams.seed,
        )

    def _take_rows(self, rows: TeamRows) -> None:
        self._rows = rows

    def _judged_by(
        self, hyperparams: LightGBMMtModelHyperparameters
    ) -> dict[str, EvaluationColumns]:
        parts = self._team.ask(
            "data.judge",
            list(hyperparams.task_label_names or []),
            hyperparams.amount_name,
            hyperparams.previous_score_columns or {},
        )
        return {split: joined_evaluation([part[split] for part in parts]) for split in parts[0]}

    def _report_rows(self, rows: Sequence[dict[str, int]]) -> None:
        for split in rows[0]:
            counts = [each[split] for each in rows]
            logger.info(
                "%s: %d rows on %d hosts: %s",
                split,
                sum(counts),
                len(counts),
                ", ".join(f"{name} {n}" for name, n in zip(self._team.names, counts, strict=True)),
            )
            if not sum(counts):
                reason = "no row has a label" if split == "train" else "there are no rows"
                raise DataError(f"{split}: {reason} on any host")

    def _impute(
        self,
        numerical: Sequence[str],
        artifacts: PrecomputedArtifacts,
        learned: Preprocessing | None,
    ) -> dict[str, float]:
        if artifacts.impute_dict is not None:
            self._team.ask("data.check_no_missing", numerical, FLAGS[IMPUTE_DICT])
            return artifacts.impute_dict
        if learned is None:
            parts: list[list[tuple[float, int]]] = self._team.ask("data.column_sums", numerical)
            sums = {
                column: (sum(part[i][0] for part in parts), sum(part[i][1] for part in parts))
                for i, column in enumerate(numerical)
            }
            impute_dict = means_of(sums)
        else:
            impute_dict = {column: learned.impute_dict[column] for column in numerical}
        self._team.ask("data.impute", impute_dict)
        return impute_dict

    def _map_risks(
        self,
        columns: TableColumns,
        categorical: Sequence[str],
        hyperparams: LightGBMMtModelHyperparameters,
        artifacts: PrecomputedArtifacts,
        rows: Sequence[dict[str, int]],
        initial: InitialModel | None,
    ) -> dict[str, RiskTable]:
        if artifacts.risk_tables is not None:
            self._team.ask("data.check_no_missing", categorical, FLAGS[RISK_TABLE_MAP])
            return artifacts.risk_tables
        if not categorical:
            return {}
        n_train = [each["train"] for each in rows]
        first_rows = np.concatenate([[0], np.cumsum(n_train)[:-1]])
        settings = (hyperparams.risk_labels, hyperparams.risk_table_folds, hyperparams.seed)
        counts = self._team.ask_each(
            "data.count_categories",
            [(categorical, *settings, int(first_row)) for first_row in first_rows],
        )
        taken = [*columns.without_evaluation().required, columns.id_name]
        joined = join_counts(
            categorical,
            hyperparams.risk_labels,
            counts,
            risk_table_smoothing(hyperparams, initial),
            taken,
            where_different=hyperparams.risk_tables == "auto" and initial is None,
        )
        if initial is not None:
            joined = with_learned(joined, initial.preprocessing)
        self._team.ask_each(
            "data.map_risks", [(joined.labels, joined.tables, own) for own in joined.of_fold]
        )
        return joined.tables

    def _make_labels(
        self, hyperparams: LightGBMMtModelHyperparameters, features: Sequence[str]
    ) -> None:
        tasks = list(hyperparams.task_label_names or [])
        weights = self._team.ask(
            "data.make_labels",
            tasks,
            hyperparams.sample_weight_name,
            hyperparams.task_weight_columns or {},
            list(features),
        )
        known = [each for each in weights if each is not None]
        if known:
            sums, numbers = (np.sum(values, axis=0) for values in zip(*known, strict=True))
            warn_of_mean(sums, numbers, tasks)

    def _check_base_rates(
        self,
        labels: dict[str, LabelledRows],
        hyperparams: LightGBMMtModelHyperparameters,
    ) -> None:
        negative, positive = np.sum(self._team.ask("data.class_weights"), axis=0)
        train = positive / np.maximum(negative + positive, np.finfo(np.float64).tiny)
        rates = {name: label_rates(rows.label, rows.weight) for name, rows in labels.items()}
        check_base_rates(
            {"train": train.tolist(), **rates},
            list(hyperparams.task_label_names or []),
            hyperparams.task_base_rates or {},
        )

    def _collect(
        self, splits: Sequence[str]
    ) -> tuple[dict[str, pd.DataFrame], dict[str, LabelledRows]]:
        tables, labels = {}, {}
        for split in splits:
            parts: list[tuple[pd.DataFrame, LabelledRows | None]] = self._team.ask(
                "data.collect", split
            )
            tables[split] = joined_tables([df for df, _ in parts])
            labelled = [rows for _, rows in parts if rows is not None]
            if labelled:
                labels[split] = joined_labels(labelled)
        return tables, labels
