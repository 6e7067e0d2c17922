"""Assertions: JWTs that an app's trusted key signed, for a grant or for the app itself (RFC 7523 section 3)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.runtime import jws
from services.token.model import App

_LEEWAY = timedelta(seconds=60)
_MAX_ID_CHARS = 256


class AssertionRefused(Exception):
    """An assertion that proves nothing; the text says which rule refused it, in a word, for the log.

    Args:
        rule: the word.
        signed: whether a key of the app made it, so that the app itself is refused and no stranger.
    """

    def __init__(self, rule: str, *, signed: bool) -> None:
        super().__init__(rule)
        self.signed = signed


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that holds. It may be used once: `id_hash` is SHA-256 of its `jti`."""

    subject: str
    id_hash: bytes
    expires_at: datetime
    claims: Mapping[str, Any]


def verify(
    text: str, app: App, *, audiences: frozenset[str], types: tuple[str, ...], longest: timedelta, now: datetime
) -> Assertion:
    """Verify an assertion by the keys of the app that presents it.

    Args:
        text: the JWT.
        app: who must have made it: `iss`.
        audiences: `aud` must be one of them, and one alone: what is meant for several servers can be carried from
            one to another.
        types: what `typ` may be, in lower case, beside absent.
        longest: how far ahead `exp` may be.
        now: the time.

    Raises:
        AssertionRefused: it does not hold.
    """
    try:
        token = jws.read(text)
    except jws.JwsError as error:
        raise AssertionRefused(str(error), signed=False) from error
    keys = [key for key in app.keys if token.header.get("kid", key.key_id) == key.key_id]
    if not any(token.verifies(key.algorithm, key.public_key) for key in keys):
        raise AssertionRefused("signature", signed=False)
    typ = token.header.get("typ", types[0])
    require(isinstance(typ, str) and typ.lower() in types, "typ")
    claims = token.claims
    require(claims.get("iss") == app.client_id, "iss")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    require(isinstance(audience, str) and audience in audiences, "aud")
    subject, identifier = claims.get("sub"), claims.get("jti")
    if not isinstance(subject, str) or not subject:
        raise AssertionRefused("sub", signed=True)
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _MAX_ID_CHARS:
        raise AssertionRefused("jti", signed=True)
    return Assertion(
        subject=subject,
        id_hash=hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).digest(),
        expires_at=_check_times(claims, longest, now),
        claims=claims,
    )


def _check_times(claims: Mapping[str, Any], longest: timedelta, now: datetime) -> datetime:
    """`exp`, which must be there and near; `nbf` and `iat`, which must not be to come."""
    expires = _time(claims, "exp")
    require(expires is not None and now - _LEEWAY < expires <= now + longest + _LEEWAY, "exp")
    for name in ("nbf", "iat"):
        moment = _time(claims, name)
        require(moment is None or moment <= now + _LEEWAY, name)
    assert expires is not None
    return expires


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    # A bool is an int, and a float is a time whose last digits two readers may see differently.
    require(type(value) is int, name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise AssertionRefused(name, signed=True) from error


def require(condition: object, rule: str) -> None:
    """See that a rule holds for what an app signed. Raises `AssertionRefused`."""
    if not condition:
        raise AssertionRefused(rule, signed=True)
