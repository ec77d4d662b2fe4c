"""Rules between knobs: what a single value cannot show."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from common.messages import as_json, json_list, nearest
from hyperparams.control_rules import CONTROL_RULES
from hyperparams.hints import HINTS
from hyperparams.known_names import IGNORED_NAMES, OTHER_SPELLINGS
from hyperparams.problems import Problem
from hyperparams.schema import Knobs


def find_contradictions(hp: Knobs, undecided: Iterable[str]) -> list[Problem]:
    """Return everything that does not fit together, and the unknown names.

    Args:
        hp: hyperparameters whose single values are valid.
        undecided: knobs whose value was refused; no problem that is about one is returned.
    """
    refused = set(undecided)
    return [problem for rule in _RULES for problem in rule(hp) if refused.isdisjoint(problem.knobs)]


def _unknown_names(hp: Knobs) -> Iterator[Problem]:
    knobs = type(hp).model_fields
    for name in hp.model_extra or {}:
        if name in IGNORED_NAMES:
            continue
        plain = name.lower().replace("-", "_")
        advice = HINTS.get(plain)
        if advice is None:
            known = OTHER_SPELLINGS.get(plain) or nearest(name, [*knobs, *IGNORED_NAMES])
            advice = f"the nearest known name is {as_json(known)}"
        yield Problem((name,), f"Unknown hyperparameter {as_json(name)}; {advice}")


def _no_features(hp: Knobs) -> Iterator[Problem]:
    if not hp.feature_list:
        text = "tab_field_list and cat_field_list are both empty: at least one feature is needed"
        yield Problem(("tab_field_list", "cat_field_list"), text)


def _repeated_names(hp: Knobs) -> Iterator[Problem]:
    lists = {
        "tab_field_list": hp.tab_field_list,
        "cat_field_list": hp.cat_field_list,
        "task_label_names": hp.task_label_names or [],
    }
    for knob, names in lists.items():
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            yield Problem((knob,), f"{knob} names more than once: {json_list(repeated)}")


def _features_of_both_kinds(hp: Knobs) -> Iterator[Problem]:
    categorical = set(hp.cat_field_list)
    both = _distinct(name for name in hp.tab_field_list if name in categorical)
    if both:
        text = f"in both tab_field_list and cat_field_list: {json_list(both)}"
        yield Problem(("tab_field_list", "cat_field_list"), text)


def _features_that_are_labels(hp: Knobs) -> Iterator[Problem]:
    tasks = set(hp.task_label_names or [])
    for knob, names in _feature_lists(hp):
        labels = _distinct(name for name in names if name in tasks and name != hp.label_name)
        if labels:
            text = f"in both {knob} and task_label_names, but a label is no feature: "
            yield Problem((knob, "task_label_names"), text + json_list(labels))
        if hp.label_name in names:
            text = (
                f"label_name {as_json(hp.label_name)} is also in {knob}, but a label is no feature"
            )
            yield Problem((knob, "label_name"), text)


def _main_task(hp: Knobs) -> Iterator[Problem]:
    tasks = hp.task_label_names
    if tasks is None:
        return
    if hp.label_name not in tasks:
        close = nearest(hp.label_name, tasks)
        text = (
            f"label_name {as_json(hp.label_name)} is not among task_label_names "
            f"({json_list(tasks)}); the nearest is {as_json(close)}"
        )
        yield Problem(("label_name", "task_label_names"), text)
    elif hp.main_task_index != tasks.index(hp.label_name):
        text = (
            f"main_task_index is {hp.main_task_index}, but label_name {as_json(hp.label_name)} "
            f"has index {tasks.index(hp.label_name)} in task_label_names"
        )
        yield Problem(("main_task_index", "label_name", "task_label_names"), text)


def _number_of_tasks(hp: Knobs) -> Iterator[Problem]:
    tasks = hp.task_label_names
    if tasks is not None and hp.num_tasks != len(tasks):
        text = f"num_tasks is {hp.num_tasks}, but task_label_names has {len(tasks)} names"
        yield Problem(("num_tasks", "task_label_names"), text)


def _id_with_another_role(hp: Knobs) -> Iterator[Problem]:
    given = "" if "id_name" in hp.model_fields_set else " (the default)"
    roles = [*_feature_lists(hp), *_label_lists(hp)]
    for knob, names in roles:
        if hp.id_name in names:
            text = f"id_name {as_json(hp.id_name)}{given} is also in {knob}"
            yield Problem(("id_name", knob), text)


def _weights_with_another_role(hp: Knobs) -> Iterator[Problem]:
    columns = {
        "sample_weight_name": [hp.sample_weight_name] if hp.sample_weight_name else [],
        "task_weight_columns": _distinct((hp.task_weight_columns or {}).values()),
    }
    roles = [*_feature_lists(hp), *_label_lists(hp), ("id_name", [hp.id_name])]
    for weight_knob, weights in columns.items():
        for knob, names in roles:
            shared = [column for column in weights if column in names]
            if shared:
                text = f"{weight_knob} uses columns that are also in {knob}: {json_list(shared)}"
                yield Problem((weight_knob, knob), text)


def _columns_of_unknown_tasks(hp: Knobs) -> Iterator[Problem]:
    tasks = hp.task_label_names
    columns = {
        "task_weight_columns": hp.task_weight_columns,
        "previous_score_columns": hp.previous_score_columns,
    }
    for knob, column_of_task in columns.items():
        unknown = [task for task in column_of_task or {} if task not in (tasks or [])]
        if tasks is not None and unknown:
            text = (
                f"{knob} has tasks that are not among task_label_names "
                f"({json_list(tasks)}): {json_list(unknown)}"
            )
            yield Problem((knob, "task_label_names"), text)


def _evaluation_columns_that_are_no_numbers(hp: Knobs) -> Iterator[Problem]:
    columns = {
        "amount_name": [hp.amount_name] if hp.amount_name else [],
        "previous_score_columns": _distinct((hp.previous_score_columns or {}).values()),
    }
    roles = [("cat_field_list", hp.cat_field_list), *_label_lists(hp), ("id_name", [hp.id_name])]
    for evaluation_knob, names_of_knob in columns.items():
        for knob, names in roles:
            shared = [column for column in names_of_knob if column in names]
            if shared:
                text = (
                    f"{evaluation_knob} needs columns of numbers, but these are also in {knob}: "
                    f"{json_list(shared)}"
                )
                yield Problem((evaluation_knob, knob), text)


def _quantized_sampling(hp: Knobs) -> Iterator[Problem]:
    if hp.use_quantized_grad is not True:
        return
    advice = 'set it to "auto" or false, or sample no'
    if hp.samples_rows:
        text = (
            f"use_quantized_grad is true, but LightGBM 4.7 crashes with it when bagging_fraction "
            f"is below 1 ({hp.bagging_fraction}): {advice} rows"
        )
        yield Problem(("use_quantized_grad", "bagging_fraction", "bagging_freq"), text)
    if hp.feature_fraction < 1:
        text = (
            f"use_quantized_grad is true, but models degrade with it when feature_fraction "
            f"is below 1 ({hp.feature_fraction}): {advice} features"
        )
        yield Problem(("use_quantized_grad", "feature_fraction"), text)


def _feature_lists(hp: Knobs) -> list[tuple[str, list[str]]]:
    return [("tab_field_list", hp.tab_field_list), ("cat_field_list", hp.cat_field_list)]


def _label_lists(hp: Knobs) -> list[tuple[str, list[str]]]:
    subtasks = [name for name in hp.task_label_names or [] if name != hp.label_name]
    return [("label_name", [hp.label_name]), ("task_label_names", subtasks)]


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


_RULES: tuple[Callable[[Knobs], Iterator[Problem]], ...] = (
    _unknown_names,
    _no_features,
    _repeated_names,
    _features_of_both_kinds,
    _features_that_are_labels,
    _main_task,
    _number_of_tasks,
    _id_with_another_role,
    _weights_with_another_role,
    _columns_of_unknown_tasks,
    _evaluation_columns_that_are_no_numbers,
    _quantized_sampling,
    *CONTROL_RULES,
)
