"""New signing keys in place of old ones, without a token that somebody cannot verify (docs/adr/0026).

A key is published, signs once everybody can know it, and verifies until the last of what it signed has expired. Each of
these steps is one transaction, of one domain and use; between any two of them all is as it should be, so that whoever
comes next goes on. The schedule is kept by one process of all, which holds the lease `rotation`; what keeps two from
doing a step at once is the database.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from services.runtime.clock import Clock
from services.runtime.errors import Refusal
from services.runtime.ids import uuid7
from services.runtime.repeating import repeat
from services.runtime.vault import Vault
from services.token.events import EventName
from services.token.keys import LONGEST, Keyring, new_key
from services.token.model import Domain, DueKey, Event, SigningKey, StoredKey
from services.token.store import Statements, Store

log = structlog.get_logger()

FAILURES = Counter("tessera_signing_key_failures_total", "Steps of the schedule that failed and are tried again.")
LEASE = Gauge("tessera_lease_held", "1 in the one process of all that does this work, 0 in the others.", ["lease"])

# Who, in the audit log, did what nobody asked for.
_ACTOR = "rotation"

# Within this, every process of ours has read what another one has changed, also while one of them is slow.
_LEARNED = timedelta(seconds=5)
# A process that has not heard of its key's successor signs on for a moment; and clocks differ.
_MARGIN = timedelta(minutes=5)

_LEASE = "rotation"
_LEASE_LASTS = timedelta(seconds=30)
_EVERY = timedelta(seconds=5)
_AT_ONCE = 100


class KeyRotation:
    """Changes of the domains' keys: on a schedule, and when an operator asks.

    Args:
        store: where the keys are kept.
        keyring: told when one has changed here.
        vault: seals private parts.
        clock: tells what is due.
        ahead: how long a key is published before it signs.
    """

    def __init__(self, store: Store, keyring: Keyring, vault: Vault, clock: Clock, ahead: timedelta) -> None:
        self._store = store
        self._keyring = keyring
        self._vault = vault
        self._clock = clock
        self._ahead = ahead + _LEARNED
        # A key is to sign soon after it may, also where that is a matter of seconds.
        self._every = min(_EVERY, ahead / 4)
        self._holder = uuid7(clock.now())
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to keep the schedule."""
        self._task = repeat("rotation", self._follow)

    async def close(self) -> None:
        """Stop, and let another process go on at once."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        try:
            # A database that says nothing is not waited for: the lease expires.
            async with asyncio.timeout(1):
                await self._store.release_lease(_LEASE, self._holder)
        except (Refusal, TimeoutError) as error:
            log.debug("lease not released", problem=str(error))

    async def step(self) -> int:
        """Do what is due, in all domains, lease or not. Answers how much was done; what failed is due again.

        Raises:
            Unavailable: the database is away.
        """
        due = await self._store.select_due_signing_keys(self._clock.now(), self._ahead, _AT_ONCE)
        done = 0
        for key in due:
            try:
                if key.state == "active":
                    await self._succeed(key)
                else:
                    await self._proceed(key)
                done += 1
            except Refusal as error:
                # Somebody holds this domain. The others are not to wait for it.
                FAILURES.inc()
                log.warning("key not rotated", domain=key.domain_id, key_id=key.key_id, problem=str(error))
        if done:
            await self._keyring.ask()
        return done

    async def publish(self, domain_id: str, use: str, actor: str) -> SigningKey:
        """Make the key that is to sign next, and let it be known. Where there is one, it is left as it is.

        Args:
            domain_id: the domain.
            use: what the key is to sign.
            actor: who asked for it.

        Returns:
            The key that is to sign next.
        """
        domain = await self._domain(domain_id)
        made = await asyncio.to_thread(new_key, domain, use, "next", self._vault)
        async with self._store.transaction() as unit:
            await unit.lock_signing_keys(domain_id)
            now = self._clock.now()
            coming = await self._insert(unit, made, now, now + self._ahead, actor)
        await self._keyring.ask()
        return coming

    async def replace(self, domain_id: str, use: str, actor: str) -> SigningKey:
        """Let the next key sign at once, which is made where there is none. Answers the key.

        Whoever keeps keys without asking for one that he does not know refuses what it signs, until he asks.
        """
        domain = await self._domain(domain_id)
        made = await asyncio.to_thread(new_key, domain, use, "next", self._vault)
        async with self._store.transaction() as unit:
            await unit.lock_signing_keys(domain_id)
            now = self._clock.now()
            coming = await self._insert(unit, made, now, now, actor)
            await self._activate(unit, domain_id, use, coming.key_id, actor)
            active = await unit.select_signing_key(domain_id, coming.key_id)
        await self._keyring.ask()
        assert active, "it was there in this transaction"
        return active

    async def revoke(self, domain_id: str, key: SigningKey, actor: str) -> SigningKey:
        """Let a key verify nothing any more, from now on; where it signs, another one does at once. Idempotent.

        Its place is taken by the next one, which verifiers know, or else by one that is made. Answers the key as it is
        then.
        """
        domain = await self._domain(domain_id)
        spare = await asyncio.to_thread(new_key, domain, key.use, "next", self._vault)
        async with self._store.transaction() as unit:
            await unit.lock_signing_keys(domain_id)
            now = self._clock.now()
            if await unit.end_signing_key(domain_id, key.key_id, now, revoked=True):
                await unit.insert_revocation(domain_id, uuid7(now), kind="key", subject=key.key_id, now=now)
                await self._tell(unit, EventName.SIGNING_KEY_REVOKED, domain_id, key.use, key.key_id, actor=actor)
                if not await unit.select_signing_key_in(domain_id, key.use, "active"):
                    coming = await self._insert(unit, spare, now, now, actor)
                    await self._activate(unit, domain_id, key.use, coming.key_id, actor)
            ended = await unit.select_signing_key(domain_id, key.key_id)
        await self._keyring.ask()
        assert ended, "a key is never deleted"
        return ended

    async def _succeed(self, due: DueKey) -> None:
        """Publish the key that follows one whose time is nearly over."""
        domain = await self._domain(due.domain_id)
        made = await asyncio.to_thread(new_key, domain, due.use, "next", self._vault)
        async with self._store.transaction() as unit:
            await unit.lock_signing_keys(due.domain_id)
            # As it was found, or another process was faster.
            active = await unit.select_signing_key_in(due.domain_id, due.use, "active")
            if active and active.key_id == due.key_id:
                now = self._clock.now()
                activates_at = max(now + self._ahead, active.activates_at + domain.rotation_period)
                await self._insert(unit, made, now, activates_at, _ACTOR)

    async def _proceed(self, due: DueKey) -> None:
        """Let a key sign that was published for long enough, or end one whose last token has expired."""
        domain_id, use, key_id = due.domain_id, due.use, due.key_id
        async with self._store.transaction() as unit:
            await unit.lock_signing_keys(domain_id)
            # As it was found, or another process was faster.
            key = await unit.select_signing_key(domain_id, key_id)
            if key is None or key.state != due.state:
                return
            if due.state == "next":
                await self._activate(unit, domain_id, use, key_id, _ACTOR)
            else:
                await unit.end_signing_key(domain_id, key_id, self._clock.now(), revoked=False)
                await self._tell(unit, EventName.SIGNING_KEY_RETIRED, domain_id, use, key_id, actor=_ACTOR)

    async def _insert(
        self, unit: Statements, made: StoredKey, now: datetime, activates_at: datetime, actor: str
    ) -> SigningKey:
        """Keep a key that is to sign next, unless there is one; answers that."""
        if await unit.insert_signing_key(made, now, activates_at):
            await self._tell(unit, EventName.SIGNING_KEY_PUBLISHED, made.domain_id, made.use, made.key_id, actor=actor)
        coming = await unit.select_signing_key_in(made.domain_id, made.use, "next")
        assert coming, "there is one, or this one was kept"
        return coming

    async def _activate(self, unit: Statements, domain_id: str, use: str, key_id: str, actor: str) -> None:
        now = self._clock.now()
        active = await unit.select_signing_key_in(domain_id, use, "active")
        if active:
            await unit.retire_signing_key(domain_id, active.key_id, now + LONGEST[use] + _MARGIN)
        await unit.activate_signing_key(domain_id, key_id, now)
        await self._tell(unit, EventName.SIGNING_KEY_ACTIVATED, domain_id, use, key_id, actor=actor)

    async def _tell(
        self, unit: Statements, event: EventName, domain_id: str, use: str, key_id: str, *, actor: str
    ) -> None:
        """Write down what became of a key, and let every process know when the transaction commits."""
        event_id = uuid7(self._clock.now())
        await unit.insert_audit(Event(domain_id, event_id, event, actor=actor, detail=f"{use} {key_id}"))
        await unit.notify_change("signing_key", domain_id)

    async def _domain(self, domain_id: str) -> Domain:
        domain = await self._store.select_domain(domain_id)
        assert domain, "a domain that has keys is never deleted"
        return domain

    async def _follow(self) -> float:
        now = self._clock.now()
        try:
            held = await self._store.take_lease(_LEASE, self._holder, now, now + _LEASE_LASTS)
            LEASE.labels(_LEASE).set(held)
            if held and await self.step() == _AT_ONCE:
                return 0
        except Refusal as error:
            # It may be another's by now.
            LEASE.labels(_LEASE).set(0)
            FAILURES.inc()
            log.warning("keys not rotated", problem=str(error))
        return self._every.total_seconds()
