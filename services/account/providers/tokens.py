"""ID tokens (OpenID Connect Core section 3.1.3.7): verified with the provider that is registered, and with no other."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.account.errors import IdTokenInvalid
from services.account.providers.keys import ProviderKeys, Signer
from services.runtime import jws
from services.runtime.validation import CONTROL

_SKEW = timedelta(seconds=30)
_MAX_SUBJECT = 255
# Control characters, and halves of surrogate pairs, which JSON can spell and no text of ours can hold.
_UNFIT = re.compile(CONTROL.pattern + "|[\ud800-\udfff]")


async def verify(keys: ProviderKeys, provider: Signer, token: str, now: datetime) -> jws.Jws:
    """Verify a token that a provider made for us. Answers it; its `sub` is the provider's id of the account.

    What can be refused without a key is refused first: nobody is asked for keys on behalf of a token that could not be
    taken anyway. Nothing is believed before the signature fits.

    Raises:
        IdTokenInvalid: it is none, of another provider, for somebody else, not valid now, or forged.
        IdpUnavailable: the provider's keys cannot be had.
    """
    try:
        read = jws.read(token)
    except jws.JwsError as error:
        raise IdTokenInvalid(detail=str(error)) from error
    algorithm, key_id = read.header.get("alg"), read.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
        raise IdTokenInvalid(detail=f"alg {algorithm!r}")
    if key_id is not None and not isinstance(key_id, str):
        raise IdTokenInvalid(detail="kid is no text")
    if str(read.header.get("typ", "JWT")).upper() != "JWT" or "events" in read.claims:
        # An access token, or a logout token, which may have the same issuer, audience and subject.
        raise IdTokenInvalid(detail="of another type")
    _check(provider, read.claims, now)
    for key in await keys.find(provider, key_id, algorithm):
        if read.verifies(algorithm, key.public_key):
            return read
    raise IdTokenInvalid(detail="signature")


def _check(provider: Signer, claims: Mapping[str, Any], now: datetime) -> None:
    """Whether claims are meant for us, hold now, and have a subject. Raises `IdTokenInvalid`."""
    if claims.get("iss") != provider.issuer:
        raise IdTokenInvalid(detail="iss")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(each in provider.audiences for each in audiences):
        raise IdTokenInvalid(detail="aud")
    # Whom it was made for: where several may read it, it has to say (OpenID Connect Core section 3.1.3.7).
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") not in provider.audiences:
        raise IdTokenInvalid(detail="azp")
    seconds, skew = now.timestamp(), _SKEW.total_seconds()
    if _moment(claims, "exp", None) <= seconds - skew:
        raise IdTokenInvalid(detail="exp")
    for name in ("nbf", "iat"):
        if _moment(claims, name, seconds) > seconds + skew:
            raise IdTokenInvalid(detail=name)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or _UNFIT.search(subject):
        raise IdTokenInvalid(detail="sub")


def _moment(claims: Mapping[str, Any], name: str, absent: float | None) -> float:
    """A claim in seconds since 1970; raises `IdTokenInvalid` where it is none, or must not be absent."""
    value = claims.get(name, absent)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdTokenInvalid(detail=name)
    return value
