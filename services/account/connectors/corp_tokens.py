"""Access tokens of corporations, kept in memory: fetched when they are needed, once for all who wait, and when refused.

WeCom limits how often they are asked for, and answers with the same token for as long as it holds: that each process
keeps its own makes none of another's useless.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

EARLY_SECONDS = 300.0
"""How long before its end a token is not used any more."""
MAX_TOKENS = 1000
"""Tokens that are kept. Those that were not asked for the longest go."""

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""Fetches a token, and for how many seconds it holds."""


@dataclass(frozen=True, slots=True)
class _Known:
    token: str = field(repr=False)
    until: float


class CorpTokens:
    """Where tokens come from. Used by one event loop."""

    def __init__(self) -> None:
        # By corporation and secret: who has both has the token anyway, whichever domain's it is.
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._under_way: dict[tuple[str, str], asyncio.Task[str]] = {}

    async def close(self) -> None:
        """Give up fetches that are under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def get(self, corp_id: str, secret: str, fetch: Fetch, *, refused: str = "") -> str:
        """A token of a corporation.

        Args:
            corp_id: the corporation.
            secret: of the app of it.
            fetch: how a token is fetched, where none is known; its error is raised to all who wait.
            refused: a token that WeCom did not take: another one is needed.
        """
        place = (corp_id, secret)
        known = self._known.get(place)
        if known and known.token != refused and time.monotonic() < known.until:
            self._known.move_to_end(place)
            return known.token
        task = self._under_way.get(place)
        if task is None:
            task = self._under_way[place] = asyncio.create_task(
                self._fetch(place, fetch), name="token of a corporation"
            )
            task.add_done_callback(lambda ended: self._ended(place, ended))
        # Who gives up waiting does not end it for the others.
        return await asyncio.shield(task)

    async def _fetch(self, place: tuple[str, str], fetch: Fetch) -> str:
        asked = time.monotonic()
        token, seconds = await fetch()
        self._known[place] = _Known(token, asked + seconds - EARLY_SECONDS)
        self._known.move_to_end(place)
        while len(self._known) > MAX_TOKENS:
            self._known.popitem(last=False)
        return token

    def _ended(self, place: tuple[str, str], task: asyncio.Task[str]) -> None:
        del self._under_way[place]
        if not task.cancelled():
            # Nobody may be waiting any more.
            task.exception()
