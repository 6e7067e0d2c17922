"""What every scheme with an access key has in common: key, window, signature, limits, nonce, in this order.

A scheme reads what a request says of itself, without believing any of it; what is believed is decided here.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.runtime.errors import PermissionDenied, Refusal
from services.token.edge.nonces import use_up
from services.token.edge.request import Request
from services.token.edge.schemes.scheme import Caller
from services.token.edge.times import WINDOW
from services.token.errors import (
    AccessKeyInactive,
    AccessKeyUnknown,
    DateSkewed,
    NonceRepeated,
    SignatureMismatched,
    SignatureNonceUsed,
    SignatureRefused,
    TimestampExpired,
)
from services.token.model import AccessKey
from services.token.resources import Resources

ACS = "acs"
"""The scheme that a key may refuse."""

_NO_SECRET = b"\0" * 43


@dataclass(slots=True)
class Signed:
    """What a request says of its signature.

    Args:
        scheme: by which it is made.
        key_id: the access key that it is said to be of.
        signed_at: when it was made.
        nonce: tells the request from others; empty: nothing does.
        signature: as it was sent.
        to_sign: what it should be of.
        sign: makes the signature of that text with a secret.
        path: what the key's limits are compared with.
    """

    scheme: str
    key_id: str
    signed_at: datetime
    nonce: str
    signature: str
    to_sign: str
    sign: Callable[[bytes, bytes], str]
    path: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a surface says where a signature is not good.

    Args:
        skewed: it was made too long ago, or in the future.
        mismatched: it is not of this text.
        repeated: the request was made before.
        unknown: there is no such key. `None`: what is said of a wrong signature, and not before.
        disabled: the key is disabled. `None`: the same.
    """

    skewed: Callable[[], Refusal]
    mismatched: Callable[[str], Refusal]
    repeated: Callable[[], Refusal]
    unknown: Callable[[], Refusal] | None = None
    disabled: Callable[[], Refusal] | None = None


PDS = Words(DateSkewed, lambda _: SignatureRefused(), NonceRepeated)
"""Of /v2, where the vendor's are not known, and nobody learns which keys there are."""
RPC = Words(TimestampExpired, SignatureMismatched, SignatureNonceUsed, AccessKeyUnknown, AccessKeyInactive)
"""Of the RPC style, where they are read by the vendor's clients, and tell more than a stranger has to know."""


async def verify(resources: Resources, request: Request, signed: Signed, words: Words) -> Caller:
    """Find out whether an access key made a request, for the first time, and may.

    Returns:
        The access key as a caller.

    Raises:
        Refusal: one of `words`.
        PermissionDenied: the key is limited to other paths, networks or schemes.
        RateLimited: it signed more in this second than it may; the nonce is good still.
        Unavailable: it cannot be told.
    """
    key = await _known(resources, signed.key_id, request.host)
    # Also where there is no key, whose absence is not to be told by the time.
    expected = signed.sign(key.secret if key else _NO_SECRET, signed.to_sign.encode())
    is_its = hmac.compare_digest(expected.encode(), signed.signature.encode())
    if key is None and words.unknown:
        raise words.unknown()
    if key and not key.enabled and words.disabled:
        raise words.disabled()
    if abs(resources.clock.now() - signed.signed_at) > WINDOW:
        raise words.skewed()
    if not is_its or key is None or not key.enabled:
        raise words.mismatched(signed.to_sign)
    _check_limits(key, request, signed)
    resources.call_limits.take("access_key", key.domain_id, key.access_key_id)
    if not await use_up(resources, key.domain_id, signed.signed_at, signed.nonce, expected):
        # Whoever caught one request must not keep the key's owner from the next one.
        resources.call_limits.give_back(key.domain_id, key.access_key_id)
        raise words.repeated()
    claims = {
        "kind": "access_key",
        "sub": key.access_key_id,
        "client_id": key.access_key_id,
        "permissions": key.permissions,
    }
    return Caller(key.domain_id, claims)


async def _known(resources: Resources, key_id: str, host: str) -> AccessKey | None:
    """The access key, `None` where there is none or the request was sent to another domain."""
    key = await resources.directory.access_key(key_id)
    domain = await resources.directory.domain(key.domain_id) if key else None
    if domain is None or await resources.directory.is_elsewhere(domain, host.lower()):
        return None
    return key


def _check_limits(key: AccessKey, request: Request, signed: Signed) -> None:
    if key.limits.refuse_acs and signed.scheme == ACS:
        raise PermissionDenied(detail=f"{key.access_key_id} refuses acs")
    if not key.limits.reach(signed.path):
        raise PermissionDenied(detail=f"{key.access_key_id} is limited to other paths")
    # An address is read where one is asked for.
    if key.limits.networks and not key.limits.admit(request.client):
        raise PermissionDenied(detail=f"{key.access_key_id} is limited to other networks than that of {request.client}")
