"""The processes behind the port: gunicorn's master, and per processor a worker forked from it.

The model is loaded once, before the fork, and its memory is shared by all. LightGBM and Arrow then
run on one thread per worker, because a pool of threads does not survive a fork, and because the
processors have their workers already.
"""

import os
import resource
import socket
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from starlette.types import ASGIApp
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from serving.connection import TimedProtocol
from serving.limits import KEEP_ALIVE_SECONDS, MAX_CONNECTIONS

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes files of its own there

DRAIN_SECONDS = 22
"""After SIGTERM, for the requests under way; SageMaker kills after 30 seconds."""

WAITING_CONNECTIONS = 2048
"""Connections that the system keeps until a process takes them."""

HANG_SECONDS = 60
"""A worker whose event loop has stood still for so long is replaced."""


class EvenServer(Server):
    """uvicorn's server, which leaves connections for the other processes.

    asyncio accepts up to as many connections at a time as it was told to keep waiting (its
    `backlog`): whichever process wakes first would take all that have come, and clients that keep
    their connections would then have one processor to themselves.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts with a backlog of one, and only then lets connections wait."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(WAITING_CONNECTIONS)


class Worker(UvicornWorker):  # type: ignore[misc]
    """A process that serves, as gunicorn starts, watches and replaces it."""

    CONFIG_KWARGS = {  # noqa: RUF012 - the parent declares it so
        "loop": "asyncio",
        "http": TimedProtocol,
        "ws": "none",
        "lifespan": "off",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "limit_concurrency": MAX_CONNECTIONS,
        "timeout_graceful_shutdown": DRAIN_SECONDS,
        "backlog": 1,
    }

    async def _serve(self) -> None:
        """As the parent does (uvicorn-worker 0.4), with another server."""
        self.config.app = self.wsgi
        server = EvenServer(self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


class ScoringServer(BaseApplication):  # type: ignore[misc]
    """gunicorn around an application that is there already."""

    def __init__(self, application: ASGIApp, port: int, n_processes: int) -> None:
        """Takes the application, the port, and the number of workers."""
        self._application = application
        self._settings: dict[str, Any] = {
            "bind": f"0.0.0.0:{port}",
            "workers": n_processes,
            "worker_class": Worker,
            "preload_app": True,
            "keepalive": KEEP_ALIVE_SECONDS,
            "timeout": HANG_SECONDS,
            "graceful_timeout": DRAIN_SECONDS + 4,
            "loglevel": "warning",
            "control_socket_disable": True,
            # Its files are touched every few seconds, which on a disk may take long.
            "worker_tmp_dir": _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None,
        }
        super().__init__()

    def load_config(self) -> None:
        """Takes the settings from above and from nowhere else."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> ASGIApp:
        """The application."""
        return self._application


def allow_many_connections() -> None:
    """Takes as many open files as the system lets a process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
