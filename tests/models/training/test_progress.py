"""Progress lines, the bar and the tuner's metrics."""

import io
import logging
import math
import re

import pytest
from lightgbm.callback import CallbackEnv

from models.engine.training_state import TrainingState
from models.training.callbacks import TrainingStateCallback
from models.training.progress import Progress, log_tuner_metrics, mean_of_defined


class Clock:
    """A clock that only moves when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """True."""
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the progress lines."""
    clock = Clock()
    monkeypatch.setattr("models.training.progress.time", clock)
    return clock


def run(
    clock: Clock,
    n_iterations: int,
    seconds_per_iteration: float,
    *,
    first: int = 0,
    stream: io.StringIO | None = None,
    evaluated: bool = True,
    stop_at: int | None = None,
) -> None:
    """Calls it for every iteration; the third of four tasks is the main one."""
    state = TrainingState(["a", "b", "c", "d"], 2, current_iteration=first)
    progress = Progress(state, n_iterations, stream or io.StringIO())
    for iteration in range(first, n_iterations if stop_at is None else stop_at):
        clock.now += seconds_per_iteration
        state.current_iteration = iteration + 1
        if evaluated:
            state.record_evaluation([0.5, math.nan, 0.8, 0.65], 0.25)
        progress(
            CallbackEnv(
                model=None,
                params={},
                iteration=iteration,
                begin_iteration=first,
                end_iteration=n_iterations,
                evaluation_result_list=[],
            )
        )


def test_it_reports_after_the_iteration_and_the_state() -> None:
    assert not Progress.before_iteration
    assert Progress.order > TrainingStateCallback.order


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message.startswith("iteration ")]


def iterations(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [int(re.match(r"iteration (\d+)/", line)[1]) for line in lines(caplog)]  # type: ignore[index]


@pytest.fixture(autouse=True)
def _log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.mark.parametrize(
    ("n_iterations", "seconds", "expected"),
    [
        (100, 0.001, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),  # every tenth of the way
        (5, 0.001, [1, 2, 3, 4, 5]),
        (40, 1.0, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]),
        (1000, 1.0, list(range(5, 1001, 5))),  # every five seconds
        (12, 60.0, list(range(1, 13))),
        (1, 0.0, [1]),
    ],
)
def test_lines_come_at_a_readable_pace(
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    n_iterations: int,
    seconds: float,
    expected: list[int],
) -> None:
    run(clock, n_iterations, seconds)
    assert iterations(caplog) == expected


def test_a_line_has_iteration_scores_rate_and_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run(clock, 10_000, 0.5, stop_at=1000)
    assert lines(caplog)[-1] == (
        "iteration 1000/10000  val AUC main 0.8000 mean 0.6500  2.0 trees/s  1:15:00 left"
    )


def test_the_rate_is_that_of_this_run(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Trees of a checkpoint took no time; the first line is a tenth after it."""
    run(clock, 100, 0.25, first=80)
    assert lines(caplog) == [
        "iteration 90/100  val AUC main 0.8000 mean 0.6500  4.0 trees/s  0:02 left",
        "iteration 100/100  val AUC main 0.8000 mean 0.6500  4.0 trees/s  0:00 left",
    ]


def test_before_the_first_evaluation_there_are_no_scores(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run(clock, 10, 1.0, stop_at=1, evaluated=False)
    assert caplog.messages == ["iteration 1/10  1.0 trees/s  0:09 left"]


def test_every_line_is_followed_by_the_tuners_metrics(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run(clock, 20, 0.01)
    assert len(caplog.messages) == 20
    assert set(caplog.messages[1::2]) == {
        "val:main_auc=0.800000; val:mean_auc=0.650000; val:mean_logloss=0.250000;"
    }


def test_no_time_at_all_is_no_division_by_zero(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run(clock, 10, 0.0)
    assert len(lines(caplog)) == 10


def test_a_file_gets_no_bar(clock: Clock) -> None:
    stream = io.StringIO()
    run(clock, 100, 1.0, stream=stream)
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_up_to_the_end(clock: Clock) -> None:
    stream = Terminal()
    run(clock, 100, 1.0, stream=stream)
    bars = re.findall(r"\[(#*)(-*)\] +(\d+)%", stream.getvalue())
    assert [int(percent) for *_, percent in bars] == list(range(1, 101))
    assert {len(done) + len(left) for done, left, _ in bars} == {20}
    assert [len(done) for done, *_ in bars[9::10]] == list(range(2, 21, 2))
    assert stream.getvalue().endswith("100%\n")


def test_the_bar_is_not_drawn_too_often(clock: Clock) -> None:
    stream = Terminal()
    run(clock, 1000, 0.01, stream=stream)
    assert 40 <= stream.getvalue().count("[") <= 60


@pytest.mark.parametrize(
    ("values", "mean"),
    [([0.5, 0.7], 0.6), ([0.5, math.nan], 0.5), ([math.nan], math.nan), ([], math.nan)],
)
def test_mean_of_the_defined(values: list[float], mean: float) -> None:
    assert mean_of_defined(values) == pytest.approx(mean, nan_ok=True)


def test_undefined_metrics_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    log_tuner_metrics("test", {"main_auc": math.nan, "mean_auc": 1 / 3})
    assert caplog.messages == ["test:mean_auc=0.333333;"]
