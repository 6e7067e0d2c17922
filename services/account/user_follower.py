"""Follows what becomes of token's users: who is deleted there has no links here (docs/adr/0042).

One process of all follows, which holds the row of the feed for a moment at a time. What keeps two from doing a thing at
once, or one from doing it twice, is that row: what a message tells is done in the transaction that writes its cursor,
and only where the cursor is still the one that it came after.
"""

import asyncio
import random
import time
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import structlog
from prometheus_client import Gauge

from services.account.model import NOBODY, UserEventKind, UserNews
from services.account.peers import TokenPeer
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.errors import CursorExpired, FieldInvalid, Refusal
from services.runtime.repeating import repeat

log = structlog.get_logger()

FOLLOWING = Gauge("tessera_users_followed", "1 in the one process of all that hears of users from token, else 0.")

UNDER_WAY = timedelta(minutes=1)
"""A call that token has told of a user has made its link by then, or never will: it ends after half of that."""

_HELD = timedelta(seconds=3)
_EVERY_SECONDS = 0.5
_AGAIN_SECONDS = (0.1, 1.0)
# News come every second, also where there are none: a stream that says nothing for so long is dead.
_SILENCE_SECONDS = 5.0
# How old the written cursor may become while nothing happens that has to be done.
_WRITTEN_EVERY_SECONDS = 10.0


class OvertakenError(Exception):
    """Another process follows by now, or has gone on from the cursor that this one went on from."""


class UserFollower:
    """Follows token's users for all processes, or stands by.

    Args:
        store: what is to be kept true.
        token: whose users they are.
        clock: tells how long the feed is held.
        holder: id of this process.
    """

    def __init__(self, store: Store, token: TokenPeer, clock: Clock, holder: UUID) -> None:
        self._store = store
        self._token = token
        self._clock = clock
        self._holder = holder
        # As it was last found or written in the database.
        self._cursor = ""
        self._written = 0.0
        self._failed = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow, or to stand by."""
        self._task = repeat("users", self._follow)

    async def close(self) -> None:
        """Stop, and let another process go on at once."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        FOLLOWING.set(0)
        await self._let_go()

    async def _follow(self) -> float:
        """Do what token tells until that ends; answers after how many seconds to begin again."""
        try:
            cursor = await self._hold()
            if cursor is None:
                return _EVERY_SECONDS
            self._cursor = cursor
            await self._listen()
        except (CursorExpired, FieldInvalid) as error:
            log.warning("the cursor of users is lost", problem=str(error))
            await self._begin_anew()
        except OvertakenError:
            log.info("another process follows users")
        except (Refusal, TimeoutError) as error:
            tell = log.debug if self._failed else log.warning
            tell("users not followed", problem=f"{type(error).__name__}: {error}")
            # Another process may reach token where this one does not.
            await self._let_go()
        FOLLOWING.set(0)
        self._failed += 1
        least, most = _AGAIN_SECONDS
        pause: float = min(most, least * 2 ** min(self._failed, 10))
        return pause * random.uniform(0.5, 1)  # noqa: S311 not to come together

    async def _hold(self) -> str | None:
        """Be the process that follows, for a moment more. The written cursor; `None` where another process is."""
        now = self._clock.now()
        return await self._store.follow(self._holder, now, now + _HELD)

    async def _let_go(self) -> None:
        """Let another process go on at once."""
        try:
            # A database that says nothing is not waited for: it is held for a moment only.
            async with asyncio.timeout(1):
                await self._store.unfollow(self._holder, self._clock.now())
        except (Refusal, TimeoutError) as error:
            log.debug("users not let go of", problem=str(error))

    async def _listen(self) -> None:
        """Do what token tells after the cursor, while this process follows."""
        loop = asyncio.get_running_loop()
        held = loop.time()
        async with (
            aclosing(self._token.watch_users(self._cursor)) as stream,
            asyncio.timeout(_SILENCE_SECONDS) as silence,
        ):
            async for news in stream:
                # However long that takes: it is not the stream that is silent.
                silence.reschedule(None)
                await self._take(news)
                FOLLOWING.set(1)
                self._failed = 0
                if loop.time() - held > _HELD.total_seconds() / 4:
                    if await self._hold() != self._cursor:
                        raise OvertakenError
                    held = loop.time()
                silence.reschedule(loop.time() + _SILENCE_SECONDS)

    async def _take(self, news: UserNews) -> None:
        """Do what a message tells and write its cursor in one transaction; where it tells nothing, now and then."""
        gone = {user for user, kind in news.events if kind is UserEventKind.DELETED}
        back = [user for user, last in dict(news.events).items() if last is UserEventKind.CREATED]
        idle = self._cursor and not gone and not back
        if idle and time.monotonic() - self._written < _WRITTEN_EVERY_SECONDS:
            return
        links = 0
        async with self._store.transaction() as unit:
            if await unit.lock_followed(self._holder) != self._cursor:
                raise OvertakenError
            if gone:
                links = await unit.forget_users(gone, self._clock.now())
                await unit.delete_consents(gone)
                await unit.delete_logon_sessions(gone)
            if back:
                await unit.delete_gone_users(back)
            if not self._cursor:
                # What happened before this cursor nobody has told.
                await unit.set_sweep(self._clock.now() + UNDER_WAY, NOBODY)
            await unit.set_followed_cursor(news.cursor)
        self._cursor, self._written = news.cursor, time.monotonic()
        if gone:
            log.info("users are gone", users=len(gone), links=links)

    async def _begin_anew(self) -> None:
        """Give the cursor up. The next round begins with what happens then, and has everybody looked up."""
        try:
            async with self._store.transaction() as unit:
                if await unit.lock_followed(self._holder) == self._cursor:
                    await unit.set_followed_cursor("")
        except Refusal as error:
            log.debug("cursor not given up", problem=str(error))
