"""What the user reads when hyperparameters are wrong: one line per problem, no library jargon."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from common.messages import as_json, listed
from exceptions import HyperparameterError

INT32_MAX = 2**31 - 1
MAX_LEAVES = 131_072  # LightGBM 4.7 refuses more
# Limits that nobody meets by intention: named only to those who do.
_REMOTE_LIMITS = {INT32_MAX, MAX_LEAVES}

_LONGEST_LINE = 1000  # SageMaker shows the first 1024 characters of a failure
_LISTED_ITEMS = 10
_SCALARS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "a column name (text in one line, not blank)",
}


class Problem(NamedTuple):
    """One violation.

    Attributes:
        knobs: names of the hyperparameters that it is about.
        text: one line, without the file that the values came from.
    """

    knobs: tuple[str, ...]
    text: str


class Described(NamedTuple):
    """Says what values a field takes where its type would not be plain enough.

    Attributes:
        text: goes on after "must be".
    """

    text: str


def explain(error: ValidationError, fields: Mapping[str, FieldInfo]) -> list[Problem]:
    """Turn what pydantic found into problems, one per field.

    Args:
        error: raised by a model whose cross-field check puts its problems into the error's
            context as ``problems``.
        fields: the model's fields.

    Returns:
        Problems in the order of the fields, those between fields last.
    """
    by_field: dict[str, list[Any]] = {}
    between_fields: list[Problem] = []
    for detail in error.errors():
        if detail["type"] == "contradiction":
            between_fields += detail["ctx"]["problems"]
        # A default that is worked out from a refused field is no problem of its own.
        elif detail["type"] != "default_factory_not_called":
            by_field.setdefault(str(detail["loc"][0]), []).append(detail)
    of_fields = [
        Problem((name,), _explain_field(name, fields[name], details))
        for name, details in by_field.items()
    ]
    return of_fields + between_fields


def refused_fields(error: ValidationError) -> set[str]:
    """Return the fields whose value is missing or refused."""
    return {
        str(detail["loc"][0])
        for detail in error.errors()
        if detail["type"] not in ("contradiction", "default_factory_not_called")
    }


def _explain_field(name: str, field: FieldInfo, details: Sequence[Any]) -> str:
    if details[0]["type"] == "missing":
        return f"Missing required key in hyperparameters: {name}"
    value = details[0]["input"]
    items = [detail for detail in details if isinstance(detail["loc"][-1], int)]
    if items:
        shown = [f"{as_json(item['input'])} as item {item['loc'][-1] + 1}" for item in items]
        found = listed(shown, most=_LISTED_ITEMS)
    else:
        found = as_json(value)
    return f"{name} must be {values_of(field, value)}, found {found}"


def values_of(field: FieldInfo, found: object = None) -> str:
    """Describe the values that a field takes: in its own words, else as `wanted`."""
    described = [item.text for item in field.metadata if isinstance(item, Described)]
    return described[0] if described else wanted(field.annotation, field.metadata, found)


def wanted(annotation: Any, metadata: Sequence[Any], found: object = None) -> str:
    """Describe the values that a field takes, from its type and its bounds.

    Args:
        annotation: the field's type.
        metadata: its constraints; those that are no bounds are skipped.
        found: the refused value; it decides whether a far-off technical limit is named.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return wanted(parts[0], [*parts[1:], *metadata], found)
    if origin in (Union, UnionType):
        kinds = [wanted(part, metadata, found) for part in parts if part is not NoneType]
        return " or ".join(kinds)
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}" if len(parts) > 1 else str(parts[0])
    if origin is list:
        least = next((f"at least {m.min_length} " for m in metadata if isinstance(m, MinLen)), "")
        return f"a list of {least}column names (text in one line, not blank)"
    if origin is dict:
        return 'an object {"<task>": "<column>"} of column names'
    return _SCALARS[annotation] + _bounds(metadata, found)


def _bounds(metadata: Sequence[Any], found: object) -> str:
    texts = []
    for bound in metadata:
        match bound:
            case Ge(ge=limit):
                texts.append(f">= {limit}")
            case Gt(gt=limit):
                texts.append(f"> {limit}")
            case Le(le=limit):
                reached = isinstance(found, int | float) and found > float(str(limit))
                if limit not in _REMOTE_LIMITS or reached:
                    texts.append(f"<= {limit}")
            case Lt(lt=limit):
                texts.append(f"< {limit}")
    return f" {' and '.join(texts)}" if texts else ""


def hyperparameter_error(
    problems: Sequence[Problem], origins: Mapping[str, str]
) -> HyperparameterError:
    """Build the one error that reports all problems.

    Args:
        problems: at least one.
        origins: for each given knob where its value came from, such as ``in /opt/ml/...json``.

    Returns:
        With one problem, the message is its line. With several, the first line sums them up in
        less than 1024 characters, and one line for each follows.
    """
    lines = [_shorten(problem.text + _origin(problem, origins)) for problem in problems]
    if len(lines) == 1:
        return HyperparameterError(lines[0])
    summary = f"{len(lines)} problems in the hyperparameters: {'; '.join(lines)}"
    return HyperparameterError("\n".join([_shorten(summary), *lines]))


def _origin(problem: Problem, origins: Mapping[str, str]) -> str:
    places = dict.fromkeys(origins[knob] for knob in problem.knobs if knob in origins)
    return f" ({', '.join(places)})" if places else ""


def _shorten(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + " ..."
