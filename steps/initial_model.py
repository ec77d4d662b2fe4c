"""Before the first step: the model of another job whose trees the new ones are added to."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.messages import quoted, quoted_list
from exceptions import ArtifactError, HyperparameterError
from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.monotone import violations
from models.training.factory import ModelFactory
from models.trees.saved_trees import read_saved_trees
from models.trees.shared_tree import SharedTree
from processing.features.artifacts import PrecomputedArtifacts
from processing.features.encodings import own_columns
from processing.features.preprocessing import Preprocessing, used_columns
from processing.features.risk_tables import RiskTable
from processing.job.paths import JobPaths
from scoring.model_directory import read_model_directory

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class InitialModel:
    """A model to go on from.

    Attributes:
        source: Where it was found.
        trees: Its trees; the values of the first one include the log-odds before it.
        tasks: Names of its tasks.
        main_task: Name of its main task.
        smoothing: Its `risk_table_smoothing`.
        categorical: Its columns with categories.
        preprocessing: What turns raw rows into its features.
        digest: SHA-256 of its model file.
    """

    source: Path
    trees: list[SharedTree]
    tasks: list[str]
    main_task: object
    smoothing: float | Literal["auto"]
    categorical: list[str]
    preprocessing: Preprocessing
    digest: str

    @property
    def columns(self) -> list[str]:
        """The columns that its features come from, in order."""
        made = self.preprocessing
        return own_columns(made.feature_columns, made.risk_tables)


def initial_model(
    paths: JobPaths,
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
) -> InitialModel | None:
    """The model of `init_model`, or of the channel `model`; None: there is neither.

    Raises:
        HyperparameterError: There are both.
        ArtifactError: It is no model directory, or one that is damaged or refused; or its trees
            mean something else in this job, or break its constraints.
    """
    source = _source(paths, hyperparams)
    if source is None:
        return None
    initial = _load(source)
    _check_same_job(initial, hyperparams, artifacts)
    _check_constraints(initial, hyperparams)
    logger.info("Going on from the model in %s: %d trees", source, len(initial.trees))
    if "risk_table_smoothing" in hyperparams.model_fields_set:
        logger.info("risk_table_smoothing has no effect: the risk tables are the initial model's")
    return initial


def _source(paths: JobPaths, hyperparams: LightGBMMtModelHyperparameters) -> Path | None:
    source = paths.initial_model
    if hyperparams.init_model is not None:
        given = paths.base / hyperparams.init_model
        if source is not None and source.resolve() != given.resolve():
            raise HyperparameterError(
                f"init_model is {quoted(hyperparams.init_model)}, but there is the channel "
                f"{source}, too: one initial model is wanted"
            )
        source = given
    return source


def _load(source: Path) -> InitialModel:
    parts = read_model_directory(source)
    used = set(parts.features)
    smoothing = parts.settings.get("risk_table_smoothing")
    return InitialModel(
        source,
        read_saved_trees(parts.text, parts.model, str(source)),
        parts.tasks,
        parts.settings.get("label_name"),
        float(smoothing) if isinstance(smoothing, int | float) else "auto",
        parts.categorical,
        Preprocessing(
            parts.impute_dict,
            {name: table for name, table in parts.risk_tables.items() if name in used},
            parts.features,
        ),
        hashlib.sha256(parts.text.encode()).hexdigest(),
    )


def _check_same_job(
    initial: InitialModel,
    hyperparams: LightGBMMtModelHyperparameters,
    artifacts: PrecomputedArtifacts,
) -> None:
    """Checks that an initial model's trees mean in this job what they meant in theirs."""
    source = initial.source
    tasks = list(hyperparams.task_label_names or [])
    _same(source, "tasks", initial.tasks, tasks)
    columns = used_columns(hyperparams.tab_field_list, hyperparams.cat_field_list, artifacts)
    _same(source, "features", initial.columns, columns)
    categorical = [name for name in columns if name in hyperparams.cat_field_list]
    in_order = [name for name in columns if name in initial.categorical]
    _same(source, "categorical features", in_order, categorical)
    if artifacts.risk_tables is None and categorical:
        if initial.main_task != hyperparams.label_name:
            raise ArtifactError(
                f"label_name is {quoted(hyperparams.label_name)}, but that of the initial model "
                f"{source} is {quoted(str(initial.main_task))}: its categories are encoded by that "
                "task's rates, so that the main task must be the same"
            )
        made = initial.preprocessing.risk_tables.values()
        theirs = {(table["column"], table["task"]) for table in made if "column" in table}
        ours = {(name, task) for name in categorical for task in hyperparams.risk_labels[1:]}
        if theirs != ours and hyperparams.risk_tables != "auto":
            raise ArtifactError(
                f"risk_tables is {hyperparams.risk_tables}, but the categories of the initial "
                f"model {source} have the risks of {'several tasks' if theirs else 'one task'}"
            )
    _check_precomputed(initial, columns, artifacts)


