"""The addresses behind the port, as SageMaker calls them.

A small request is answered by the event loop's own thread: that takes less time than handing it
over. What may take longer goes to one other thread, so that /ping and small requests go on; one
after the other, so that their memory does not add up.
"""

import asyncio
import dataclasses
import logging
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from common.messages import quoted
from exceptions import UserError
from scoring.output_columns import output_names
from scoring.scorer import Scorer
from serving.faults import RequestError, UnreadableError, UnsupportedTypeError
from serving.handler import RawRows, input_fn, output_fn, predict_fn
from serving.limits import MAX_BODY_BYTES, MAX_INLINE_VALUES, SMALL_BODY_BYTES
from serving.media_types import PARQUET, accepted_type, content_type
from serving.requests import Body, ClientGoneError, Room

logger = logging.getLogger("serving")

_PART_BYTES = 64 * 1024


def create_application(scorer: Scorer, n_processes: int) -> Starlette:
    """The application around a model that is loaded.

    Args:
        scorer: The model.
        n_processes: How many processes serve it, which is how many requests of batch transform
            are worth sending at a time.
    """
    parameters = {
        "MaxConcurrentTransforms": n_processes,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": MAX_BODY_BYTES // 2**20,
    }

    async def ping(_request: Request) -> Response:
        return Response()

    async def execution_parameters(_request: Request) -> Response:
        return JSONResponse(parameters)

    return Starlette(
        routes=[
            Route("/ping", ping),
            Route("/execution-parameters", execution_parameters),
            Route("/invocations", Invocations(scorer), methods=["POST"]),
        ]
    )


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Invocations:
    """The address that scores rows."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._values_per_row = len(output_names(scorer))
        self._body_room = Room()
        self._answer_room = Room()
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and logs its size, its time and its outcome, but nothing of it."""
        started = time.perf_counter()
        body = Body(Headers(scope=scope), receive)
        outcome, n_sent = "the client has gone", 0
        try:
            async with AsyncExitStack() as held:
                answer = await self._answer(scope, body, held)
                outcome, n_sent = str(answer.status), len(answer.body)
                await _send(answer, body, send)
        except ClientGoneError:
            pass
        finally:
            milliseconds = 1000 * (time.perf_counter() - started)
            logger.info(
                "invocations: %s, %d bytes in, %d out, %.1f ms",
                outcome,
                body.size,
                n_sent,
                milliseconds,
            )

    async def _answer(self, scope: Scope, body: Body, held: AsyncExitStack) -> Answer:
        try:
            return await self._scored(scope, body, held)
        except UserError as error:
            status = error.status if isinstance(error, RequestError) else 400
            sentence = " ".join(str(error).split())
            return Answer(status, sentence.encode(errors="backslashreplace"))
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: others are still to be answered
            # Not the error's message, nor that of the traceback's end: they may quote the request.
            logger.error("internal error: %s", type(error).__name__)  # noqa: TRY400
            for line in traceback.format_tb(error.__traceback__):
                logger.error("%s", line.strip())  # noqa: TRY400
            return Answer(500, b"internal error")

    async def _scored(self, scope: Scope, body: Body, held: AsyncExitStack) -> Answer:
        headers = Headers(scope=scope)
        if await body.is_empty():
            return Answer(204)
        kind, accept = headers.get("content-type"), headers.get("accept")
        _check_encoding(headers.get("content-encoding"))
        media_type, _ = content_type(kind), accepted_type(accept)
        n_reasons = _asked_reasons(QueryParams(scope["query_string"]))
        content = await body.read(self._body_room, held)
        rows = dataclasses.replace(input_fn(content, kind), n_reasons=n_reasons)

        if media_type.name != PARQUET and self._is_small(rows):
            return self._predict(rows, accept)
        async with self._turn:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._thread, self._predict, rows, accept)
            await held.enter_async_context(self._answer_room.lend(len(answer.body)))
        return answer

    def _predict(self, rows: RawRows, accept: str | None) -> Answer:
        content, media_type = output_fn(predict_fn(rows, self._scorer), accept)
        return Answer(200, content, media_type)

    def _is_small(self, rows: RawRows) -> bool:
        """Whether the answer is so, too, by the most rows that the body can have."""
        body = rows.body
        if len(body) > SMALL_BODY_BYTES or rows.n_reasons or b'"reasons"' in body:
            return False
        n_rows = 1 + max(body.count(b"\n"), body.count(b"\r"), body.count(b"{"))
        return n_rows * self._values_per_row <= MAX_INLINE_VALUES


async def _send(answer: Answer, body: Body, send: Send) -> None:
    """Sends an answer in parts, each when the one before is on its way."""
    headers = []
    if answer.status != 204:
        headers.append((b"content-type", answer.content_type.encode()))
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if not body.is_complete:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for start in range(0, len(answer.body), _PART_BYTES):
        part = answer.body[start : start + _PART_BYTES]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    # Whoever is still sending would otherwise find the connection reset, and no answer.
    await body.discard()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _check_encoding(encoding: str | None) -> None:
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedTypeError(
            f"wanted a body without a content encoding, found {quoted(encoding)}"
        )


def _asked_reasons(query: QueryParams) -> int:
    asked = query.get("reasons", "0")
    # No more digits than Python converts in no time.
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 9):
        raise UnreadableError(f"wanted reasons as a whole number from 0 on, found {quoted(asked)}")
    return int(asked)
