"""The domains' own keys: what signs access tokens, edge tokens and refresh tokens, and what verifies them here.

Every process holds them all. Once a second it asks whether one has changed; private parts are opened when they are
first needed.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.runtime import keys
from services.runtime.errors import Refusal, Unavailable
from services.runtime.repeating import repeat
from services.token import jws
from services.token.model import Domain, StoredKey
from services.token.vault import Vault, VaultError

log = structlog.get_logger()

ACCESS = "access"
EDGE = "edge"
REFRESH = "refresh"

_USES = {ACCESS: keys.ACCESS, EDGE: keys.EDGE}
_EVERY = timedelta(seconds=1)
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
        load: reads every key, the newest first.
        load_version: a number that changes when a key does.
        vault: opens private parts.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[list[StoredKey]]],
        load_version: Callable[[], Awaitable[int]],
        vault: Vault,
    ) -> None:
        self._load = load
        self._load_version = load_version
        self._vault = vault
        self._version: int | None = None
        self._keys: dict[str, Key] = {}
        self._active: dict[tuple[str, str], Key] = {}
        self._problem: str | None = "signing keys not read yet"
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
        """Read the keys again where one has changed. Calls at the same time share one look."""
        if self._lock.locked():
            async with self._lock:
                return
        async with self._lock:
            try:
                version = await self._load_version()
                if version != self._version:
                    self._take(await self._load())
                    self._version = version
            except Refusal as error:
                if self._version is None:
                    self._problem = f"signing keys not read: {error}"

    def verification_keys(self, use: str | None = None, domain_id: str | None = None) -> list[keys.VerificationKey]:
        """Public keys, the newest first: of one use and one domain, or of all."""
        return [
            key.verification
            for key in self._keys.values()
            if key.stored.public_key and use in (None, key.stored.use) and domain_id in (None, key.stored.domain_id)
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

    def _take(self, stored: list[StoredKey]) -> None:
        # Keys that stay are kept: they have been opened already.
        known = self._keys
        self._keys = {}
        self._active = {}
        for row in stored:
            old = known.get(row.key_id)
            key = old if old and old.stored == row else Key(row, self._vault)
            self._keys[row.key_id] = key
            if row.state == "active":
                self._active.setdefault((row.domain_id, row.use), key)
        if not stored:
            self._problem = "no signing keys: run `python -m services.token bootstrap`"
        elif not all(self._vault.fits(row.private_key) for row in stored):
            self._problem = "signing keys are sealed with another master key"
        else:
            self._problem = None

    async def _follow(self) -> float:
        await self.ask()
        return _EVERY.total_seconds()


def new_keys(domain: Domain, vault: Vault) -> list[StoredKey]:
    """Make the keys that a domain begins with: RS256 for access tokens, ES256 for the edge, a MAC key for refresh."""
    pairs = (
        (ACCESS, "RS256", rsa.generate_private_key(public_exponent=65537, key_size=jws.MIN_RSA_BITS)),
        (EDGE, "ES256", ec.generate_private_key(ec.SECP256R1())),
    )
    made = []
    for use, algorithm, private_key in pairs:
        private = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        made.append(_stored(domain, vault, use=use, algorithm=algorithm, public=public, private=private))
    made.append(_stored(domain, vault, use=REFRESH, algorithm="HS256", public=None, private=os.urandom(_MAC_BYTES)))
    return made


def _stored(
    domain: Domain, vault: Vault, *, use: str, algorithm: str, public: bytes | None, private: bytes
) -> StoredKey:
    key_id = secrets.token_urlsafe(12)
    sealed = vault.seal(private, _place(domain.domain_id, key_id))
    return StoredKey(domain.domain_id, domain.issuer, key_id, use, algorithm, "active", public, sealed)


def _place(domain_id: str, key_id: str) -> str:
    return f"{domain_id}/{key_id}"
