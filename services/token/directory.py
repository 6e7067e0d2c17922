"""Domains, apps and push apps as every call needs them: read from the database once, then at most a second old."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog
from cryptography.hazmat.primitives import serialization

from services.token.model import ID, App, Domain, PushApp, TrustedKey
from services.token.store import Store
from services.token.vault import Vault

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_AGE_SECONDS = 1.0
_RENEW_AFTER_SECONDS = 0.5
_MAX_ENTRIES = 10_000


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    read_at: float


class Cached(Generic[K, V]):
    """Values by key, never older than a second. One in use is renewed behind its users, who do not wait for it.

    Args:
        load: reads a value. What it raises reaches those who wait for the value, and nobody else.
    """

    def __init__(self, load: Callable[[K], Awaitable[V]]) -> None:
        self._load = load
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The value of a key, read now where it is not known. Raises what `load` does."""
        entry = self._entries.get(key)
        age = time.monotonic() - entry.read_at if entry else _MAX_AGE_SECONDS
        if entry and age < _RENEW_AFTER_SECONDS:
            return entry.value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._read(key), name="directory")
            task.add_done_callback(_look_at)
        if entry and age < _MAX_AGE_SECONDS:
            return entry.value
        # One caller's deadline must not end what others wait for.
        return await asyncio.shield(task)

    def forget(self, key: K) -> None:
        """Read a key anew when it is next asked for."""
        self._entries.pop(key, None)
        self._loading.pop(key, None)

    async def _read(self, key: K) -> V:
        started = time.monotonic()
        mine = asyncio.current_task()
        try:
            value = await self._load(key)
        finally:
            current = self._loading.get(key) is mine
            if current:
                del self._loading[key]
        if current:  # else it was forgotten meanwhile, and may be what it was before the change
            self._entries[key] = _Entry(value, started)
            self._entries.move_to_end(key)
            if len(self._entries) > _MAX_ENTRIES:
                self._entries.popitem(last=False)
        return value


def _look_at(task: "asyncio.Task[V]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.debug("directory entry not read", problem=str(error))


class Directory:
    """Looks things up for calls. Raises `Unavailable` where the database is away and the answer not known."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._domains: Cached[str, Domain | None] = Cached(store.select_domain)
        self._owners: Cached[str, tuple[str, str] | None] = Cached(store.select_credential)
        self._apps: Cached[str, App | None] = Cached(self._read_app)
        self._push_apps: Cached[int, PushApp | None] = Cached(self._read_push_app)

    async def domain(self, domain_id: str) -> Domain | None:
        """The domain of that id, `None` where there is none."""
        return await self._domains.get(domain_id) if ID.fullmatch(domain_id) else None

    async def owner(self, identifier: str) -> tuple[str, str] | None:
        """Domain and kind of an app's, access key's or push app's id, `None` where nobody has it."""
        return await self._owners.get(identifier) if ID.fullmatch(identifier) else None

    async def is_client(self, domain_id: str, identifier: str) -> bool:
        """Whether an id is the domain's own or that of a client of it, and thus no user's.

        Some who read `sub` do not look at what kind it is (RFC 9700 section 4.15).
        """
        owner = await self.owner(identifier)
        return identifier == domain_id or (owner is not None and owner[0] == domain_id)

    async def app(self, client_id: str) -> App | None:
        """The app of that id, admitted or not, in whichever domain; `None` where there is none."""
        return await self._apps.get(client_id) if ID.fullmatch(client_id) else None

    async def push_app(self, access_id: int) -> PushApp | None:
        """The enabled push app of that id, its secret open; `None` where there is none."""
        return await self._push_apps.get(access_id)

    def forget_app(self, client_id: str) -> None:
        """An app was changed by this process. Others see it within a second."""
        self._owners.forget(client_id)
        self._apps.forget(client_id)

    async def _read_app(self, client_id: str) -> App | None:
        owner = await self._store.select_credential(client_id)
        if owner is None or owner[1] != "app":
            return None
        app = await self._store.select_app(owner[0], client_id)
        if app is None:
            return None
        keys = [
            TrustedKey(key.key_id, key.algorithm, serialization.load_der_public_key(key.public_key))
            for key in await self._store.select_trusted_keys(owner[0], client_id)
        ]
        return replace(app, keys=tuple(keys))

    async def _read_push_app(self, access_id: int) -> PushApp | None:
        owner = await self._store.select_credential(str(access_id))
        if owner is None or owner[1] != "push_app":
            return None
        app = await self._store.select_push_app(owner[0], access_id)
        return app and replace(app, secret=self._vault.open(app.secret, f"{app.domain_id}/{access_id}"))
