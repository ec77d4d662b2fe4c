"""How a request's body gets into memory: bounded in size, in time, and beside those of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.datastructures import Headers
from starlette.types import Receive

from serving.faults import BusyError, TooLargeError, TooSlowError
from serving.limits import (
    BODY_ROOM_BYTES,
    BODY_SECONDS,
    DISCARD_SECONDS,
    MAX_BODY_BYTES,
    SMALL_BODY_BYTES,
)


class ClientGoneError(Exception):
    """The connection has ended; there is nobody to answer to."""


class Room:
    """Bytes that one process lends to large bodies and answers; who finds too few waits."""

    def __init__(self, size: int = BODY_ROOM_BYTES) -> None:
        self._free = self._size = size
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def lend(self, size: int) -> AsyncIterator[None]:
        """Holds room for `size` bytes, or all there is if that is less."""
        wanted = min(size, self._size)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            self._free += wanted
            async with self._changed:
                self._changed.notify_all()


class Body:
    """A request's body on its way in.

    Attributes:
        size: Bytes that have come so far.
        is_complete: Whether that is all.
    """

    def __init__(self, headers: Headers, receive: Receive) -> None:
        """Takes the request's headers and the channel that its body comes through."""
        self.size = 0
        self.is_complete = False
        announced = headers.get("content-length")
        self._announced = None if announced is None else int(announced)
        self._receive = receive
        self._parts: list[bytes] = []

    async def is_empty(self) -> bool:
        """Whether there is no body; waits for its first bytes if need be.

        Raises:
            TooLargeError: It says that it is larger than the limit.
            TooSlowError: Nothing arrives in time.
            ClientGoneError: The connection has ended.
        """
        if self._announced is not None and self._announced > MAX_BODY_BYTES:
            raise _too_large()
        async with _in_time():
            await self._read_beyond(0)
        return self.size == 0

    async def read(self, room: Room, held: AsyncExitStack) -> bytes:
        """Gives the whole body.

        Args:
            room: Where a large body gets its room.
            held: Keeps that room until it is closed.

        Raises:
            TooLargeError: It is larger than the limit.
            TooSlowError: It does not arrive in time.
            BusyError: There was no room for it in that time.
            ClientGoneError: The connection ended before the body did.
        """
        async with _in_time():
            await self._read_beyond(SMALL_BODY_BYTES)
        if not self.is_complete:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    await held.enter_async_context(room.lend(self._announced or MAX_BODY_BYTES))
            except TimeoutError:
                raise BusyError("too many large requests at a time: try again") from None
            async with _in_time():
                await self._read_beyond(MAX_BODY_BYTES)
            if self.size > MAX_BODY_BYTES:
                raise _too_large()
        content = b"".join(self._parts)
        self._parts.clear()
        return content

    async def discard(self) -> None:
        """Reads what is left and throws it away, so that the client gets to read its answer."""
        self._parts.clear()
        with suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.is_complete:
                    await self._next_part()

    async def _read_beyond(self, size: int) -> None:
        """Reads until there are more bytes than `size`, or all."""
        while not self.is_complete and self.size <= size:
            self._parts.append(await self._next_part())

    async def _next_part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        self.size += len(part)
        self.is_complete = not message.get("more_body", False)
        return part


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            yield
    except TimeoutError:
        raise TooSlowError(
            f"the request's body did not arrive within {BODY_SECONDS:.0f} seconds"
        ) from None


def _too_large() -> TooLargeError:
    return TooLargeError(f"wanted a body of at most {MAX_BODY_BYTES} bytes")
