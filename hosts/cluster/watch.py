"""Are the other hosts still there? Asked all the time, from a thread that no row ever keeps busy.

A host that was killed closes its connections, and Dask tells at once. One that is frozen or cut off
just answers no more. LightGBM (4.7) notices neither with certainty: with three hosts a survivor
waits for ever, at full load.
"""

import asyncio
from collections.abc import Callable

from hosts.cluster.encryption import server_at
from hosts.cluster.settings import HostSettings


class Watch:
    """Watches hosts; to be made and used on the thread of Dask's loop.

    Attributes:
        lost: Done as soon as a host is lost; its result says which and how.
    """

    def __init__(self, settings: HostSettings) -> None:
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def follow(self, name: str, address: str, is_known: Callable[[], bool]) -> None:
        """Watches a host from now on.

        Args:
            name: What messages call it.
            address: Where its Dask server listens.
            is_known: Whether Dask still counts it as there.
        """
        task = asyncio.get_running_loop().create_task(self._follow(name, address, is_known))
        self._tasks.add(task)

    def end(self) -> None:
        """Watches no more."""
        for task in self._tasks:
            task.cancel()

    async def _follow(self, name: str, address: str, is_known: Callable[[], bool]) -> None:
        clock = asyncio.get_running_loop().time
        limit = self._settings.lost_seconds
        last_answer = clock()
        other = server_at(address)
        while True:
            if not is_known():
                self._set_lost(f"host {name} is lost: its process ended or its connection broke")
                return
            try:
                async with asyncio.timeout(limit / 3):
                    await other.echo(data=1)
                last_answer = clock()
            except (OSError, TimeoutError):
                pass
            if clock() - last_answer > limit:
                self._set_lost(
                    f"host {name} is lost: it has not answered for {limit:g} s (HOSTS_LOST_SECONDS)"
                )
                return
            await asyncio.sleep(min(1.0, limit / 5))

    def _set_lost(self, sentence: str) -> None:
        if not self.lost.done():
            self.lost.set_result(sentence)
