"""What is revoked, in memory, in every service: applied to every call that brings a token, also a verified one.

Nobody is told an id: what is revoked is known by a digest (proto/tessera/token/v1/feed_service.proto), which each token
is asked for. Every entry is dropped when the last token that it may concern has expired.
"""

import asyncio
import hashlib
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import structlog
from prometheus_client import Gauge
from tessera.client import Certificates, errors, open_channel
from tessera.token.v1 import feed_service_pb2, feed_service_pb2_grpc

from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.errors import CursorExpired, Refusal, Unauthenticated, Unavailable
from services.runtime.repeating import repeat

log = structlog.get_logger()

AGE = Gauge("tessera_revocations_age_seconds", "How old the knowledge of what is revoked is.")

MAX_TOKEN_LIFETIME = timedelta(days=1)
"""No access token lives longer."""

_DIGEST_BYTES = 16
# About 150 MB. What is beyond is forgotten, the oldest first, and knowledge counts as stale until it would be gone.
_MAX_ENTRIES = 1_000_000
# How long a call that needs fresh knowledge waits for it: at a start, the first word is under way.
_WAIT = timedelta(seconds=2)
# A stream that says nothing for so long is dead.
_SILENCE = timedelta(seconds=5)
_AGAIN_SECONDS = (0.1, 1.0)

Request = feed_service_pb2.WatchRevocationsRequest
Response = feed_service_pb2.WatchRevocationsResponse
Source = Callable[[Request], AsyncGenerator[Response, None]]
"""The stream of a feed, from a request on."""


def digest(domain_id: str, kind: str, subject: str) -> bytes:
    """By what a subject is known; `kind` is `session`, `token`, `key`, `user` or `app`."""
    parts = [part.encode() for part in (domain_id, kind, subject)]
    return hashlib.sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()[:_DIGEST_BYTES]


@dataclass(frozen=True, slots=True)
class Marks:
    """What a token is known by, worked out once.

    Args:
        always: digests that revoke it whenever they are revoked.
        until: digests that revoke it when they are revoked at `issued_at` or later.
        issued_at: its `iat`, in whole seconds.
    """

    always: tuple[bytes, ...]
    until: tuple[bytes, ...]
    issued_at: int

    @classmethod
    def of(cls, domain_id: str, key_id: str, claims: Mapping[str, Any]) -> "Marks":
        """The marks of a token, from its verified claims. Raises `ValueError`, `TypeError` for a bad `iat`."""
        always = [("key", key_id), ("session", claims.get("sid")), ("token", claims.get("jti"))]
        until = [
            ("app", claims.get("client_id")),
            ("user", claims["sub"] if _speaks_for_a_user(claims) else None),
            # What a token was got by, it ends with.
            ("user", acts_in_the_end(claims)),
            *(("app", client_id) for client_id in claims.get("through", ())),
        ]
        return cls(
            tuple(digest(domain_id, kind, str(subject)) for kind, subject in always if subject),
            tuple(digest(domain_id, kind, str(subject)) for kind, subject in until if subject),
            int(claims["iat"]),
        )


def acts_in_the_end(claims: Mapping[str, Any]) -> str:
    """Who acts for the subject of a token: the innermost of those that are named (RFC 8693 section 4.1), or nobody."""
    claim: Mapping[str, Any] = claims.get("act", {})
    while "act" in claim:
        claim = claim["act"]
    return str(claim.get("sub", ""))


def _speaks_for_a_user(claims: Mapping[str, Any]) -> bool:
    return bool(claims.get("kind", "user") == "user")


