"""Rules between the knobs that control a model: constraints, base rates, an initial model."""

from collections.abc import Iterator

from common.messages import as_json, json_list, nearest
from hyperparams.problems import Problem
from hyperparams.schema import Knobs

MOST_LEAVES_WITH_CONSTRAINTS = 4096
"""Every leaf is compared with every other: more would take hours."""


def _unknown_features(hp: Knobs) -> Iterator[Problem]:
    groups = [name for group in hp.interaction_constraints or [] for name in group]
    named = {
        "monotone_constraints": hp.monotone_features,
        "interaction_constraints": list(dict.fromkeys(groups)),
    }
    for knob, names in named.items():
        for name in names:
            if name not in hp.feature_list:
                close = nearest(name, hp.feature_list)
                text = (
                    f"{knob} names {as_json(name)}, which is neither in tab_field_list nor in "
                    f"cat_field_list; the nearest feature is {as_json(close)}"
                )
                yield Problem((knob, "tab_field_list", "cat_field_list"), text)


def _unknown_tasks(hp: Knobs) -> Iterator[Problem]:
    tasks = hp.task_label_names
    if tasks is None:
        return
    monotone = [
        task for task, value in (hp.monotone_constraints or {}).items() if isinstance(value, dict)
    ]
    named = {"monotone_constraints": monotone, "task_base_rates": list(hp.task_base_rates or {})}
    for knob, names in named.items():
        for name in names:
            if name not in tasks:
                text = (
                    f"{knob} names the task {as_json(name)}, but task_label_names is "
                    f"{json_list(tasks)}; the nearest is {as_json(nearest(name, tasks))}"
                )
                yield Problem((knob, "task_label_names"), text)


def _monotone_categories(hp: Knobs) -> Iterator[Problem]:
    categorical = [name for name in hp.monotone_features if name in hp.cat_field_list]
    if categorical:
        text = (
            "monotone_constraints names categorical features, but categories have no order: "
            f"{json_list(categorical)}; a column whose numbers mean something belongs into "
            "tab_field_list"
        )
        yield Problem(("monotone_constraints", "cat_field_list"), text)


def _monotone_leaves(hp: Knobs) -> Iterator[Problem]:
    if hp.monotone_constraints and hp.num_leaves > MOST_LEAVES_WITH_CONSTRAINTS:
        text = (
            f"num_leaves is {hp.num_leaves}, but with monotone_constraints it can be at most "
            f"{MOST_LEAVES_WITH_CONSTRAINTS}"
        )
        yield Problem(("num_leaves", "monotone_constraints"), text)


def _empty_groups(hp: Knobs) -> Iterator[Problem]:
    groups = hp.interaction_constraints or []
    if groups and not any(groups):
        text = "interaction_constraints has no feature in any group"
        yield Problem(("interaction_constraints",), text)


def _two_base_rates(hp: Knobs) -> Iterator[Problem]:
    if hp.task_base_rates and hp.calibrate_intercept:
        text = (
            "calibrate_intercept takes for granted that training and validation rows were drawn "
            "alike, task_base_rates says that training rows were not: give one of them"
        )
        yield Problem(("calibrate_intercept", "task_base_rates"), text)


CONTROL_RULES = (
    _unknown_features,
    _unknown_tasks,
    _monotone_categories,
    _monotone_leaves,
    _empty_groups,
    _two_base_rates,
)
