"""The request to come to an end: SIGTERM, which platforms send before they take a machine away."""

import signal
from types import FrameType


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


class StoppedError(BaseException):
    """There was a SIGTERM.

    No `Exception`, or whoever takes any that a file's reader raises for a fault of the file would
    say that the file is broken.
    """


class RaisedStop:
    """SIGTERM as an exception, raised wherever the main thread is, but only while it may be.

    At other times it waits. An import may swallow an exception, or make another one of it; what is
    put in place or reported is brought to its end.

    Attributes:
        may_be_raised: Whether SIGTERM interrupts. Setting it is one step, which no handler can come
            in between of.
    """

    def __init__(self, message: str) -> None:
        """Takes what the exception says."""
        self.may_be_raised = False
        self._message = message
        self._requested = False

    def hold(self) -> None:
        """Lets SIGTERM wait until `listen`."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def listen(self) -> None:
        """Notes SIGTERM from now on, also one that has been waiting."""
        signal.signal(signal.SIGTERM, self._handle)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def check(self) -> None:
        """Raises what has been waiting, or has been swallowed.

        Raises:
            StoppedError: There was a SIGTERM.
        """
        if self._requested:
            raise StoppedError(self._message)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        self._requested = True
        if self.may_be_raised:
            self.check()
