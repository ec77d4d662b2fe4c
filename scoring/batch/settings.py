"""What the variables of a batch step ask for."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.messages import quoted_list
from common.result_names import IMPUTE_DICT, RISK_TABLE_MAP
from exceptions import UserError
from processing.features.artifacts import FLAGS
from processing.job.environment import environment_flag
from scoring.batch.json_output import check_orient

FORMATS = ("csv", "tsv", "parquet", "json")


@dataclass(frozen=True)
class BatchSettings:
    """How rows are scored and written.

    Attributes:
        output_format: one of `FORMATS`; None: that of the rows.
        json_orient: shape of a JSON file, see `scoring.batch.json_output`.
        id_field: the column that must be among the rows, None if any will do.
        task_names: the tasks that the model must have, None if any will do.
        rows_are_imputed: missing numbers are filled in already.
        rows_are_mapped: categories are numbers already.
        n_reasons: reasons per task, 0 for none.
        n_threads: blocks of rows that are scored at once.
    """

    output_format: str | None
    json_orient: str
    id_field: str | None
    task_names: tuple[str, ...] | None
    rows_are_imputed: bool
    rows_are_mapped: bool
    n_reasons: int
    n_threads: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "BatchSettings":
        """Reads the variables; one that is set to an empty text counts as not set.

        Raises:
            UserError: a variable has a value that it cannot have.
        """
        output_format = environ.get("OUTPUT_FORMAT", "").strip().lower() or None
        if output_format is not None and output_format not in FORMATS:
            raise UserError(
                f"OUTPUT_FORMAT must be one of {', '.join(FORMATS)}, found {output_format[:60]!r}"
            )
        orient = environ.get("JSON_ORIENT", "").strip() or "records"
        check_orient(orient)
        return cls(
            output_format,
            orient,
            environ.get("ID_FIELD") or None,
            _task_names(environ.get("TASK_LABEL_NAMES", "")),
            environment_flag(environ, FLAGS[IMPUTE_DICT], default=False),
            environment_flag(environ, FLAGS[RISK_TABLE_MAP], default=False),
            _count(environ, "REASONS"),
            len(os.sched_getaffinity(0)),
        )

    def check_tasks(self, tasks: Sequence[str]) -> None:
        """Checks that the model has the tasks that it is taken to have, in any order.

        Raises:
            UserError: it has others.
        """
        if self.task_names is not None and sorted(self.task_names) != sorted(tasks):
            raise UserError(
                f"TASK_LABEL_NAMES is {quoted_list(self.task_names)}, but the model's tasks are "
                f"{quoted_list(tasks)}"
            )


def _task_names(text: str) -> tuple[str, ...] | None:
    text = text.strip()
    if not text:
        return None
    if not text.startswith("["):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(
            "TASK_LABEL_NAMES must be names with commas between them or a JSON list of names, "
            f"found {text[:100]!r}"
        )
    return tuple(names)


def _count(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise UserError(f"{name} must be a whole number from 0 on, found {text[:60]!r}")
    return int(text)
