"""The outbox: what account orders of token, done before the call is answered, or by itself.

An order is a row, written in the transaction that makes it needed. Whoever wrote it settles it at once; where that
fails, or the process dies, a worker in any process does, some seconds later. Token is called any number of times, and
once is as good as often. What is done is struck off.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from prometheus_client import Gauge

from services.account.errors import UserKept
from services.account.model import KnownIdentity, Order
from services.account.peers import TokenPeer
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.errors import PermissionDenied, Refusal, Unavailable
from services.runtime.repeating import repeat
from services.runtime.telemetry import take_request_id

log = structlog.get_logger()
Answer = TypeVar("Answer")

OLDEST = Gauge(
    "tessera_outbox_oldest_seconds", "How long the oldest order has waited to be done at token; 0: there is none."
)

_EVERY_SECONDS = 1.0
_AT_ONCE = 50
# Who wrote an order is given so long to settle it.
_OWN = timedelta(seconds=5)
_FIRST_PAUSE = timedelta(seconds=2)
# Token may have been away for long, and what waits is done soon after it is back.
_LONGEST_PAUSE = timedelta(seconds=8)
_KEPT = timedelta(days=1)
# While a caller waits, token is asked again for so long: a worker of its that stops is noticed by then.
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Erased:
    """What is left to tell of a user who was erased: its identities, and the push apps of its domain."""

    identities: list[KnownIdentity]
    access_ids: list[int]


class Outbox:
    """Settles orders: for a caller, and behind the calls.

    Args:
        store: where they are written.
        token: who fulfils them.
        clock: tells what is due.
    """

    def __init__(self, store: Store, token: TokenPeer, clock: Clock) -> None:
        self._store = store
        self._token = token
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on settling behind the calls."""
        self._task = repeat("outbox", self._follow)

    async def close(self) -> None:
        """Stop. What is not done stays written."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    def due_at(self) -> datetime:
        """When the worker may take an order that is written now, and that its caller settles first."""
        return self._clock.now() + _OWN

    async def end_sessions(self, order: Order) -> None:
        """Settle an order of kind `end_sessions`. Raises `Unavailable`: it stays written."""
        await _patiently(lambda: self._token.end_user_sessions(order.domain_id, order.user_id, order.actor))
        await self._store.delete_order(order)

    async def end_browsers(self, order: Order) -> None:
        """Settle an order of kind `end_browsers`. Raises `Unavailable`: it stays written."""
        ended = await self._store.select_ended_logon_sessions(order.domain_id, order.user_id)
        await _patiently(
            lambda: self._token.sign_user_out(order.domain_id, order.user_id, order.actor, browser_ids=ended)
        )
        await self._store.delete_order(order)

    async def erase(self, order: Order) -> Erased:
        """Settle an order of kind `erase`: at token, then here.

        Raises:
            PermissionDenied: the user's role is beyond who ordered it; struck off.
            UserKept: it is the domain's last enabled superadmin; struck off.
            Unavailable: it stays written.
        """
        outcome, access_ids = await _patiently(
            lambda: self._token.erase_user(
                order.domain_id, order.user_id, roles=order.roles, ordered_at=order.ordered_at, actor=order.actor
            )
        )
        if outcome in ("out_of_reach", "last_superadmin"):
            async with self._store.transaction() as store:
                # First the order, in all transactions: who orders the same again writes that first, too.
                since = await store.delete_order(order)
                # Where another's order stands that reaches further, what is kept in mind is that one's.
                if since:
                    await store.forget_user(order.domain_id, order.user_id, since)
            if outcome == "last_superadmin":
                raise UserKept
            raise PermissionDenied(detail=f"{order.actor} does not reach {order.user_id}")
        now = self._clock.now()
        async with self._store.transaction() as store:
            await store.delete_order(order)
            identities = await store.erase_user(
                order.domain_id,
                order.user_id,
                # Of a user whom token did not have any more, what is younger than the order may be a new one's.
                before=now if outcome == "erased" else order.ordered_at,
                now=now,
                actor=order.actor,
            )
        return Erased(identities, access_ids)

    async def _follow(self) -> float:
        # Peers are called in the name of a call; this is none.
        take_request_id(None)
        try:
            more = await self._settle_due()
            await self._forget()
        except Refusal as refusal:
            log.warning("the outbox waits", problem=str(refusal))
            return _EVERY_SECONDS
        return 0 if more else _EVERY_SECONDS

    async def _settle_due(self) -> bool:
        """Settle what is due, as long as token is there; whether there may be more."""
        now = self._clock.now()
        oldest = await self._store.select_oldest_order()
        OLDEST.set(max((now - oldest).total_seconds(), 0) if oldest else 0)
        orders = await self._store.select_due_orders(now, _AT_ONCE)
        for order in orders:
            pause = min(_FIRST_PAUSE * 2 ** min(order.attempts, 10), _LONGEST_PAUSE)
            now = self._clock.now()
            if not await self._store.claim_order(order, now, now + pause):
                continue
            try:
                match order.kind:
                    case "end_sessions":
                        await self.end_sessions(order)
                    case "end_browsers":
                        await self.end_browsers(order)
                    case "erase":
                        await self.erase(order)
            except Unavailable:
                # The others would wait for the same.
                raise
            except Refusal as refusal:
                log.warning("an order is not done", kind=order.kind, domain_id=order.domain_id, problem=str(refusal))
        return len(orders) == _AT_ONCE

    async def _forget(self) -> None:
        """What erased users were known by is kept for a day."""
        before = self._clock.now() - _KEPT
        for domain_id in await self._store.select_domains_of_erased(before):
            await self._store.delete_erased(domain_id, before)


async def _patiently(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a call again while it says that token is away, for about 2 seconds. Raises what the last one does."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except Unavailable:
            if loop.time() > until:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
