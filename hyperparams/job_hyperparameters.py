"""The hyperparameters of one job: the knobs of the schema, free of contradictions."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic import ValidationInfo as Info
from pydantic_core import PydanticCustomError

from common.messages import json_list
from hyperparams.contradictions import find_contradictions
from hyperparams.effects import without_effect
from hyperparams.problems import (
    Problem,
    explain,
    hyperparameter_error,
    refused_fields,
)
from hyperparams.schema import Knobs

# Stand for required knobs that are missing or refused, so that the others can still be compared;
# no rule that reads a knob which is stood in for is applied.
_STAND_INS: dict[str, Any] = {
    "tab_field_list": [],
    "cat_field_list": [],
    "label_name": "label",
    "loss_type": "fixed",
}


class LightGBMMtModelHyperparameters(Knobs):
    """The hyperparameters of one job, complete and free of contradictions.

    ``None`` means the default. ``parse`` reports problems in the user's terms; the constructor
    raises pydantic's ``ValidationError`` for the same problems.
    """

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in cls.model_fields
        }

    @model_validator(mode="after")
    def _refuse_contradictions(self, info: Info) -> Self:
        undecided: set[str] = (info.context or {}).get("undecided", set())
        problems = find_contradictions(self, undecided)
        if problems:
            summary = "; ".join(problem.text for problem in problems)
            context = {"summary": summary, "problems": problems}
            raise PydanticCustomError("contradiction", "{summary}", context)
        return self

    @classmethod
    def parse(
        cls, values: Mapping[str, Any], origins: Mapping[str, str] | None = None
    ) -> "LightGBMMtModelHyperparameters":
        """Validate values and report every problem at once.

        Args:
            values: by name, native or as text.
            origins: for each name where its value came from, such as ``in <file>``; it ends the
                message about that value.

        Raises:
            HyperparameterError: one line per missing, unknown, refused or contradicting value.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = explain(error, cls.model_fields)
            undecided = refused_fields(error)
        # A refused field hides the rules between fields: apply those that do not read it.
        if undecided:
            decided = {name: value for name, value in values.items() if name not in undecided}
            stand_ins = {name: _STAND_INS[name] for name in _STAND_INS.keys() & undecided}
            try:
                cls.model_validate(decided | stand_ins, context={"undecided": undecided})
            except ValidationError as error:
                problems += explain(error, cls.model_fields)
        given = {
            name: origin for name, origin in (origins or {}).items() if values.get(name) is not None
        }
        raise hyperparameter_error(problems, given)

    def with_tasks(self, task_names: list[str]) -> "LightGBMMtModelHyperparameters":
        """Fill in the tasks that were found in the data.

        Args:
            task_names: label columns of all tasks, in order.

        Returns:
            The same hyperparameters with ``task_label_names``, ``num_tasks`` and
            ``main_task_index`` set.

        Raises:
            HyperparameterError: the tasks do not agree with ``label_name``, ``num_tasks``,
                ``main_task_index``, ``task_label_names`` or the features.
        """
        if self.task_label_names not in (None, task_names):
            text = (
                f"task_label_names is {json_list(self.task_label_names or [])}, "
                f"but the tasks of the data are {json_list(task_names)}"
            )
            raise hyperparameter_error([Problem(("task_label_names",), text)], {})
        values = self.model_dump(exclude_unset=True) | {"task_label_names": list(task_names)}
        return self.parse(values, {"task_label_names": "found in the data"})

    def to_json(self) -> str:
        """Return all values, defaults and ignored ones included, as a JSON object.

        The older script's schema takes it, too: what is off is null there, and its required
        `full_field_list` and `multiclass_categories` are filled in unless they were given.
        ``load_hyperparameters`` reads an equal object from it.
        """
        return json.dumps(self._written(), indent=2, ensure_ascii=False) + "\n"

    def _written(self) -> dict[str, Any]:
        values = self.model_dump()
        if self.early_stopping_rounds == 0:
            values["early_stopping_rounds"] = None
        if self.loss_weight_method == "standard":
            values["loss_weight_method"] = None
        for name, filled_in in (
            ("full_field_list", self._columns()),
            ("multiclass_categories", [0, 1]),
        ):
            if values.get(name) is None:
                values[name] = filled_in
        return values

    def _columns(self) -> list[str]:
        """All columns that the job reads: id, features, labels, weights, what it is judged by."""
        weights = [self.sample_weight_name, *(self.task_weight_columns or {}).values()]
        judged_by = [self.amount_name, *(self.previous_score_columns or {}).values()]
        columns = [
            self.id_name,
            *self.feature_list,
            *(self.task_label_names or [self.label_name]),
            *(column for column in [*weights, *judged_by] if column is not None),
        ]
        return list(dict.fromkeys(columns))

    def __eq__(self, other: object) -> bool:
        """Whether both describe the same job, whatever was given and whatever filled in."""
        if not isinstance(other, LightGBMMtModelHyperparameters):
            return NotImplemented
        return self._written() == other._written()

    __hash__ = None  # type: ignore[assignment] # its lists have none

    def without_effect(
        self, *, risk_tables_given: bool = False, has_checkpoints: bool = True
    ) -> dict[str, str]:
        """Return the knobs that were set but have no effect in this job, with the reason.

        Args:
            risk_tables_given: the job uses precomputed risk tables.
            has_checkpoints: the job has a folder for checkpoints.
        """
        return without_effect(
            self, risk_tables_given=risk_tables_given, has_checkpoints=has_checkpoints
        )
