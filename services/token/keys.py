"""The domains' own keys: what signs access tokens, edge tokens and refresh tokens, and what verifies them here.

Every process holds them all. Twice a second it reads those that were changed, which costs the same however many there
are; private parts are opened when they are first needed. What becomes of a key is `key_rotation.py`'s.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.runtime import jws, keys
from services.runtime.errors import Refusal, Unavailable
from services.runtime.repeating import repeat
from services.runtime.vault import Vault, VaultError
from services.token.config import MAX_ACCESS_TOKEN, MAX_SESSION
from services.token.model import Domain, StoredKey

log = structlog.get_logger()

ACCESS = "access"
EDGE = "edge"
REFRESH = "refresh"

LONGEST = {ACCESS: MAX_ACCESS_TOKEN, EDGE: timedelta(minutes=1), REFRESH: MAX_SESSION}
"""How long after it was signed a token of each use is good at the most, however the service is set."""

_USES = {ACCESS: keys.ACCESS, EDGE: keys.EDGE}
# A key that is revoked is refused everywhere within a second.
_EVERY = timedelta(milliseconds=500)
_AT_MOST_EVERY_SECONDS = 0.05
_MAC_BYTES = 32


class Key:
    """One key of a domain."""

    def __init__(self, stored: StoredKey, vault: Vault) -> None:
        self.stored = stored
        self._vault = vault
        self._headers: dict[str, str] = {}

    @property
    def issuer(self) -> str:
        """`iss` of what it signs: the edge speaks for itself, never for the domain's issuer."""
        return f"urn:tessera:edge:{self.stored.domain_id}" if self.stored.use == EDGE else self.stored.issuer

    @cached_property
    def verification(self) -> keys.VerificationKey:
        """Its public half, of an access-token or edge key."""
        assert self.stored.public_key
        return keys.VerificationKey(
            use=_USES[self.stored.use],
            key_id=self.stored.key_id,
            issuer=self.issuer,
            domain_id=self.stored.domain_id,
            algorithm=self.stored.algorithm,
            public_key=serialization.load_der_public_key(self.stored.public_key),
        )

    def open(self) -> None:
        """See that the private part can be used. Raises `Unavailable`."""
        _ = self._secret

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """A JWT of these claims and of that header `typ`."""
        header = self._headers.get(typ)
        if header is None:
            fields = {"alg": self.stored.algorithm, "typ": typ, "kid": self.stored.key_id}
            header = self._headers[typ] = jws.encode_json(fields)
        return jws.write(header, claims, self.stored.algorithm, self._private_key)

    def mac(self, content: bytes) -> bytes:
        """HMAC-SHA-256, by a refresh key."""
        return hmac.digest(self._secret, content, hashlib.sha256)

    @cached_property
    def _secret(self) -> bytes:
        try:
            return self._vault.open(self.stored.private_key, _place(self.stored.domain_id, self.stored.key_id))
        except VaultError as error:
            raise Unavailable("signing key", detail=str(error)) from error

    @cached_property
    def _private_key(self) -> Any:
        # The vault vouches for the key; checking that its primes are prime would take 35 ms of everybody's time.
        return serialization.load_der_private_key(self._secret, None, unsafe_skip_rsa_key_validation=True)