def _same(source: Path, what: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
    if list(theirs) == list(ours):
        return
    missing = [name for name in theirs if name not in ours]
    further = [name for name in ours if name not in theirs]
    differences = [
        *([f"this job lacks {quoted_list(missing)}"] if missing else []),
        *([f"the initial model lacks {quoted_list(further)}"] if further else []),
    ]
    raise ArtifactError(
        f"the initial model {source} must have the {what} of this job, in the same order: "
        + (
            " and ".join(differences)
            or f"it has {quoted_list(theirs)}, this job {quoted_list(ours)}"
        )
    )


def _check_precomputed(
    initial: InitialModel, columns: Sequence[str], artifacts: PrecomputedArtifacts
) -> None:
    """Precomputed artifacts say what upstream did: it must be what the trees were grown on."""
    made = initial.preprocessing
    for name, theirs, ours in (
        ("imputation", made.impute_dict, artifacts.impute_dict),
        ("risk tables", made.risk_tables, artifacts.risk_tables),
    ):
        if ours is None:
            continue
        differing = [
            column
            for column in columns
            if column in theirs and not _same_numbers(theirs[column], ours.get(column))
        ]
        if differing:
            raise ArtifactError(
                f"the precomputed {name} are not those of the initial model {initial.source}, "
                f"whose trees would mean other numbers: they differ for {quoted_list(differing)}"
            )


def _check_constraints(initial: InitialModel, hyperparams: LightGBMMtModelHyperparameters) -> None:
    """Checks that an initial model's trees keep the constraints of this job, each by itself."""
    factory = ModelFactory(hyperparams, initial.preprocessing.feature_sources)
    settings = factory.booster_settings()
    features = initial.preprocessing.feature_columns
    advice = "train the initial model with the same constraints, or this one without"
    directions = settings.leaf_value.monotone
    groups = [set(group) for group in settings.structure.interaction_constraints]
    for number, tree in enumerate(initial.trees, start=1):
        if directions is not None:
            for task, feature in violations(tree.structure, tree.leaf_value, directions):
                raise ArtifactError(
                    f"monotone_constraints: tree {number} of the initial model {initial.source} "
                    f"breaks the constraint of task {quoted(initial.tasks[task])} on "
                    f"{quoted(features[feature])}: {advice}"
                )
        for path in tree.structure.path_features() if groups else ():
            if not any(path <= group for group in groups):
                names = quoted_list(features[index] for index in sorted(path))
                raise ArtifactError(
                    f"interaction_constraints: tree {number} of the initial model "
                    f"{initial.source} has a path with {names}, which no group has: {advice}"
                )


def _same_numbers(theirs: float | RiskTable, ours: float | RiskTable | None) -> bool:
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return theirs == ours
    # What was read from a model directory knows a category by other texts, too.
    known = {text: theirs["bins"].get(text) for text in ours["bins"]}
    return theirs["default_bin"] == ours["default_bin"] and known == ours["bins"]


def risk_table_smoothing(
    hyperparams: LightGBMMtModelHyperparameters, initial: InitialModel | None
) -> float | Literal["auto"]:
    """How strongly this job's risk tables are smoothed.

    With an initial model as its were: whether these are the rows that its tables were made of, and
    have to be encoded out of fold, is told by making the tables again.
    """
    return hyperparams.risk_table_smoothing if initial is None else initial.smoothing
