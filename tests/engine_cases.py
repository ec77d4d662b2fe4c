"""Small tables, boosters and whole training runs for the tests of the engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from models.engine.booster import BoosterSettings, SharedTreeBooster
from models.engine.leaf_values import LeafValueSettings
from models.engine.row_part import RowPart
from models.engine.structure import StructureGrower, StructureSettings, make_datasets
from models.engine.task_rows import LabelledRows
from models.engine.training_state import TrainingState
from models.loss.base import MultiTaskLoss
from models.loss.fixed import FixedLoss
from models.training.checkpoint import Checkpoint, SavedCheckpoint
from models.training.factory import ModelFactory
from models.training.training_loop import Callback, train
from models.trees.model_text import model_text
from models.trees.multitask_model import MultiTaskModel

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """Features and labels of a training and a validation split."""

    train_x: Floats
    train: LabelledRows
    valid_x: Floats
    valid: LabelledRows

    @property
    def n_tasks(self) -> int:
        """K."""
        return self.train.n_tasks


def make_features(rng: np.random.Generator, n_rows: int) -> Floats:
    """Five columns: three continuous, one of few values, one of noise."""
    columns = [
        rng.normal(size=n_rows),
        rng.lognormal(size=n_rows),
        rng.uniform(-1, 1, n_rows),
        rng.integers(0, 4, n_rows),
        rng.normal(size=n_rows),
    ]
    return np.column_stack(columns).astype(np.float32)


def make_labels(rng: np.random.Generator, x: Floats, n_tasks: int) -> NDArray[np.uint8]:
    """Task k depends on two of the columns; later tasks are rarer."""
    signal = [
        1.5 * (x[:, k % 4] - x[:, k % 4].mean()) - x[:, (k + 1) % 4] - 0.4 * k
        for k in range(n_tasks)
    ]
    noise = rng.logistic(0, 0.7, (len(x), n_tasks))
    return np.ascontiguousarray(np.column_stack(signal) + noise > 0).astype(np.uint8)


def make_problem(n_rows: int = 800, n_tasks: int = 3, seed: int = 0) -> Problem:
    """Tasks that can be learned from the features; half as many validation rows."""
    rng = np.random.default_rng(seed)
    train_x, valid_x = make_features(rng, n_rows), make_features(rng, n_rows // 2)
    train_y, valid_y = make_labels(rng, train_x, n_tasks), make_labels(rng, valid_x, n_tasks)
    return Problem(train_x, LabelledRows(train_y), valid_x, LabelledRows(valid_y))


def with_labels(problem: Problem, train: NDArray[Any], valid: NDArray[Any]) -> Problem:
    """The same features with other labels, shapes (n, K)."""
    return replace(
        problem,
        train=LabelledRows(np.ascontiguousarray(train, dtype=np.uint8)),
        valid=LabelledRows(np.ascontiguousarray(valid, dtype=np.uint8)),
    )


def as_table(x: NDArray[np.floating]) -> pa.Table:
    """Features as the engine takes them."""
    return pa.table(
        {f"Column_{i}": pa.array(column.astype(np.float32)) for i, column in enumerate(x.T)}
    )


def make_booster(
    problem: Problem,
    loss: MultiTaskLoss | None = None,
    structure: StructureSettings | None = None,
    leaf_value: LeafValueSettings | None = None,
    **settings: Any,
) -> SharedTreeBooster:
    """A booster of plain settings, without the hyperparameters."""
    loss = FixedLoss(problem.n_tasks, 0) if loss is None else loss
    structure = StructureSettings(num_leaves=7) if structure is None else structure
    names = [f"task {k}" for k in range(problem.n_tasks)]
    tables = as_table(problem.train_x), as_table(problem.valid_x)
    rows = RowPart(
        StructureGrower(*make_datasets(*tables, structure), structure),
        tables,
        problem.train,
        problem.valid,
        loss,
        keep_best_self=settings.get("keep_best_self", False),
    )
    return SharedTreeBooster(
        rows,
        loss,
        BoosterSettings(
            structure, leaf_value or LeafValueSettings(0.1, 0.0, 1.0, 1e-3), **settings
        ),
        TrainingState(names, loss.main_task),
    )


def row_part(booster: SharedTreeBooster) -> RowPart:
    """The rows of a booster, which are in this process."""
    assert isinstance(booster._rows, RowPart)
    return booster._rows


def train_scores(booster: SharedTreeBooster) -> NDArray[np.floating]:
    """Raw scores of the training rows, shape (n, K)."""
    return row_part(booster).train_split.current_scores()


def text_of(booster: SharedTreeBooster) -> str:
    """The model file of a booster."""
    n_features = len(booster.feature_infos.split())
    names = [f"f{index}" for index in range(n_features)]
    return model_text(booster.trees, booster.base_score, names, booster.feature_infos, 0.1, {})


def sections(text: str) -> list[dict[str, str]]:
    """The fields of every tree in a model file."""
    trees = text.split("\nend of trees", 1)[0].split("\n\nTree=")[1:]
    return [dict(line.split("=", 1) for line in tree.split("\n")[1:] if line) for tree in trees]


def hyperparameters(n_tasks: int = 3, **changes: object) -> LightGBMMtModelHyperparameters:
    """Hyperparameters of a small run on a `Problem`."""
    names = [f"task {k}" for k in range(n_tasks)]
    values = {
        "tab_field_list": [f"f{index}" for index in range(5)],
        "cat_field_list": [],
        "label_name": names[0],
        "task_label_names": names,
        "loss_type": "fixed",
        "num_iterations": 12,
        "num_leaves": 7,
        "eval_frequency": 2,
        "num_threads": 1,
    }
    return LightGBMMtModelHyperparameters.parse(values | changes)


@dataclass
class Run:
    """A training run as the job does it, without files.

    Attributes:
        checkpoints: What was saved, by number of iterations.
    """

    problem: Problem
    hyperparams: LightGBMMtModelHyperparameters
    booster: SharedTreeBooster
    model: MultiTaskModel
    checkpoints: dict[int, bytes] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The model file."""
        return self.model.model_to_string()


def create_booster(
    factory: ModelFactory, problem: Problem, state: TrainingState
) -> SharedTreeBooster:
    """A booster of a problem's rows, without trees."""
    features = as_table(problem.train_x), as_table(problem.valid_x)
    settings = factory.booster_settings()
    datasets = make_datasets(*features, settings.structure)
    rows = factory.row_part(datasets, features, problem.train, problem.valid, settings)
    return factory.booster_of(rows, state)


def run_training(
    problem: Problem,
    hyperparams: LightGBMMtModelHyperparameters,
    resume_from: bytes | None = None,
    extra_callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains through the factory, with checkpoints as often as the hyperparameters say."""
    factory = ModelFactory(hyperparams)
    checkpoint = None if resume_from is None else SavedCheckpoint.from_bytes(resume_from).opened()
    state = factory.create_state() if checkpoint is None else checkpoint.state
    booster = create_booster(factory, problem, state)
    if checkpoint is not None:
        booster.restore(checkpoint.trees)
    saved: dict[int, bytes] = {}

    def save() -> None:
        saved[len(booster.trees)] = Checkpoint("job", booster.trees, booster.state).to_bytes()

    callbacks = [*factory.create_callbacks(state, lambda: False, save), *extra_callbacks]
    train(booster, hyperparams.num_iterations, hyperparams.eval_frequency, callbacks)
    model = factory.create_model(
        booster, [f"f{index}" for index in range(problem.train_x.shape[1])]
    )
    return Run(problem, hyperparams, booster, model, saved)
