"""Who has logged on in a browser before: it keeps that, and is then not taken for a stranger (docs/adr/0085)."""

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from services.account.model.logon import STRANGER
from services.runtime.ids import uuid7_time

KNOWN_LIFETIME = timedelta(days=180)
"""How long a browser is known by somebody who does not log on."""

_MAX = 8
_ID_BYTES = 16


class KnownSeal:
    """Makes what a browser keeps of who was proven in it: for each an id, and a keyed hash of that and of who it was.

    Who reads it learns nobody's identity, and nobody else can make it.

    Args:
        key: 32 bytes that all replicas have.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def find(self, kept: str, domain_id: str, way: str, name: str, now: datetime) -> UUID:
        """The id by which a browser is known; `STRANGER` where it is not, or not any more.

        Args:
            kept: what it keeps, or whatever it brings.
            domain_id, way, name: who is about to log on, as `Visit.known`.
            now: the time.
        """
        for entry in _entries(kept):
            if self._is_of(entry, domain_id, way, name):
                known = UUID(bytes=entry[:_ID_BYTES])
                return known if now - uuid7_time(known) < KNOWN_LIFETIME else STRANGER
        return STRANGER

    def add(self, kept: str, domain_id: str, way: str, name: str, known_id: UUID) -> str:
        """What it is to keep from now on: who has logged on before all others, by a new id, a UUIDv7."""
        others = [entry for entry in _entries(kept) if not self._is_of(entry, domain_id, way, name)]
        newest = known_id.bytes + self._mac(known_id.bytes, domain_id, way, name)
        return base64.urlsafe_b64encode(b"".join([newest, *others][:_MAX])).decode()

    def _is_of(self, entry: bytes, domain_id: str, way: str, name: str) -> bool:
        mac = self._mac(entry[:_ID_BYTES], domain_id, way, name)
        return hmac.compare_digest(entry[_ID_BYTES:], mac)

    def _mac(self, known_id: bytes, *who: str) -> bytes:
        # The name comes last: no other part can hold a zero byte.
        return hmac.digest(self._key, known_id + "\0".join(who).encode(), sha256)


def _entries(kept: str) -> Iterator[bytes]:
    """What a browser keeps of each; nothing where that is not of the form."""
    try:
        raw = base64.b64decode(kept, altchars=b"-_", validate=True)
    except ValueError:
        return
    size = _ID_BYTES + sha256().digest_size
    for start in range(0, min(len(raw), _MAX * size), size):
        yield raw[start : start + size]
