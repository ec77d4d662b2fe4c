"""Rows of the failure table: constraints, base rates, initial models."""

from collections.abc import Iterator

from failure_cases import Case, config, settings
from failure_settings import IN_NATIVE, JOB_FILE

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
