"""Domains, apps, access keys and push apps as every call needs them.

They are read from the database once, and again when they changed.

Admin calls tell by NOTIFY what they changed. As long as everything that is told is heard, what is here is right; where
it may not be, nothing older than a second is answered (docs/adr/0037).
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog
from cryptography.hazmat.primitives import serialization

from services.runtime.vault import Vault
from services.token.model import ID, AccessKey, App, Domain, PushApp, TrustedKey
from services.token.store import Store

log = structlog.get_logger()

_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Of what is told about; half of it later, one in use is read again behind its users. Ten thousand domains, each called
# twice a minute, were read again at every call when this was a minute.
_MAX_AGE_SECONDS = 600.0
# Of anything while it is not sure that everything was heard.
_MAX_AGE_UNHEARD_SECONDS = 1.0
# More domains than one installation is meant for, with some apps each.
_MAX_ENTRIES = 100_000


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    read_at: float


class Cached(Generic[K, V]):
    """Values by key. One in use is renewed behind its users, who do not wait for it.

    Args:
        load: reads a value. What it raises reaches those who wait for the value, and nobody else.
        heard_at: until when, by `time.monotonic()`, every change was heard of.
        is_key: whether something can be a key at all; what cannot has no value, and is looked for nowhere.
    """

    def __init__(
        self,
        load: Callable[[K], Awaitable[V | None]],
        heard_at: Callable[[], float],
        is_key: Callable[[K], object] = lambda _: True,
    ) -> None:
        self._load = load
        self._heard_at = heard_at
        self._is_key = is_key
        self._entries: OrderedDict[K, _Entry[V | None]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[V | None]] = {}

    async def get(self, key: K) -> V | None:
        """The value of a key, read now where it is not known, `None` where there is none. Raises what `load` does."""
        entry = self._entries.get(key)
        if entry is None and not self._is_key(key):
            return None
        now = time.monotonic()
        heard = now - self._heard_at() < _MAX_AGE_UNHEARD_SECONDS
        longest = _MAX_AGE_SECONDS if heard else _MAX_AGE_UNHEARD_SECONDS
        age = now - entry.read_at if entry else longest
        if entry and age < longest / 2:
            return entry.value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._read(key), name="directory")
            task.add_done_callback(_look_at)
        if entry and age < longest:
            return entry.value
        # One caller's deadline must not end what others wait for.
        return await asyncio.shield(task)

    def forget_all(self) -> None:
        """Read everything anew when it is next asked for."""
        self._entries.clear()
        self._loading.clear()

    def forget(self, key: K) -> None:
        """Read a key anew when it is next asked for."""
        self._entries.pop(key, None)
        self._loading.pop(key, None)

    async def _read(self, key: K) -> V | None:
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


def _look_at(task: "asyncio.Task[V | None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.debug("directory entry not read", problem=str(error))


def _first_label(host: str) -> str | None:
    """Of the name in a Host, `None` of an address, which has no labels."""
    name = host.partition(":")[0]
    return name.partition(".")[0] if name.strip("0123456789.") else None


class Directory:
    """Looks things up for calls. Raises `Unavailable` where the database is away and the answer not known.

    Args:
        store: what is looked up in.
        vault: opens secrets of access keys and push apps.
        heard_at: until when, by `time.monotonic()`, every change was heard of.
    """

    def __init__(self, store: Store, vault: Vault, heard_at: Callable[[], float]) -> None:
        self._store = store
        self._vault = vault
        self._domains: Cached[str, Domain] = Cached(store.select_domain, heard_at, ID.fullmatch)
        self._owners: Cached[str, tuple[str, str]] = Cached(store.select_credential, heard_at)
        self._apps: Cached[str, App] = Cached(self._read_app, heard_at, ID.fullmatch)
        self._access_keys: Cached[str, AccessKey] = Cached(self._read_access_key, heard_at, ID.fullmatch)
        self._push_apps: Cached[int, PushApp] = Cached(self._read_push_app, heard_at)

    def domain(self, domain_id: str) -> Awaitable[Domain | None]:
        """The domain of that id, `None` where there is none."""
        return self._domains.get(domain_id)

    async def domain_at(self, host: str) -> Domain | None:
        """The domain whose id is the first label of a Host, or else whose issuer stands there; `None` where none does.

        Args:
            host: `name` or `name:port`, in lower case; may be empty.
        """
        label = _first_label(host)
        if label and (named := await self.domain(label)):
            return named
        if _HOST.fullmatch(host):
            for scheme in ("https", "http"):
                owner = await self._owners.get(f"{scheme}://{host}")
                if owner and owner[1] == "issuer":
                    return await self.domain(owner[0])
        return None

    async def is_elsewhere(self, domain: Domain, host: str) -> bool:
        """Whether a Host names another domain than this one, so that its clients are none there.

        The host of its issuer names it too, whatever it is called: domains may stand beside each other (docs/adr/0038).
        """
        label = _first_label(host)
        if label in (None, domain.domain_id) or domain.stands_at(host):
            return False
        return await self.domain(label) is not None

    async def owner(self, identifier: str) -> tuple[str, str] | None:
        """Domain and kind of an app's, access key's or push app's id, `None` where nobody has it."""
        return await self._owners.get(identifier) if ID.fullmatch(identifier) else None

    async def is_client(self, domain_id: str, identifier: str) -> bool:
        """Whether an id is the domain's own or that of a client of it, and thus no user's.

        Some who read `sub` do not look at what kind it is (RFC 9700 section 4.15).
        """
        owner = await self.owner(identifier)
        return identifier == domain_id or (owner is not None and owner[0] == domain_id)

    def app(self, client_id: str) -> Awaitable[App | None]:
        """The app of that id, admitted or not, in whichever domain; `None` where there is none."""
        return self._apps.get(client_id)

    def access_key(self, access_key_id: str) -> Awaitable[AccessKey | None]:
        """The access key of that id, enabled or not, its secret open; `None` where there is none."""
        return self._access_keys.get(access_key_id)

    def push_app(self, access_id: int) -> Awaitable[PushApp | None]:
        """The enabled push app of that id, its secret open; `None` where there is none."""
        return self._push_apps.get(access_id)

    def forget(self, kind: str, identifier: str) -> None:
        """Something was changed: what `Store.notify_change` tells of, by this process or another."""
        match kind:
            case "domain":
                self._domains.forget(identifier)
            case "app":
                self._apps.forget(identifier)
            case "access_key":
                self._access_keys.forget(identifier)
            case "push_app" if identifier.isdecimal():
                self._push_apps.forget(int(identifier))
        # An id, or an issuer, that was asked for before somebody had it.
        self._owners.forget(identifier)

    def forget_app(self, client_id: str) -> None:
        """An app was changed by this process, which is to know at once and not when it hears of it."""
        self.forget("app", client_id)

    def forget_all(self) -> None:
        """What was changed may not have been heard."""
        for cached in (self._domains, self._owners, self._apps, self._access_keys, self._push_apps):
            cached.forget_all()

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

    async def _read_access_key(self, access_key_id: str) -> AccessKey | None:
        owner = await self._store.select_credential(access_key_id)
        if owner is None or owner[1] != "access_key":
            return None
        key = await self._store.select_access_key(owner[0], access_key_id)
        return key and replace(key, secret=self._vault.open(key.secret, f"{key.domain_id}/{access_key_id}"))

    async def _read_push_app(self, access_id: int) -> PushApp | None:
        owner = await self._store.select_credential(str(access_id))
        if owner is None or owner[1] != "push_app":
            return None
        app = await self._store.select_push_app(owner[0], access_id)
        return app and replace(app, secret=self._vault.open(app.secret, f"{app.domain_id}/{access_id}"))
