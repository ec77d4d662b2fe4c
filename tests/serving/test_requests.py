"""How bodies get into memory: bounded, and with room that comes back."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.datastructures import Headers

from serving import requests
from serving.faults import BusyError, TooLargeError, TooSlowError
from serving.limits import MAX_BODY_BYTES
from serving.requests import Body, ClientGoneError, Room


def body_of(parts: Iterable[bytes], headers: dict[str, str] | None = None) -> Body:
    """A body that arrives in parts; after the last one nothing comes."""
    coming = list(parts)

    async def receive() -> dict[str, Any]:
        if not coming:
            await asyncio.Event().wait()
        part = coming.pop(0)
        if part == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": part != b""}

    return Body(Headers(headers or {}), receive)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 10))


async def read(body: Body, room: Room) -> bytes:
    async with AsyncExitStack() as held:
        return await body.read(room, held)


def test_all_room_comes_back() -> None:
    async def many() -> None:
        room = Room(2 * MAX_BODY_BYTES)
        for _ in range(10):
            assert len(await read(body_of([b"1" * 100_000, b"2" * 5, b""]), room)) == 100_005
            with pytest.raises(TooLargeError, match="at most 6291456 bytes"):
                await read(body_of([b"1" * MAX_BODY_BYTES, b"2", b""]), room)
            with pytest.raises(ClientGoneError):
                await read(body_of([b"1" * 100_000, b"gone"]), room)

    run(many())


def test_who_finds_too_little_room_waits_for_it() -> None:
    async def two() -> list[str]:
        room, order = Room(10), list[str]()

        async def borrower(name: str, size: int) -> None:
            async with room.lend(size):
                order.append(f"{name} has")
                await asyncio.sleep(0.02)
                order.append(f"{name} gives")

        await asyncio.gather(borrower("a", 8), borrower("b", 5), borrower("c", 99))
        return order

    assert run(two()) == ["a has", "a gives", "b has", "b gives", "c has", "c gives"]


def test_small_bodies_need_no_room() -> None:
    async def small() -> bytes:
        room = Room(10)
        async with room.lend(10):
            return await read(body_of([b"1" * 60_000, b"2", b""]), room)

    assert len(run(small())) == 60_001


def test_no_room_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)

    async def full() -> None:
        room = Room(10)
        async with room.lend(10):
            await read(body_of([b"1" * 100_000, b""]), room)

    with pytest.raises(BusyError, match="too many large requests"):
        run(full())


def test_no_body_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(requests, "DISCARD_SECONDS", 0.05)
    for parts in ([], [b"1"], [b"1" * 100_000]):
        body = body_of(parts)
        with pytest.raises(TooSlowError, match="did not arrive within"):
            run(read(body, Room()))
        run(body.discard())


def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    body = body_of([b"gone"], {"content-length": str(MAX_BODY_BYTES + 1)})
    with pytest.raises(TooLargeError):
        run(body.is_empty())
    assert body.size == 0


def test_what_is_left_is_thrown_away() -> None:
    body = body_of([b"1" * 100, b"2" * 100, b""])
    assert not run(body.is_empty())
    run(body.discard())
    assert (body.size, body.is_complete) == (200, True)