class Keyring:
    """All keys of all domains; also the `Keys` by which this service verifies its callers.

    Args:
        load: reads every key, the newest first, and what to ask for changes with; that is `None` where there is no key.
        load_changed: reads the keys that were changed since, retired ones included, in the same form.
        vault: opens private parts.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[tuple[list[StoredKey], str | None]]],
        load_changed: Callable[[str], Awaitable[tuple[list[StoredKey], str | None]]],
        vault: Vault,
    ) -> None:
        self._load = load
        self._load_changed = load_changed
        self._vault = vault
        self._seen: str | None = None
        self._keys: dict[str, Key] = {}
        # Of each domain, the newest first.
        self._domains: dict[str, tuple[Key, ...]] = {}
        self._active: dict[tuple[str, str], Key] = {}
        # Those that another master key has sealed.
        self._foreign: set[str] = set()
        self._problem: str | None = "signing keys not read yet"
        # How many have asked, and for how many of them there was a look.
        self._asked = 0
        self._answered = 0
        self._looked_at = 0.0
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the keys, and go on following them."""
        await self.ask()
        self._task = repeat("signing keys", self._follow)

    async def close(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()

    @property
    def problem(self) -> str | None:
        """Why nothing can be signed or verified; `None` while all is well."""
        return self._problem

    def get(self, key_id: str) -> keys.VerificationKey | None:
        """The public key of that id; `None` where it is unknown or has no public half."""
        key = self._keys.get(key_id)
        return key.verification if key and key.stored.public_key else None

    async def ask(self) -> None:
        """Read what has changed until now: at the next look, which is at once or in a few milliseconds.

        Calls at the same time share a look, so that strangers who make up keys do not wear out the database.
        """
        self._asked += 1
        ticket = self._asked
        async with self._lock:
            if self._answered >= ticket:
                return
            await asyncio.sleep(self._looked_at + _AT_MOST_EVERY_SECONDS - time.monotonic())
            # All who asked until now are answered by it.
            asked, self._looked_at = self._asked, time.monotonic()
            try:
                await self._look()
            except Refusal as error:
                if not self._keys:
                    self._problem = f"signing keys not read: {error}"
            self._answered = asked

    def verification_keys(self, use: str | None = None, domain_id: str | None = None) -> list[keys.VerificationKey]:
        """Public keys, of each domain the newest first: of one use and one domain, or of all."""
        groups = self._domains.values() if domain_id is None else (self._domains.get(domain_id, ()),)
        return [
            key.verification
            for group in groups
            for key in group
            if key.stored.public_key and use in (None, key.stored.use)
        ]

    def active(self, domain_id: str, use: str) -> Key:
        """The key that signs now. Raises `Unavailable` where there is none."""
        key = self._active.get((domain_id, use))
        if key is None:
            raise Unavailable("signing key", detail=f"no {use} key of {domain_id}")
        return key

    def check(self, domain_id: str) -> None:
        """See that tokens of a domain can be signed, before anything is used up for them. Raises `Unavailable`."""
        for use in (ACCESS, REFRESH):
            self.active(domain_id, use).open()

    def refresh_key(self, domain_id: str, key_id: str) -> Key | None:
        """The refresh key of that id; `None` where the domain has none such."""
        key = self._keys.get(key_id)
        return key if key and (key.stored.domain_id, key.stored.use) == (domain_id, REFRESH) else None

    async def _look(self) -> None:
        if self._seen is not None:
            rows, seen = await self._load_changed(self._seen)
            # On one server it only rises: this is another one, or one that was set back.
            if seen is not None and int(seen) >= int(self._seen):
                for row in self._take(rows):
                    log.info("signing key", domain=row.domain_id, use=row.use, key_id=row.key_id, state=row.state)
                self._seen = seen
                return
        rows, self._seen = await self._load()
        self._keys, self._domains, self._active, self._foreign = {}, {}, {}, set()
        self._take(rows)

    def _take(self, rows: list[StoredKey]) -> list[StoredKey]:
        """Take over keys that were changed, or read again. One that stays as it is has been opened, and is kept.

        Answers those that are another than before.
        """
        changed = [row for row in rows if row.key_id not in self._keys or self._keys[row.key_id].stored != row]
        # The oldest first: what was made later is put in front.
        for row in reversed(changed):
            old = self._keys.pop(row.key_id, None)
            self._foreign.discard(row.key_id)
            others = self._domains.get(row.domain_id, ())
            if row.state == "retired":
                self._domains[row.domain_id] = tuple(key for key in others if key is not old)
                continue
            key = Key(row, self._vault)
            if not self._vault.fits(row.private_key):
                self._foreign.add(row.key_id)
            self._keys[row.key_id] = key
            self._domains[row.domain_id] = (
                tuple(key if other is old else other for other in others) if old else (key, *others)
            )
        for domain_id in {row.domain_id for row in changed}:
            for use in (ACCESS, EDGE, REFRESH):
                self._active.pop((domain_id, use), None)
            for key in self._domains[domain_id]:
                if key.stored.state == "active":
                    self._active[domain_id, key.stored.use] = key
        if not self._keys:
            self._problem = "no signing keys: run `python -m services.token bootstrap`"
        elif self._foreign:
            self._problem = "signing keys are sealed with another master key"
        else:
            self._problem = None
        return changed

    async def _follow(self) -> float:
        await self.ask()
        return _EVERY.total_seconds()


def new_keys(domain: Domain, vault: Vault) -> list[StoredKey]:
    """Make the keys that a domain begins with, which sign at once: nobody knows any others."""
    return [new_key(domain, use, "active", vault) for use in (ACCESS, EDGE, REFRESH)]


def new_key(domain: Domain, use: str, state: str, vault: Vault) -> StoredKey:
    """Make a key. One for RSA takes a tenth of a second, and is best made in a thread.

    Args:
        domain: whose it is to be; access keys are of its algorithm.
        use: what it is to sign: `ACCESS`, `EDGE`, by ES256, or `REFRESH`, by a MAC.
        state: `next` or `active`.
        vault: seals the private part.
    """
    algorithm = {ACCESS: domain.algorithm, EDGE: "ES256", REFRESH: "HS256"}[use]
    public = None
    if algorithm == "HS256":
        private = os.urandom(_MAC_BYTES)
    else:
        pair = _new_pair(algorithm)
        private = pair.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = pair.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    key_id = secrets.token_urlsafe(12)
    sealed = vault.seal(private, _place(domain.domain_id, key_id))
    return StoredKey(domain.domain_id, domain.issuer, key_id, use, algorithm, state, public, sealed)


def _new_pair(algorithm: str) -> Any:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=jws.MIN_RSA_BITS)


def _place(domain_id: str, key_id: str) -> str:
    return f"{domain_id}/{key_id}"
