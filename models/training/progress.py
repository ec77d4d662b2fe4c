"""Progress of the training, for a person who watches and for a tuner that reads the log."""

import logging
import math
import sys
import time
from typing import TextIO

from lightgbm.callback import CallbackEnv

from models.engine.training_state import TrainingState

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 5.0
_SHARE_BETWEEN_LINES = 0.1
_SECONDS_BETWEEN_REDRAWS = 0.2
_BAR_WIDTH = 20
"""Short enough for any line that is logged in training to cover the bar."""


class Progress:
    """A line every few seconds or every tenth of the way; on a terminal a bar besides.

    A line has the iteration, the latest validation AUC (main task and mean), the rate and the time
    left, and is followed by the metrics in the form that a SageMaker tuner reads.
    """

    order = 10
    before_iteration = False

    def __init__(
        self, state: TrainingState, num_iterations: int, stream: TextIO | None = None
    ) -> None:
        self._state = state
        self._num_iterations = num_iterations
        self._stream = sys.stdout if stream is None else stream
        self._first = state.current_iteration
        self._started = time.monotonic()
        self._last_line = self._started
        self._last_line_share = self._first / num_iterations
        self._last_draw = -math.inf

    def __call__(self, env: CallbackEnv) -> None:
        """Reports the iteration if it is time."""
        now = time.monotonic()
        done = env.iteration + 1
        share = done / self._num_iterations
        last = done == self._num_iterations
        due = (
            now - self._last_line >= _SECONDS_BETWEEN_LINES
            or share - self._last_line_share >= _SHARE_BETWEEN_LINES - 1e-9
        )
        if self._stream.isatty() and (last or now - self._last_draw >= _SECONDS_BETWEEN_REDRAWS):
            self._draw_bar(share, last=last)
            self._last_draw = now
        if due or last:
            self._last_line, self._last_line_share = now, share
            self._clear_bar(last=last)
            self._log_line(done, now)

    def _log_line(self, done: int, now: float) -> None:
        elapsed = max(now - self._started, 1e-9)
        rate = (done - self._first) / elapsed
        logger.info(
            "iteration %d/%d  %s%.1f trees/s  %s left",
            done,
            self._num_iterations,
            self._scores(),
            rate,
            _duration((self._num_iterations - done) / rate),
        )
        if self._state.evaluated_iterations:
            log_tuner_metrics("val", self._latest_metrics())

    def _latest_metrics(self) -> dict[str, float]:
        state = self._state
        latest = [aucs[-1] for aucs in state.task_performances.values()]
        return {
            "main_auc": latest[state.main_task],
            "mean_auc": mean_of_defined(latest),
            "mean_logloss": state.mean_loglosses[-1],
        }

    def _scores(self) -> str:
        if not self._state.evaluated_iterations:
            return ""
        metrics = self._latest_metrics()
        return f"val AUC main {metrics['main_auc']:.4f} mean {metrics['mean_auc']:.4f}  "

    def _draw_bar(self, share: float, *, last: bool) -> None:
        filled = round(share * _BAR_WIDTH)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        # Back at its start, so that a line of anyone else's overwrites the bar.
        self._stream.write(f"\r[{bar}] {share:4.0%}" + ("\n" if last else "\r"))
        self._stream.flush()

    def _clear_bar(self, *, last: bool) -> None:
        if self._stream.isatty() and not last:
            self._stream.write("\r" + " " * (_BAR_WIDTH + 8) + "\r")


def mean_of_defined(values: list[float]) -> float:
    """Mean of the values that are not nan; nan if there is none."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def log_tuner_metrics(split: str, metrics: dict[str, float]) -> None:
    """Logs `val:main_auc=0.8542;` style metrics; an undefined one is left out."""
    logger.info(
        " ".join(
            f"{split}:{name}={value:.6f};"
            for name, value in metrics.items()
            if not math.isnan(value)
        )
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
