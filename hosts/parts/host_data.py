"""The tables of one host: read, checked, and turned into features and labels step by step.

Every step is one that a job of one host has, too, cut where all hosts' counts must be added up.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hosts.parts.shares import share_of_files
from models.engine.task_rows import LabelledRows, class_weights
from models.evaluation.drift import sampled_rows
from models.evaluation.hierarchy import positives_outside
from models.trees.multitask_model import MultiTaskModel, predict_multitask
from processing.dataset.evaluation_columns import EvaluationColumns, evaluation_columns
from processing.dataset.label_arrays import label_arrays
from processing.dataset.splits import Channels, find_channels, read_split
from processing.dataset.tasks import TaskCounts, count_tasks
from processing.dataset.weights import check_weight_sums
from processing.features.artifacts import check_no_missing
from processing.features.encodings import source_column
from processing.features.feature_table import feature_table
from processing.features.imputation import apply_imputation, column_sum
from processing.features.risk_counts import CategoryCounts, count_categories, fold_of_rows
from processing.features.risk_differences import count_pairs
from processing.features.risk_tables import RiskTable, apply_risk_table
from processing.job.paths import JobPaths
from processing.reading.columns import TableColumns
from processing.reading.tables import NoRowsError
from processing.writing.fingerprint import fingerprint


class HostData:
    """Splits of one host. A split that it has no files of has no rows."""

    def __init__(self, index: int, n_hosts: int) -> None:
        self._index = index
        self._n_hosts = n_hosts
        self._channels = Channels({}, {})
        self.splits: dict[str, pd.DataFrame] = {}
        self.labels: dict[str, LabelledRows] = {}
        self.feature_columns: list[str] = []
        self._folds: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def find(self, paths: JobPaths | None, sharded: Sequence[str]) -> Channels:
        """Finds this host's share of the files and reads their headers.

        Args:
            paths: Where the data are; None: where this host's environment says.
            sharded: Channels of which each host has its own files.
        """
        # All headers, so that every host finds the same faults in what all of them have.
        found = find_channels(paths or JobPaths.from_environment(os.environ), sharded)
        by_split, headers = dict(found.by_split), dict(found.headers)
        for split in by_split.keys() - set(sharded):
            channel = by_split[split]
            files = share_of_files(channel.files, self._index, self._n_hosts)
            by_split[split] = replace(channel, files=files)
            headers[split] = {file.label: headers[split][file.label] for file in files}
        self._channels = Channels(by_split, headers)
        return self._channels

    def read(
        self,
        needed: Mapping[str, TableColumns],
        allow_missing_labels: bool,
        has_id: bool,
    ) -> dict[str, int]:
        """Reads all splits.

        Args:
            needed: What to read of each split of the job.
            allow_missing_labels: Whether a label may be missing.
            has_id: Whether the files have the id column.

        Returns:
            The number of rows of each split.
        """
        for split, columns in needed.items():
            channel = self._channels.by_split.get(split)
            try:
                df = (
                    None
                    if channel is None
                    else read_split(
                        channel,
                        self._channels.headers[split],
                        columns,
                        allow_missing_labels=allow_missing_labels,
                        is_whole=False,
                    )
                )
            except NoRowsError:
                df = None
            self.splits[split] = _empty(columns, allow_missing_labels, has_id) if df is None else df
        return {split: len(df) for split, df in self.splits.items()}

    def count_tasks(self, tasks: Sequence[str]) -> tuple[TaskCounts, TaskCounts]:
        """Known and positive labels of each task in training and validation."""
        return count_tasks(self.splits["train"], tasks), count_tasks(self.splits["val"], tasks)

    def column_sums(self, columns: Sequence[str]) -> list[tuple[float, int]]:
        """Sum and number of the present values of each training column."""
        return [column_sum(self.splits["train"][column].to_numpy()) for column in columns]

    def impute(self, impute_dict: dict[str, float]) -> None:
        """Fills the missing values of all splits."""
        for df in self.splits.values():
            apply_imputation(df, impute_dict)

    def check_no_missing(self, columns: Sequence[str], flag: str) -> None:
        """Checks that data agree with a flag that says that they are transformed already."""
        for split, df in self.splits.items():
            check_no_missing(df, columns, split, flag)

    def count_categories(
        self, columns: Sequence[str], labels: Sequence[str], folds: int, seed: int, first_row: int
    ) -> list[list[CategoryCounts]]:
        """Rows and positives by fold and category; rows of unknown label are left out.

        Args:
            columns: Categorical columns.
            labels: Label columns.
            folds: Number of folds.
            seed: Seed of the folds.
            first_row: Number of this host's first training row among those of all hosts.

        Returns:
            Per label the counts of each column.
        """
        self._folds = fold_of_rows(first_row, len(self.splits["train"]), folds, seed)
        return [self._counts_of(columns, label, labels[0], folds) for label in labels]

    def _counts_of(
        self, columns: Sequence[str], label: str, main_label: str, folds: int
    ) -> list[CategoryCounts]:
        train = self.splits["train"]
        values = train[label].to_numpy().astype(np.float64)
        main_values = train[main_label].to_numpy().astype(np.float64)
        known = np.flatnonzero(~np.isnan(values))
        counts = []
        for column in columns:
            texts = [str(text) for text in train[column].cat.categories]
            code = train[column].cat.codes.to_numpy().astype(np.int64) + 1
            size = len(texts) + 1
            counted = count_categories(code[known], size, values[known], self._folds[known], folds)
            pairs = count_pairs(code, size, values, main_values)
            counts.append(CategoryCounts(texts, counted, pairs))
        return counts

    def map_risks(
        self,
        labels: Mapping[str, str],
        tables: Mapping[str, RiskTable],
        of_fold: Mapping[str, NDArray[np.float64]],
    ) -> None:
        """Turns categories into risks: the training rows out of fold, all others by the tables.

        Args:
            labels: The label column of each feature.
            tables: Risk table of each feature.
            of_fold: By feature, what this host's categories are worth to the rows of each fold,
                shape (folds, C + 1), in the order of `count_categories`. A feature that is not
                there is encoded by its table in training, too.
        """
        for split, df in self.splits.items():
            features = {}
            for feature, table in tables.items():
                column = df[source_column(feature, tables)]
                values = apply_risk_table(column, table)
                if split == "train" and feature in of_fold:
                    known = ~np.isnan(df[labels[feature]].to_numpy().astype(np.float64))
                    code = column.cat.codes.to_numpy().astype(np.int64)
                    own = np.flatnonzero(known & (code >= 0))
                    values[own] = of_fold[feature][self._folds[own], code[own] + 1]
                features[feature] = values
            mapped = {source_column(feature, tables) for feature in tables}
            kept = df[[name for name in df.columns if name not in mapped]]
            self.splits[split] = pd.concat([kept, pd.DataFrame(features, index=df.index)], axis=1)

    def make_labels(
        self,
        tasks: Sequence[str],
        sample_weight: str | None,
        task_weights: Mapping[str, str],
        feature_columns: Sequence[str],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Makes the labels of all splits, and notes the features.

        Returns:
            Sum and number of the training weights above 0, each shape (K,); None: all are 1.
        """
        self.feature_columns = list(feature_columns)
        self.labels = {
            split: LabelledRows(*label_arrays(df, tasks, sample_weight, task_weights))
            for split, df in self.splits.items()
            if set(tasks) <= set(df.columns)
        }
        for split, known in self.labels.items():
            check_weight_sums(split, known.weight, tasks)
        weight = self.labels["train"].weight
        if weight is None:
            return None
        return weight.sum(axis=0, dtype=np.float64), np.count_nonzero(weight, axis=0).astype(float)

    def judge(
        self, tasks: Sequence[str], amount_name: str | None, previous: Mapping[str, str]
    ) -> dict[str, EvaluationColumns]:
        """What the rows of all splits but the training are judged by, see `evaluation_columns`."""
        return {
            split: evaluation_columns(split, df, tasks, amount_name, previous)
            for split, df in self.splits.items()
            if split != "train"
        }

    def collect(self, split: str) -> tuple[pd.DataFrame, LabelledRows | None]:
        """Ids, labels and weights of a split's rows; None: no labels."""
        df = self.splits[split]
        kept = [name for name in df.columns if name not in self.feature_columns]
        return df[kept], self.labels.get(split)

    def some_rows(self, split: str, n_rows: int, columns: Sequence[str]) -> pd.DataFrame:
        """So many rows of a split, from all of its length; see `sampled_rows`."""
        df = self.splits[split]
        return df[list(columns)].iloc[sampled_rows(len(df), n_rows)]

    def some_labelled_rows(self, split: str, n_rows: int) -> tuple[pd.DataFrame, LabelledRows]:
        """Features and labels of so many rows of a split."""
        labels = self.labels[split]
        rows = sampled_rows(labels.n_rows, n_rows)
        weight = None if labels.weight is None else labels.weight[rows]
        features = self.splits[split][self.feature_columns].iloc[rows]
        return features, LabelledRows(labels.label[rows], weight)

    def positives_outside(self, main_task: int) -> list[int]:
        """See `models.evaluation.hierarchy`."""
        train = self.labels["train"]
        return positives_outside(train.label, train.weight, main_task)

    def class_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of each task's negatives and positives among the training rows, each (K,)."""
        return class_weights(self.labels["train"])

    def features(self, split: str) -> pa.Table:
        """The features of a split; one row of zeros if there is none, see `HostTraining`."""
        df = self.splits[split]
        if len(df) == 0:
            df = pd.DataFrame(
                np.zeros((1, len(self.feature_columns)), np.float32), columns=self.feature_columns
            )
        return feature_table(df, self.feature_columns)

    def sample(self, n_rows: int, seed: int) -> NDArray[np.float32]:
        """Features of so many training rows, drawn at random and in their order."""
        train = self.splits["train"]
        columns = [train[name].to_numpy(dtype=np.float32) for name in self.feature_columns]
        if n_rows < len(train):
            rng = np.random.default_rng([seed, 4, self._index])
            rows = np.sort(rng.choice(len(train), n_rows, replace=False))
            columns = [column[rows] for column in columns]
        return np.stack(columns) if columns else np.zeros((0, n_rows), np.float32)

    def fingerprint(self) -> str:
        """Fingerprint of features and labels of training and validation."""
        train, valid = self.labels["train"], self.labels["val"]
        return fingerprint(
            f"{len(self.splits['train'])} {len(self.splits['val'])}",
            [self.features("train"), self.features("val")],
            [train.label, train.weight, valid.label, valid.weight],
        )

    def drop_training_rows(self) -> None:
        """Forgets the training table, whose features are binned by now."""
        del self.splits["train"]

    def predict(self, split: str, model_text: str, n_threads: int) -> NDArray[np.float64]:
        """Probabilities of a split's rows, shape (m, K)."""
        return predict_multitask(
            MultiTaskModel(model_text, n_threads), self.splits[split], self.feature_columns
        )


def _empty(columns: TableColumns, allow_missing_labels: bool, has_id: bool) -> pd.DataFrame:
    """A split without rows, as the readers would give it."""
    empty: dict[str, object] = {
        name: np.zeros(0, np.float32 if allow_missing_labels else np.uint8)
        for name in columns.labels
    }
    empty |= {name: np.zeros(0, np.float32) for name in columns.numbers}
    no_texts = pd.Index([], dtype="str")
    empty |= {
        name: pd.Categorical.from_codes([], categories=no_texts) for name in columns.categorical
    }
    empty[columns.id_name] = pd.Series([], dtype="str") if has_id else np.zeros(0, dtype=np.int64)
    return pd.DataFrame(empty)
