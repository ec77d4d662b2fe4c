"""Rows of the failure table: constraints, base rates, initial models."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from failure_cases import (
    Case,
    Damage,
    artifact,
    config,
    everywhere,
    file_instead,
    settings,
    small_tree,
    steps,
    tables,
)
from failure_settings import FLAGS, IN_NATIVE, JOB_FILE
from jobs import run_job
from trees import CATEGORICAL, NUMERICAL

DIRECTIONS = 'an object {"<feature>": 1 or -1} or {"<task>": {"<feature>": 1 or -1}}'
KNOWN_TASKS = '"isFraud", "isCard", "isDebit"'


def of_controls() -> Iterator[Case]:
    for fault, changes, cause in (
        (
            "a constraint on no feature",
            {"monotone_constraints": {"amonut": 1}},
            'monotone_constraints names "amonut", which is neither in tab_field_list nor in '
            'cat_field_list; the nearest feature is "amount"',
        ),
        (
            "a constraint of no task",
            {"monotone_constraints": {"isCart": {"amount": 1}}},
            'monotone_constraints names the task "isCart", but task_label_names is '
            f'{KNOWN_TASKS}; the nearest is "isCard"',
        ),
        (
            "a constraint on a category",
            {"monotone_constraints": {"country": 1}},
            "monotone_constraints names categorical features, but categories have no order: "
            '"country"; a column whose numbers mean something belongs into tab_field_list',
        ),
        (
            "a direction that is none",
            {"monotone_constraints": {"amount": 2}},
            f"monotone_constraints must be {DIRECTIONS}, found 2",
        ),
        (
            "a direction as a flag",
            {"monotone_constraints": {"amount": True}},
            f"monotone_constraints must be {DIRECTIONS}, found true",
        ),
        (
            "constraints of both forms at once",
            {"monotone_constraints": {"amount": 1, "isCard": {"age": 1}}},
            f'monotone_constraints must be {DIRECTIONS}, found {{"age": 1}}',
        ),
        (
            "constraints in a list",
            {"monotone_constraints": [1, 0, -1]},
            f"monotone_constraints must be {DIRECTIONS}, found [1, 0, -1]",
        ),
        (
            "constraints and too many leaves",
            {"monotone_constraints": {"amount": 1}, "num_leaves": 5000},
            "num_leaves is 5000, but with monotone_constraints it can be at most 4096",
        ),
        (
            "a group with no feature",
            {"interaction_constraints": [["amount"], ["age", "balence"]]},
            'interaction_constraints names "balence", which is neither in tab_field_list nor in '
            'cat_field_list; the nearest feature is "balance"',
        ),
        (
            "groups that are no lists",
            {"interaction_constraints": ["amount", "age"]},
            'interaction_constraints must be a list of lists of features, found "amount" as item '
            '1, "age" as item 2',
        ),
        (
            "groups of indices",
            {"interaction_constraints": [[0, 1]]},
            "interaction_constraints must be a list of lists of features, found 0 as item 1, 1 as "
            "item 2",
        ),
        (
            "empty groups",
            {"interaction_constraints": [[], []]},
            "interaction_constraints has no feature in any group",
        ),
        (
            "a base rate of no task",
            {"task_base_rates": {"isDebt": 0.1}},
            f'task_base_rates names the task "isDebt", but task_label_names is {KNOWN_TASKS}; the '
            'nearest is "isDebit"',
        ),
        (
            "a base rate in percent",
            {"task_base_rates": {"isCard": 3.5}},
            'task_base_rates must be an object {"<task>": rate} of rates > 0 and < 1, found 3.5',
        ),
        (
            "a base rate of nothing",
            {"task_base_rates": {"isCard": 0}},
            'task_base_rates must be an object {"<task>": rate} of rates > 0 and < 1, found 0',
        ),
        (
            "base rates and calibration",
            {"task_base_rates": {"isCard": 0.01}, "calibrate_intercept": True},
            "calibrate_intercept takes for granted that training and validation rows were drawn "
            "alike, task_base_rates says that training rows were not: give one of them",
        ),
    ):
        yield Case(fault, settings(**changes), f"{cause} {IN_NATIVE}")
    yield Case(
        "constraints cut off from the platform",
        config("hyperparameters.json", {"monotone_constraints": '{"amount": 1'}),
        f'monotone_constraints must be {DIRECTIONS}, found "{{\\"amount\\": 1" '
        f"(in BASE/{JOB_FILE})",
    )


CHANNEL = "input/data/model"
AT = f"the initial model BASE/{CHANNEL}"
SAME = "must have the {} of this job, in the same order"


@cache
def model_directory(**changes: Any) -> Path:
    """The model directory of a job with these settings."""
    base = small_tree(Path(tempfile.mkdtemp()), **changes)
    run_job(base)
    return base / "model"


def initial(**changes: object) -> Damage:
    """The channel `model` has the model of another job."""

    def damage(base: Path) -> None:
        shutil.copytree(model_directory(**changes), base / CHANNEL)

    return damage


def of_initial_models() -> Iterator[Case]:
    yield Case(
        "an empty channel of the initial model",
        lambda base: (base / CHANNEL).mkdir(),
        f"BASE/{CHANNEL} is no model directory: wanted lightgbmmt_model.txt, <...>, found nothing",
    )
    yield Case(
        "an initial model that is not there",
        settings(init_model="earlier"),
        "wanted a model directory or a model.tar.gz, found none: BASE/earlier",
    )
    yield Case(
        "two initial models",
        steps(initial(), settings(init_model="earlier")),
        f"init_model is 'earlier', but there is the channel BASE/{CHANNEL}, too: one initial model "
        "is wanted",
    )
    yield Case(
        "an initial model that is cut off",
        steps(initial(), file_instead(f"{CHANNEL}/lightgbmmt_model.txt", b"tree\nversion=v4\n")),
        f"BASE/{CHANNEL}/lightgbmmt_model.txt: damaged: no entry 'num_class'",
    )
    yield Case(
        "an initial model of other tasks",
        steps(initial(), settings(task_label_names=["isFraud", "isDebit", "isCard"])),
        f"{AT} {SAME.format('tasks')}: it has 'isFraud', 'isCard', 'isDebit', this job 'isFraud', "
        "'isDebit', 'isCard'",
    )
    yield Case(
        "an initial model of fewer tasks",
        steps(initial(), settings(task_label_names=["isFraud", "isCard"])),
        f"{AT} {SAME.format('tasks')}: this job lacks 'isDebit'",
    )
    yield Case(
        "an initial model of other features",
        steps(initial(), settings(tab_field_list=["amount", "age"])),
        f"{AT} {SAME.format('features')}: this job lacks 'balance'",
    )
    yield Case(
        "an initial model with features in other roles",
        steps(
            initial(),
            settings(tab_field_list=["amount", "age"], cat_field_list=["balance", *CATEGORICAL]),
        ),
        f"{AT} {SAME.format('categorical features')}: the initial model lacks 'balance'",
    )
    yield Case(
        "an initial model with other risk tables",
        steps(initial(), settings(risk_tables="per_task")),
        "risk_tables is per_task, but the categories of the initial model "
        f"BASE/{CHANNEL} have the risks of one task",
    )
    yield Case(
        "an initial model and other imputation upstream",
        steps(
            initial(),
            tables(everywhere(balance="0.5")),
            artifact("impute_dict.pkl", dict.fromkeys(NUMERICAL, 0.25)),
        ),
        f"the precomputed imputation are not those of {AT}, whose trees would mean other numbers: "
        "they differ for 'amount', 'age', 'balance'",
        environ={FLAGS[0]: "true"},
    )
    yield Case(
        "an initial model that breaks a monotone constraint",
        steps(initial(), settings(monotone_constraints={"isCard": {"age": 1}})),
        f"monotone_constraints: tree 2 of {AT} breaks the constraint of task 'isCard' on 'age': "
        "train the initial model with the same constraints, or this one without",
    )
    yield Case(
        "an initial model that breaks an interaction constraint",
        steps(
            initial(num_leaves=8),
            settings(interaction_constraints=[[name] for name in (*NUMERICAL, *CATEGORICAL)]),
        ),
        f"interaction_constraints: tree 1 of {AT} has a path with <...>, which no group has: train "
        "the initial model with the same constraints, or this one without",
    )
