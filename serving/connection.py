"""One connection's manners: uvicorn's protocol, and the time limits that it has none of."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.limits import HEADER_SECONDS, WRITE_SECONDS


class TimedProtocol(H11Protocol):
    """Ends connections that keep the server waiting.

    uvicorn (0.54) waits for ever for the end of the headers, and for a client to take its answer.
    h11 bounds the headers' size, the application the time for a body.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expects a request."""
        super().connection_made(transport)
        self._watch_headers()

    def data_received(self, data: bytes) -> None:
        """Reads on, and watches the time between the start of a request and its headers' end."""
        super().data_received(data)
        self._watch_headers()

    def _watch_headers(self) -> None:
        is_under_way = self.cycle is not None and not self.cycle.response_complete
        if is_under_way:
            _cancel(self._header_timer)
            self._header_timer = None
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        self._header_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken some of it."""
        super().resume_writing()
        _cancel(self._write_timer)
        self._write_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the timers."""
        _cancel(self._header_timer)
        self._header_timer = None
        super().connection_lost(exc)
        _cancel(self._write_timer)
        self._write_timer = None


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
