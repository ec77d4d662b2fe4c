"""The hosts of a job as its driver sees them: one actor each, asked all at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from distributed import Client

from common.messages import listed
from exceptions import DataError, HostError, UserError
from hosts.cluster.dask_loop import DaskLoop
from hosts.cluster.watch import Watch
from hosts.parts.host_part import Fault, HostPart

_GRACE_SECONDS = 5.0
"""When one host fails in what all do together, the others wait for it: they are given this long to
say that they have failed, too, and Dask to tell that one is lost, which is then the cause."""


class Team:
    """One `HostPart` per host.

    Attributes:
        names: The hosts, in the order in which their rows stand and their sums are added up.
    """

    def __init__(self, loop: DaskLoop, names: Sequence[str], actors: Sequence[Any], watch: Watch):
        self.names = list(names)
        self._loop = loop
        self._actors = list(actors)
        self._watch = watch

    @classmethod
    async def gather(
        cls, loop: DaskLoop, client: Client, addresses: dict[str, str], watch: Watch
    ) -> "Team":
        """Makes an actor on each worker.

        Args:
            loop: The loop that this is run on.
            client: An asynchronous client.
            addresses: Address of each host's worker, in the order of the hosts.
            watch: Watches the hosts.

        Raises:
            HostError: A host was lost meanwhile.
        """
        made: asyncio.Future[list[Any]] = asyncio.gather(
            *(
                client.submit(
                    HostPart, name, index, len(addresses), actor=True, workers=[address], pure=False
                )
                for index, (name, address) in enumerate(addresses.items())
            )
        )
        # On a host that has just been lost an actor would never be there.
        outcomes: set[asyncio.Future[Any]] = {made, watch.lost}
        await asyncio.wait(outcomes, return_when=asyncio.FIRST_COMPLETED)
        if not made.done() or made.exception():
            await asyncio.wait({watch.lost}, timeout=_GRACE_SECONDS)
        if watch.lost.done():
            raise HostError(watch.lost.result())
        return cls(loop, list(addresses), made.result(), watch)

    def ask(self, method: str, *arguments: object, together: bool = False) -> list[Any]:
        """Has every host do the same; the results in the order of the hosts.

        Args:
            method: A method of `HostPart`'s steps, such as `data.read`.
            arguments: The method's arguments.
            together: The hosts wait for each other in it, so that all fail if one does.

        Raises:
            HostError: A host is lost.
            UserError: What hosts found wrong, all of it, with the host's name.
        """
        return self.ask_each(method, [arguments] * len(self.names), together=together)

    def ask_each(
        self, method: str, arguments: Sequence[tuple[object, ...]], *, together: bool = False
    ) -> list[Any]:
        """As `ask`, with arguments for each host."""
        return self._loop.run(self._ask(method, arguments, together))

    async def _ask(
        self, method: str, arguments: Sequence[tuple[object, ...]], together: bool
    ) -> list[Any]:
        calls = [
            asyncio.ensure_future(self._call(index, method, given))
            for index, given in enumerate(arguments)
        ]
        pending: set[asyncio.Future[Any]] = set(calls)
        timeout = None
        while pending:
            done, pending = await asyncio.wait(
                {*pending, self._watch.lost}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            pending.discard(self._watch.lost)
            if self._watch.lost.done():
                raise HostError(self._watch.lost.result())
            if not done:
                break
            if together and any(isinstance(call.result(), Fault) for call in done):
                timeout = _GRACE_SECONDS
        results = [call.result() for call in calls if call.done()]
        faults = [result for result in results if isinstance(result, Fault)]
        if faults:
            raise combined(faults)
        return results

    async def _call(self, index: int, method: str, arguments: tuple[object, ...]) -> Any:
        try:
            return await self._actors[index].run(method, *arguments)
        # A fault of the host's own is a result. All else is Dask, which cannot reach the host.
        except Exception as error:
            await asyncio.wait({self._watch.lost}, timeout=_GRACE_SECONDS)
            if self._watch.lost.done():
                raise HostError(self._watch.lost.result()) from error
            raise HostError(f"host {self.names[index]} is lost: {error}") from error


def combined(faults: Sequence[Fault]) -> UserError:
    """One error for the faults of several hosts; what all of them say is said once."""
    told = list(dict.fromkeys(fault.message for fault in faults))
    if len(told) == 1 and len(faults) > 1:
        message = told[0]
    else:
        message = listed([f"on {fault.host}: {fault.message}" for fault in faults], "; ", 20)
    details = next((fault.details for fault in faults if fault.details), "")
    kind = DataError if all(fault.is_data_fault for fault in faults) else UserError
    return kind(f"{message}\n{details}" if details else message)
