"""Addresses of hosts that operators of domains named: looked up so that no domain's name server holds up another's.

The system's resolver blocks a thread, for longer than anybody waits here, where a name server is silent. So threads are
these look-ups' own, a domain has a few of them at a time, and one of its hosts has one.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 4
"""Look-ups of a domain that are under way at a time; further ones wait."""
# So many domains may have silent name servers at once before another one waits. Threads that wait cost next to nothing.
_THREADS = 64 * AT_ONCE

LookUp = Callable[..., Sequence[tuple[Any, ...]]]


class Names:
    """Looks names up. Used by one event loop.

    Args:
        look_up: `socket.getaddrinfo`, or what stands in its place.
    """

    def __init__(self, look_up: LookUp = socket.getaddrinfo) -> None:
        self._look_up = look_up
        # Threads are made when they are needed first.
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="resolve")
        # By domain and host.
        self._under_way: dict[tuple[str, str, int], asyncio.Future[list[str]]] = {}
        # By domain: how many more it may have under way, and who waits for one of them to end.
        self._turns: dict[str, asyncio.Semaphore] = {}

    def close(self) -> None:
        """Give up what has not begun; what has, nobody can end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def addresses(self, domain_id: str, host: str, port: int) -> list[str]:
        """IP addresses of a host, one at least. How long to wait is the caller's to say.

        Raises:
            OSError: it has none, or they cannot be had.
        """
        place = (domain_id, host, port)
        found = self._under_way.get(place)
        if found is None:
            turns = self._turns.setdefault(domain_id, asyncio.Semaphore(AT_ONCE))
            await turns.acquire()
            # Somebody else's turn may have come first.
            found = self._under_way.get(place)
            if found is None:
                found = self._begin(place, turns)
            else:
                turns.release()
        # Who gives up waiting does not end it: the thread goes on, and it is the domain's until it ends.
        return await asyncio.shield(found)

    def _begin(self, place: tuple[str, str, int], turns: asyncio.Semaphore) -> asyncio.Future[list[str]]:
        _, host, port = place

        def look_up() -> list[str]:
            return [str(sockaddr[0]) for *_, sockaddr in self._look_up(host, port, type=socket.SOCK_STREAM)]

        def ended(future: asyncio.Future[list[str]]) -> None:
            del self._under_way[place]
            turns.release()
            if not future.cancelled():
                # Nobody may be waiting any more.
                future.exception()

        try:
            found = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except RuntimeError as error:
            turns.release()
            msg = "no thread to be had"
            raise OSError(msg) from error
        self._under_way[place] = found
        found.add_done_callback(ended)
        return found
