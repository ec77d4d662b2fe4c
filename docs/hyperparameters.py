"""Writes `docs/hyperparameters.md` from the schema: `python -m docs.hyperparameters`."""

import json
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hyperparams.job_hyperparameters import LightGBMMtModelHyperparameters
from hyperparams.known_names import IGNORED_NAMES, OTHER_SPELLINGS
from hyperparams.problems import values_of

PAGE = Path(__file__).with_suffix(".md")
KNOBS = LightGBMMtModelHyperparameters.model_fields

# The first knob of each section, in the order of the schema.
SECTIONS = {
    "tab_field_list": "Columns and tasks",
    "loss_type": "Losses and task weights",
    "num_iterations": "Trees",
    "eval_frequency": "Evaluation, stopping, checkpoints",
    "risk_table_smoothing": "Risk tables",
    "monotone_constraints": "Controls",
}

INTRODUCTION = """\
# Hyperparameters

This page is written by `python -m docs.hyperparameters` from `hyperparams/schema.py`.

Values come from `code/hyperparams/hyperparameters.json` (or `hyperparameters_<REGION>.json` beside
it if the environment variable `REGION` is `NA`, `EU` or `FE` and that file exists), from
SageMaker's `input/config/hyperparameters.json`, whose values are text that is converted, or from
both: then the latter win. `null` for a knob means its default. Every problem is reported at once,
one line each, with the file that the value came from. A knob that has no effect in a job is named
in its log. The model directory's `hyperparameters.json` holds all of them and is read like any
other.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_sections(), *_other_names()])


def _sections() -> list[str]:
    lines: list[str] = []
    for name, field in KNOBS.items():
        if name in SECTIONS:
            head = [f"## {SECTIONS[name]}", "", "| Name | Type and range | Default | Meaning |"]
            lines += [*([""] if lines else []), *head, "|---|---|---|---|"]
        kind = values_of(field).replace(" (text in one line, not blank)", "")
        cells = (f"`{name}`", kind, _default(field), field.description or "")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return lines


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "worked out"
    if field.default is None or field.default is PydanticUndefined:
        return "none"
    return f"`{json.dumps(field.default)}`"


def _other_names() -> list[str]:
    aliases: dict[str, list[str]] = {}
    for alias, knob in OTHER_SPELLINGS.items():
        aliases.setdefault(knob, []).append(f"`{alias}`")
    return [
        "",
        "## Other names",
        "",
        "An unknown name is an error that says what does the same here. These are the names of",
        "LightGBM, XGBoost, CatBoost and scikit-learn for knobs that there are:",
        "",
        "| Here | Elsewhere |",
        "|---|---|",
        *(f"| `{knob}` | {', '.join(names)} |" for knob, names in aliases.items()),
        "",
        "## Accepted and ignored",
        "",
        "A job file of the older script runs as it is: these of its names have no effect here, and",
        "the log lists those that were given.",
        ", ".join(f"`{name}`" for name in IGNORED_NAMES) + ".",
        "",
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
