"""From figures to `report.html`: one file without script, and nothing from the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.messages import as_json
from models.report import charts, numbers, verdict
from models.report.tables import feature_rows, moved_bins, risk_rows

MANY_TASKS = 3
"""Above this there is a list of contents, and the tasks fold."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        metrics: Split -> content of its `metrics.json`: `val`, and `test` if it has labels.
        state: Content of `training_state.json`.
        settings: Content of `hyperparameters.json`.
        given: Names of the settings that were given; the others are defaults.
        weight_columns: Columns that hold row weights.
        warnings: Warnings of the job, in order.
        scored_only: There is a test split without labels.
        model_digest: SHA-256 of the model file, as hex digits.
        versions: Versions by package.
    """

    metrics: Mapping[str, Mapping[str, Any]]
    state: Mapping[str, Any]
    settings: Mapping[str, Any]
    given: Sequence[str]
    weight_columns: Sequence[str]
    warnings: Sequence[str]
    scored_only: bool
    model_digest: str
    versions: Mapping[str, str]


def render(report: Report) -> str:
    """The page as HTML."""
    # Imported here because a job that fails before its evaluation has no use for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "name": numbers.name,
        "plain_name": numbers.plain_name,
        "json": lambda value: as_json(value, 3000),
        "printable": numbers.plain_name,
        **numbers.FORMATS,
    }
    return environment.get_template("page.html.j2").render(_context(report))


def _context(report: Report) -> dict[str, Any]:
    tasks = list(report.state["task_names"])
    figures = numbers.Figures(report.metrics)
    main = int(report.state["main_task"])
    splits = [name for name in ("test", "val") if name in report.metrics]
    # The verdict is about the rows that can tell: the test rows, if they have both classes.
    split = next((name for name in splits if figures.get(name, main, "defined")), splits[0])
    # The main task comes first, whatever its place among the tasks.
    order = [main, *(task for task in range(len(tasks)) if task != main)]
    with_previous = [task for task in order if figures.get(split, task, "previous")]
    return {
        "f": figures,
        "report": report,
        "state": report.state,
        "tasks": tasks,
        "order": order,
        "main": main,
        "split": split,
        "split_name": verdict.SPLIT_NAMES[split],
        "splits": splits,
        "split_names": verdict.SPLIT_NAMES,
        "many": len(tasks) > MANY_TASKS,
        "has_money": any(figures.get(split, task, "money_caught") for task in order),
        "with_previous": with_previous,
        "amount_name": report.settings.get("amount_name"),
        "kept_trees": _kept_trees(report),
        "stopped_on_request": _stopped_on_request(report),
        "attention": verdict.points_of_attention(figures, tasks, split),
        "compared": lambda task: verdict.compared(figures, split, task),
        "shift_word": verdict.shift_word,
        "features": feature_rows(report.metrics["val"], tasks, order),
        "risk_tables": risk_rows(report.metrics["val"]),
        "moved": moved_bins(report.metrics[split]["drift"]["features"]),
        "charts": charts,
        "line_kinds": {"test": "line1", "val": "line2"},
    }


def _kept_trees(report: Report) -> int:
    """Trees of this training that the model has."""
    state = report.state
    keeps_best = report.settings["early_stopping_rounds"] and state["best_iteration"]
    return int(state["best_iteration"] if keeps_best else state["current_iteration"])


def _stopped_on_request(report: Report) -> bool:
    """Whether there are fewer trees than asked for, and early stopping is not the reason."""
    state, settings = report.state, report.settings
    if state["current_iteration"] >= settings["num_iterations"]:
        return False
    rounds, frequency = settings["early_stopping_rounds"], settings["eval_frequency"]
    # The evaluation after the last tree is made when it is over.
    looked_at = [after for after in state["evaluated_iterations"] if after % frequency == 0]
    is_early = rounds and looked_at and looked_at[-1] - state["best_iteration"] >= rounds
    return not is_early