class Revocations:
    """What is revoked, and how old that knowledge is.

    Args:
        clock: tells which entries are needed no more.
        max_age: how old the knowledge may be for a call that asks for fresh one.
        max_entries: what there is room for.
    """

    def __init__(self, clock: Clock, max_age: timedelta, max_entries: int = _MAX_ENTRIES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_age = max_age.total_seconds()
        # When each was revoked, in seconds since 1970; about in that order.
        self._revoked: OrderedDict[bytes, int] = OrderedDict()
        self._begun = time.monotonic()
        self._heard: float | None = None
        self._news = asyncio.Event()
        self._forgotten_until = 0.0
        AGE.set_function(lambda: self.age)

    def __len__(self) -> int:
        return len(self._revoked)

    @property
    def age(self) -> float:
        """Seconds since all was known; since the start where it never was."""
        return time.monotonic() - (self._begun if self._heard is None else self._heard)

    def check(self, marks: Marks) -> None:
        """Let a token through or not. Raises `Unauthenticated`."""
        if not self._revoked:
            return
        for mark in marks.always:
            if mark in self._revoked:
                raise Unauthenticated(detail="revoked")
        for mark in marks.until:
            # Tokens carry whole seconds. One of the same second may have been issued before: it goes, too.
            if marks.issued_at <= self._revoked.get(mark, -1):
                raise Unauthenticated(detail="revoked")

    async def need_fresh(self) -> None:
        """Let a call through that must not be made on stale knowledge. Waits 2 s for news. Raises `Unavailable`."""
        if self._fresh():
            return
        try:
            await asyncio.wait_for(self._wait(), _WAIT.total_seconds())
        except TimeoutError as error:
            raise Unavailable("token service", detail=f"revocations not known for {self.age:.0f} s") from error

    def take(self, message: Response) -> None:
        """Take over what a message tells."""
        for entry in message.revocations:
            known = self._revoked.pop(entry.digest, 0)
            self._revoked[entry.digest] = max(known, entry.revoked_at.seconds)
        self._forget()
        if message.up_to_date:
            self._heard = time.monotonic()
            self._news.set()
            self._news.clear()

    def _fresh(self) -> bool:
        if self._heard is None or self._clock.timestamp() < self._forgotten_until:
            return False
        return self.age <= self._max_age

    async def _wait(self) -> None:
        while not self._fresh():
            await self._news.wait()

    def _forget(self) -> None:
        """Drop what concerns no living token; and, loudly, what there is no room for."""
        lifetime = MAX_TOKEN_LIFETIME.total_seconds()
        gone, lost = self._clock.timestamp() - lifetime, 0
        while self._revoked:
            first, revoked_at = next(iter(self._revoked.items()))
            if revoked_at >= gone:
                if len(self._revoked) <= self._max_entries:
                    break
                lost = max(lost, revoked_at)
            del self._revoked[first]
        if lost:
            self._forgotten_until = max(self._forgotten_until, lost + lifetime)
            log.error("more is revoked than there is room for", room=self._max_entries)


class Follower:
    """Keeps a process's `Revocations` true: follows a source, and comes back to it from where it was.

    Args:
        source: what it follows.
        revocations: what it fills.
    """

    def __init__(self, source: Source, revocations: Revocations) -> None:
        self._source = source
        self._revocations = revocations
        self._cursor = ""
        self._failed = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._task = repeat("revocations", self._follow)

    async def close(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self) -> float:
        loop = asyncio.get_running_loop()
        try:
            async with (
                aclosing(self._source(Request(cursor=self._cursor))) as messages,
                asyncio.timeout(_SILENCE.total_seconds()) as silence,
            ):
                async for message in messages:
                    self._revocations.take(message)
                    self._cursor = message.cursor
                    self._failed = 0
                    silence.reschedule(loop.time() + _SILENCE.total_seconds())
        except (CursorExpired, errors.CursorExpired) as error:
            log.info("revocations are listed anew", problem=str(error))
            self._cursor = ""
        except (Refusal, grpc.aio.AioRpcError, TimeoutError) as error:
            log.debug("revocations away", problem=f"{type(error).__name__}: {error}")
        self._failed += 1
        least, most = _AGAIN_SECONDS
        pause: float = min(most, least * 2 ** min(self._failed, 10))
        return pause * random.uniform(0.5, 1)  # noqa: S311 not to come together


class RemoteFollower(Follower):
    """Follows token's `WatchRevocations`.

    Args:
        addresses: the token service's workers.
        revocations: what it fills.
        tls: how it is called; nothing: in plaintext.
    """

    def __init__(
        self, addresses: tuple[Address, ...], revocations: Revocations, tls: Certificates | None = None
    ) -> None:
        self._channel = open_channel(*map(str, addresses), tls=tls, retry=False)
        self._stub = feed_service_pb2_grpc.RevocationServiceStub(self._channel)
        super().__init__(self._watch, revocations)

    async def close(self) -> None:
        """Stop following, and close the channel."""
        await super().close()
        await self._channel.close()

    async def _watch(self, request: Request) -> AsyncGenerator[Response, None]:
        call = self._stub.WatchRevocations(request)
        try:
            async for message in call:
                yield message
        finally:
            call.cancel()
