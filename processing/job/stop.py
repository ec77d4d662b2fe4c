"""The request to come to an end: SIGTERM, which platforms send before they take a machine away."""

import signal


class StopRequest:
    """Whether the job has been asked to stop.

    A plain flag: a signal handler runs between any two steps of the thread that it interrupts, and
    would wait for ever for a lock (that of `threading.Event`, say) which that thread holds.
    """

    def __init__(self) -> None:
        self._requested = False

    def set(self) -> None:
        """Asks the job to stop."""
        self._requested = True

    def is_set(self) -> bool:
        """Whether it has been asked."""
        return self._requested


def listen_for_stop() -> StopRequest:
    """A request that SIGTERM makes, which process 1 would not even notice otherwise."""
    stop = StopRequest()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    return stop
