"""A signed request is good once, over all processes (docs/adr/0061)."""

import hashlib
from collections.abc import Awaitable
from datetime import datetime
from functools import lru_cache

from services.token.edge.times import WINDOW
from services.token.model import Nonce
from services.token.resources import Resources

_SECONDS_OF_A_DAY = 86_400


def use_up(resources: Resources, domain_id: str, signed_at: datetime, nonce: str, signature: str) -> Awaitable[bool]:
    """Take what tells a request from all others, and answer whether nobody had. Other requests share the statement.

    Args:
        resources: the parts of the service.
        domain_id: whose access key signed it.
        signed_at: when, as the request says: by now known to be near, and believed.
        nonce: what it says of itself. Empty: nothing, and the signature takes its place.
        signature: as it was computed here.
    """
    text = f"nonce\0{nonce}" if nonce else f"signature\0{signature}"
    return resources.nonces.add(Nonce(domain_id, hashlib.sha256(text.encode()).digest(), _days(signed_at)))


# What comes at one time was signed in few seconds.
@lru_cache(maxsize=1_000)
def _days(signed_at: datetime) -> tuple[int, ...]:
    """Of two requests that are both good at one time, the days have one in common."""
    first, last = _midnight(signed_at - WINDOW), _midnight(signed_at + WINDOW)
    return (first,) if first == last else (first, last)


def _midnight(moment: datetime) -> int:
    return int(moment.timestamp()) // _SECONDS_OF_A_DAY * _SECONDS_OF_A_DAY
