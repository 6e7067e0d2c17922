"""The refresh token: what it holds, and the MAC that is checked before the database is asked (docs/adr/0007).

version 1 | domain id, counted | session id, 16 bytes | generation, 4 | secret, 16 | key id, counted | HMAC, 32
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.runtime import jws
from services.token.keys import REFRESH, Keyring

SECRET_BYTES = 16

_VERSION = 1
_MAX_CHARS = 512
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, opened. The secret is the session's; the successor differs in its generation alone."""

    domain_id: str
    session_id: UUID
    generation: int
    secret: bytes = field(repr=False)

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of the secret, which is all that the database has of it."""
        return hashlib.sha256(self.secret).digest()

    def of_generation(self, generation: int) -> "RefreshToken":
        """The same session's token of another generation."""
        return replace(self, generation=generation)


def write(token: RefreshToken, keyring: Keyring) -> str:
    """Encode a token, under the key that its domain uses now. Raises `Unavailable` where there is none."""
    key = keyring.active(token.domain_id, REFRESH)
    content = b"".join(
        (
            bytes((_VERSION,)),
            _counted(token.domain_id),
            token.session_id.bytes,
            struct.pack(">I", token.generation),
            token.secret,
            _counted(key.stored.key_id),
        )
    )
    return jws.encode(content + key.mac(content))


async def opened(text: str, keyring: Keyring) -> RefreshToken | None:
    """As `read`; a key that another process has just begun to sign with is asked for."""
    token = read(text, keyring)
    if token is None and (taken := _take_apart(text)) and not keyring.refresh_key(taken[0].domain_id, taken[1]):
        await keyring.ask()
        token = read(text, keyring)
    return token


def read(text: str, keyring: Keyring) -> RefreshToken | None:
    """Open a token; `None` where it is not one that a key of ours has signed."""
    taken = _take_apart(text)
    if taken is None:
        return None
    token, key_id, content, mac = taken
    key = keyring.refresh_key(token.domain_id, key_id)
    return token if key and hmac.compare_digest(key.mac(content), mac) else None


def _take_apart(text: str) -> tuple[RefreshToken, str, bytes, bytes] | None:
    """A token, not to be believed yet; its key's id; what the MAC covers, and the MAC."""
    if len(text) > _MAX_CHARS:
        return None
    try:
        raw = jws.decode(text)
        content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if content[0] != _VERSION:
            return None
        domain_id, rest = _split(content[1:])
        session_id, generation, secret = struct.unpack_from(f">16sI{SECRET_BYTES}s", rest)
        key_id, rest = _split(rest[20 + SECRET_BYTES :])
    except (jws.JwsError, struct.error, IndexError, UnicodeDecodeError):
        return None
    return None if rest else (RefreshToken(domain_id, UUID(bytes=session_id), generation, secret), key_id, content, mac)


def _counted(text: str) -> bytes:
    raw = text.encode()
    return bytes((len(raw),)) + raw


def _split(raw: bytes) -> tuple[str, bytes]:
    end = 1 + raw[0]
    return raw[1:end].decode(), raw[end:]
