"""What is answered to a request that cannot be served, by type.

The message is the sentence of the answer; it may quote the request, so it is never logged.
"""

from collections.abc import Sequence
from typing import ClassVar

from common.messages import listed_with_nearest
from exceptions import UserError

_MOST_COMPARED = 1000


class RequestError(UserError):
    """A request that is not served.

    Attributes:
        status: The HTTP status of the answer.
    """

    status: ClassVar[int] = 400


class UnreadableError(RequestError):
    """The body is not what its content type says, or not what the model needs."""


class NotAcceptableError(RequestError):
    """The `Accept` header names nothing that can be written."""

    status = 406


class TooSlowError(RequestError):
    """The body did not arrive in time."""

    status = 408


class TooLargeError(RequestError):
    """The body, or what it would grow to, is beyond the limits."""

    status = 413


class UnsupportedTypeError(RequestError):
    """The content type, its charset or its encoding is none that can be read."""

    status = 415


class BusyError(RequestError):
    """There is no room for the body beside those of other requests."""

    status = 503


def missing_names(missing: Sequence[str], existing: Sequence[str]) -> str:
    """Missing columns, each with the existing ones that it may stand for.

    Comparing takes its time: of a request that has a million columns not all are looked at.
    """
    return listed_with_nearest(missing, existing[:_MOST_COMPARED])
