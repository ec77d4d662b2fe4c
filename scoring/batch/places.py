"""Where a batch step reads and writes. Standard library only: it is read before packages exist."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exceptions import UserError

DEFAULT_BASE = "/opt/ml"
FAILURE = "_FAILURE"


@dataclass(frozen=True)
class BatchPlaces:
    """The three places of a batch step.

    Attributes:
        model: a model directory, or a folder with a `model.tar.gz`, or that file.
        rows: the folder of the rows' files.
        output: the folder of predictions and markers.
    """

    model: Path
    rows: Path
    output: Path

    @classmethod
    def of(cls, arguments: Sequence[str], environ: Mapping[str, str]) -> "BatchPlaces":
        """Those of the arguments, else those of a processing step; unknown arguments are let be."""
        parser = argparse.ArgumentParser(
            allow_abbrev=False, description="Scores files of raw rows, see docs/scoring.md."
        )
        parser.add_argument("--model", type=Path, help="model directory or model.tar.gz")
        parser.add_argument("--input", type=Path, help="folder of the rows to be scored")
        parser.add_argument("--output", type=Path, help="folder of the predictions")
        parser.add_argument("--job_type", help="a name of the pipeline's, which changes nothing")
        known, _ = parser.parse_known_args(arguments)
        step = Path(environ.get("SAGEMAKER_BASE_DIR") or DEFAULT_BASE) / "processing"
        return cls(
            known.model or step / "input" / "model",
            known.input or step / "input" / "eval_data",
            known.output or step / "output" / "eval",
        )

    def check(self) -> None:
        """Refuse an output among the rows, where the next run would take it for rows.

        Raises:
            UserError: the output is the folder of the rows, or lies in it.
        """
        if self.output.resolve().is_relative_to(self.rows.resolve()):
            raise UserError(
                f"the output {self.output} is the folder of the rows {self.rows}, or lies in it: "
                "the next run would score its own predictions; choose another folder"
            )

    @property
    def failure(self) -> Path:
        """The marker that says why the step has failed."""
        return self.output / FAILURE
