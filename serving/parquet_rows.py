"""A Parquet body as raw columns, decoded by a process that may fail."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import pyarrow as pa

from serving.faults import TooLargeError, UnreadableError
from serving.limits import PARQUET_SECONDS
from serving.parquet_process import LENGTHS

_ROOT = Path(__file__).parent.parent


class ParquetDecoder:
    """Keeps one decoding process, started when it is first needed and again when it has ended.

    Bodies are decoded one after the other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def rows(
        self, body: bytes, features: Sequence[str], numerical: Sequence[str]
    ) -> pa.RecordBatch:
        """Reads the features' columns.

        Args:
            body: The file's content.
            features: The model's features in order.
            numerical: Those of them that are numbers.

        Returns:
            n rows with a column per feature, texts dictionary-encoded.

        Raises:
            UnreadableError: It is no Parquet, is damaged, or lacks columns.
            TooLargeError: It grows too large, or takes too long.
        """
        with self._lock:
            wanted = {"features": list(features), "numerical": list(numerical)}
            head, content = self._answer(body, json.dumps(wanted).encode())
        if head["status"] == TooLargeError.status:
            raise TooLargeError(content.decode())
        if head["status"] != 200:
            raise UnreadableError(content.decode())
        with pa.ipc.open_stream(content) as stream:
            table = stream.read_all()
        columns = [
            column.chunk(0) if column.num_chunks else pa.array([], column.type)
            for column in table.columns
        ]
        return pa.RecordBatch.from_arrays(columns, names=table.column_names)

    def _answer(self, body: bytes, head: bytes) -> tuple[dict[str, int], bytes]:
        # Once more, because the process may have ended long before this body came.
        for _ in range(2):
            if self._process is None or self._process.poll() is not None:
                self._process = _start()
            try:
                return _ask(self._process, body, head)
            except TimeoutError:
                self._end(self._process)
                raise TooLargeError("the Parquet file takes too long to decode") from None
            except (EOFError, BrokenPipeError):
                self._end(self._process)
        raise UnreadableError("damaged, or no Parquet file: its decoder gave up")

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        with suppress(BrokenPipeError):  # what it has not taken is still to be written
            process.communicate()
        self._process = None


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "serving.parquet_process"],
        cwd=_ROOT,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ask(
    process: "subprocess.Popen[bytes]", body: bytes, head: bytes
) -> tuple[dict[str, int], bytes]:
    """The head and the content of the answer.

    Raises:
        TimeoutError: There is none in time.
        EOFError, BrokenPipeError: The process has ended.
    """
    if process.stdin is None or process.stdout is None:
        raise EOFError
    deadline = time.monotonic() + PARQUET_SECONDS
    process.stdin.write(LENGTHS.pack(len(head), len(body)) + head)
    process.stdin.write(body)
    process.stdin.flush()
    head_bytes, content_bytes = LENGTHS.unpack(_read(process.stdout, LENGTHS.size, deadline))
    answer_head = json.loads(_read(process.stdout, head_bytes, deadline))
    return answer_head, _read(process.stdout, content_bytes, deadline)


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    parts, left = [], size
    while left:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(pipe.fileno(), left)
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
