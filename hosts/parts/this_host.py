"""What the parts of a job that meet in this process share: is it asked to stop?"""

from collections.abc import Callable


def _never() -> bool:
    return False


_is_stop_requested: Callable[[], bool] = _never


def follow(is_stop_requested: Callable[[], bool]) -> None:
    """Takes what tells whether this process has been asked to stop."""
    global _is_stop_requested  # noqa: PLW0603 - the actor and the script meet nowhere else
    _is_stop_requested = is_stop_requested


def is_stop_requested() -> bool:
    """Whether this process has been asked to stop; never in one that is not the job's own."""
    return _is_stop_requested()
