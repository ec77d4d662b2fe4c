"""The thread that Dask's servers of this process run on, and how Dask is set up for a job."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import dask

Result = TypeVar("Result")

_SHORTEST = 30.0
"""Seconds of Dask's own timeouts at least; a host that is lost is noticed by `hosts.cluster.watch`
as soon as the user wants."""


def configure(lost_seconds: float) -> None:
    """Sets what a job needs of Dask; all else is the user's own configuration (TLS, for example).

    Nothing is served but the job's own messages: no pages, no profile, no work moved around.
    """
    dask.config.set(
        {
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.scheduler.work-stealing": False,
            "distributed.scheduler.active-memory-manager.start": False,
            # An actor whose worker is lost must not be made again elsewhere: its rows are lost.
            "distributed.scheduler.allowed-failures": 0,
            "distributed.worker.profile.enabled": False,
            "distributed.comm.timeouts.connect": f"{max(lost_seconds, _SHORTEST)}s",
            "distributed.comm.timeouts.tcp": f"{max(lost_seconds, _SHORTEST)}s",
            # Logged, but no more than a long call that keeps the interpreter to itself.
            "distributed.admin.tick.limit": f"{lost_seconds}s",
        }
    )
    # What goes wrong between hosts is told once, in the job's own words.
    for name in ("distributed", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class DaskLoop:
    """An asyncio loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="hosts", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end; a signal's handler is called meanwhile."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Starts a coroutine that nobody waits for."""
        asyncio.run_coroutine_threadsafe(work, self._loop)
