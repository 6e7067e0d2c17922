"""Access tokens that come back to us: to be looked at, exchanged or revoked.

They are believed as `services/runtime/auth.py` believes them. An id token never passes: its audience is a client, and
its type not `at+jwt`, which alone lets an access token be for somebody else than the issuer.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.runtime import jws, keys
from services.runtime.auth import ACCESS_TYPES
from services.runtime.keys import VerificationKey
from services.token.model import AccessToken
from services.token.resources import Resources


async def verify(resources: Resources, text: str) -> AccessToken | None:
    """Read an access token of any of our domains; `None` where it is not one, or has expired."""
    try:
        token = jws.read(text)
    except jws.JwsError:
        return None
    key = await _key(resources, token.header.get("kid"))
    typ = str(token.header.get("typ")).lower()
    if key is None or typ not in ACCESS_TYPES or not token.verifies(key.algorithm, key.public_key):
        return None
    claims = token.claims
    if claims.get("iss") != key.issuer or not (claims.get("aud") == key.issuer or typ == "at+jwt"):
        return None
    try:
        read = _read(claims, key)
    except (KeyError, TypeError, ValueError):
        return None
    return read if read.expires_at > resources.clock.now().timestamp() else None


async def _key(resources: Resources, key_id: object) -> VerificationKey | None:
    if not isinstance(key_id, str):
        return None
    key = await keys.find(resources.keyring, key_id)
    return key if key and key.use == keys.ACCESS else None


def _read(claims: Mapping[str, Any], key: VerificationKey) -> AccessToken:
    """What a verified token says. Raises `KeyError`, `TypeError` or `ValueError` where it is no access token."""
    kind, subject = claims["kind"], claims["sub"]
    custom = json.loads(claims["customJson"])
    return AccessToken(
        domain_id=key.domain_id,
        issuer=key.issuer,
        audience=claims["aud"],
        key_id=key.key_id,
        token_id=claims["jti"],
        kind=kind,
        subject=subject,
        user_id=subject if kind == "user" else "",
        client_id=claims["client_id"],
        session_id=UUID(claims["sid"]) if "sid" in claims else None,
        role=custom["role"],
        scopes=tuple(claims["scope"].split()),
        actor=claims.get("act"),
        through=tuple(claims.get("through", ())),
        issued_at=int(claims["iat"]),
        expires_at=int(claims["exp"]),
    )
