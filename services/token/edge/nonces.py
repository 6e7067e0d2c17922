"""A signed request is good once, over all processes (docs/adr/0061)."""

import hashlib
from datetime import datetime

from services.token.edge.times import WINDOW
from services.token.model import Nonce
from services.token.resources import Resources


async def use_up(resources: Resources, domain_id: str, signed_at: datetime, nonce: str, signature: str) -> bool:
    """Take what tells a request from all others, and answer whether nobody had. Other requests share the statement.

    Args:
        resources: the parts of the service.
        domain_id: whose access key signed it.
        signed_at: when, as the request says: by now known to be near, and believed.
        nonce: what it says of itself. Empty: nothing, and the signature takes its place.
        signature: as it was computed here.
    """
    text = f"nonce\0{nonce}" if nonce else f"signature\0{signature}"
    # Of two requests that are both good at one time, the days have one in common.
    first, last = signed_at - WINDOW, signed_at + WINDOW
    days = (_midnight(first),) if first.day == last.day else (_midnight(first), _midnight(last))
    return await resources.nonces.add(Nonce(domain_id, hashlib.sha256(text.encode()).digest(), days))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
