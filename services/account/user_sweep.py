"""Asks token of every user whom a row names, and takes away what those have who are not there (docs/adr/0042).

That is due where the feed of users could not be followed, as at the very first start or with a cursor that expired, and
from time to time, whatever may have gone wrong. The process that follows users does it, beside that.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from services.account.model import NOBODY, UserId
from services.account.peers import TokenPeer
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.errors import Refusal
from services.runtime.repeating import repeat

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_AT_ONCE = 500
_AGAIN = timedelta(days=30)
# How long nothing is linked to a user who is gone: as a call may be under way for half a minute, with a wide margin.
_GONE = timedelta(days=1)
_CLEAN_SECONDS = 600.0


class UserSweep:
    """Looks up who is there, in the process that follows users.

    Args:
        store: what is to be kept true.
        token: who knows the users.
        clock: tells what is due.
        holder: id of this process, by which it follows users.
    """

    def __init__(self, store: Store, token: TokenPeer, clock: Clock, holder: UUID) -> None:
        self._store = store
        self._token = token
        self._clock = clock
        self._holder = holder
        self._cleaned = -_CLEAN_SECONDS
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look whether a sweep is due."""
        self._task = repeat("sweep of users", self._follow)

    async def close(self) -> None:
        """Stop. What was looked up by then stays so."""
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def step(self) -> bool:
        """Look some users up, where that is due and this process's to do. Answers whether more are due.

        Raises:
            Unavailable: the database or token is away; they are due again.
        """
        after = await self._store.select_sweep(self._holder, self._clock.now())
        if after is None:
            return False
        known = await self._store.select_known_users(after, _AT_ONCE)
        for domain_id, users in itertools.groupby(known, key=lambda user: user.domain_id):
            await self._look_up(domain_id, [user.user_id for user in users])
        more = len(known) == _AT_ONCE
        async with self._store.transaction() as unit:
            # Another process by now: it does these users again. Or begun anew meanwhile.
            if (
                await unit.lock_followed(self._holder)
                and await unit.select_sweep(self._holder, self._clock.now()) == after
            ):
                now = self._clock.now()
                await unit.set_sweep(now if more else now + _AGAIN, known[-1] if more else NOBODY)
        return more

    async def _look_up(self, domain_id: str, user_ids: Sequence[str]) -> None:
        """Take away what those of some users of a domain have who are not there."""
        unknown = await self._token.unknown_users(domain_id, user_ids)
        if not unknown:
            return
        async with self._store.transaction() as unit:
            # From here on nothing is linked to them, so that who is found missing now has no link that is newer; nor is
            # it heard that one of them was made anew, before it is written that the user is gone.
            if await unit.lock_followed(self._holder) is None:
                return
            await unit.lock_users(domain_id, unknown)
            gone = await self._token.unknown_users(domain_id, unknown)
            if gone:
                users = [UserId(domain_id, user_id) for user_id in gone]
                links = await unit.forget_users(users, self._clock.now())
                await unit.delete_consents(users)
                await unit.delete_logon_sessions(users)
                log.warning("users were gone", domain=domain_id, users=len(users), links=links)

    async def _follow(self) -> float:
        try:
            if await self.step():
                return 0
            if time.monotonic() - self._cleaned > _CLEAN_SECONDS:
                until = self._clock.now() - _GONE
                while await self._store.delete_old_gone_users(until, _AT_ONCE) == _AT_ONCE:
                    pass
                self._cleaned = time.monotonic()
        except Refusal as error:
            log.warning("users not looked up", problem=str(error))
        return _LOOK_SECONDS
