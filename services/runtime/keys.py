"""The keys that verify tokens, as token's `KeyService` lists them: followed by every service, kept on disk.

A key is bound to one issuer, one domain, one use and one algorithm; a token is believed in nothing but what its key
may say.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
import jwt
import structlog
from google.protobuf.message import DecodeError
from tessera.client import Certificates, open_channel
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.runtime.env import Address
from services.runtime.files import write_private
from services.runtime.repeating import repeat

log = structlog.get_logger()

ACCESS = token_pb2.VerificationKey.USE_ACCESS
EDGE = token_pb2.VerificationKey.USE_EDGE

# The algorithms that Tessera verifies, by key type and curve; nothing is left to what a library would take.
ALGORITHMS = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}

_TIMEOUT_SECONDS = 2.0
_POLL_SECONDS = 30.0
_RETRY_SECONDS = 0.1
# An unknown key id may be a new key: worth asking, but a stranger can make up as many as he likes.
_ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and what it may vouch for."""

    use: int
    key_id: str
    issuer: str
    domain_id: str
    algorithm: str
    public_key: Any


class Keys(Protocol):
    """Where verification keys come from."""

    @property
    def problem(self) -> str | None:
        """Why no token can be verified now; `None` where some can."""

    def get(self, key_id: str) -> VerificationKey | None:
        """The key of that id, `None` where it is unknown."""

    async def ask(self) -> None:
        """Look for keys that were not there before; at most about once a second, however often it is called."""


async def find(keys: Keys, key_id: str) -> VerificationKey | None:
    """The key of an id; one that is unknown may be another process's of a moment ago, and is asked for."""
    key = keys.get(key_id)
    if key is None:
        await keys.ask()
        key = keys.get(key_id)
    return key


def read_key(message: token_pb2.VerificationKey) -> VerificationKey:
    """Read a key off the wire. Raises `ValueError` where type, curve and algorithm do not fit, or it is no key."""
    jwk = message.jwk
    if ALGORITHMS.get((jwk.kty, jwk.crv)) != jwk.alg:
        msg = f"key {message.key_id}: {jwk.kty} {jwk.crv} does not verify {jwk.alg}"
        raise ValueError(msg)
    members = {field.name: value for field, value in jwk.ListFields()}
    try:
        public_key = jwt.PyJWK(members, jwk.alg).key
    except jwt.PyJWTError as error:
        msg = f"key {message.key_id}: {error}"
        raise ValueError(msg) from error
    return VerificationKey(
        use=message.use,
        key_id=message.key_id,
        issuer=message.issuer,
        domain_id=message.domain_id,
        algorithm=jwk.alg,
        public_key=public_key,
    )


class RemoteKeys:
    """Keys of the token service, asked for every half minute; the last answer outlives it on disk.

    Args:
        addresses: the token service's workers.
        state: folder that the last answer is kept in.
        tls: how it is called; nothing: in plaintext.
    """

    def __init__(self, addresses: tuple[Address, ...], state: Path, tls: Certificates | None = None) -> None:
        self._channel = open_channel(*map(str, addresses), tls=tls, timeout=_TIMEOUT_SECONDS, retry=False)
        self._stub = token_service_pb2_grpc.KeyServiceStub(self._channel)
        self._file = state / "verification_keys.binpb"
        self._keys: dict[str, VerificationKey] = {}
        # As they came: what is there already is not read again, which takes long where there are many.
        self._messages: dict[str, token_pb2.VerificationKey] = {}
        self._kept = b""
        self._asked = 0.0
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what the disk has, and begin to follow."""
        try:
            self._take(token_service_pb2.ListVerificationKeysResponse.FromString(self._file.read_bytes()).keys)
        except FileNotFoundError:
            log.debug("no verification keys on disk yet")
        except (OSError, DecodeError, ValueError) as error:
            log.warning("verification keys on disk not readable", problem=str(error))
        self._task = repeat("keys", self._follow)

    async def close(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()
        await self._channel.close()

    @property
    def problem(self) -> str | None:
        """`None` as soon as there is a key."""
        return None if self._keys else "token service away, and no keys kept from before"

    def get(self, key_id: str) -> VerificationKey | None:
        """The key of that id, `None` where it is unknown."""
        return self._keys.get(key_id)

    async def ask(self) -> None:
        """Ask token now, unless it was asked within the last second. An unreachable token changes nothing."""
        async with self._lock:
            # Without any key there is nothing that a stranger could make us ask for.
            if self._keys and time.monotonic() - self._asked < _ASK_AGAIN_SECONDS:
                return
            try:
                answer = await self._stub.ListVerificationKeys(token_service_pb2.ListVerificationKeysRequest())
                self._take(answer.keys)
                await self._keep(answer.SerializeToString(deterministic=True))
            except grpc.aio.AioRpcError as error:
                log.debug("token away", code=error.code().name)
            except ValueError as error:
                log.error("token sent a key that is none", problem=str(error))
            except OSError as error:
                log.warning("verification keys not kept on disk", problem=str(error))
            # At the end, so that who waited for this answer does not ask for another.
            self._asked = time.monotonic()

    async def _keep(self, answer: bytes) -> None:
        """Write what is new to the disk, which may be slow, beside the calls."""
        if answer != self._kept:
            await asyncio.to_thread(write_private, self._file, answer)
            self._kept = answer

    def _take(self, messages: Iterable[token_pb2.VerificationKey]) -> None:
        came = {message.key_id: message for message in messages}
        self._keys = {
            key_id: self._keys[key_id] if self._messages.get(key_id) == message else read_key(message)
            for key_id, message in came.items()
        }
        self._messages = came

    async def _follow(self) -> float:
        await self.ask()
        return _POLL_SECONDS if self._keys else _RETRY_SECONDS
