"""Access tokens: the vendor's claims and RFC 9068's, one signature each.

What stands in them is read by `services/runtime/auth.py`.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.token import jws, refresh_tokens
from services.token.keys import ACCESS
from services.token.model import Domain, Issued, Session
from services.token.refresh_tokens import RefreshToken
from services.token.resources import Resources


def for_session(
    resources: Resources,
    session: Session,
    token: RefreshToken,
    scopes: tuple[str, ...],
    *,
    domain: Domain,
    client_id: str,
    typ: str = "JWT",
) -> Issued:
    """Tokens of a session.

    Args:
        resources: the parts of the service.
        session: as the store has it now.
        token: the refresh token that may be used next.
        scopes: of the access token.
        domain: of the session.
        client_id: of the session.
        typ: header of the access token.
    """
    claims: dict[str, Any] = {"sid": str(session.session_id)}
    if session.actor is not None:
        claims["act"] = {"sub": session.actor}
    access_token, now, expires = _sign(
        resources,
        domain,
        kind="user",
        subject=session.user_id,
        user_id=session.user_id,
        client_id=client_id,
        role=session.role,
        device_id=session.device_id,
        scopes=scopes,
        lifetime=resources.lifetimes.access_token,
        claims=claims,
        typ=typ,
    )
    return Issued(
        domain_id=domain.domain_id,
        access_token=access_token,
        issued_at=now,
        expires_at=expires,
        scopes=scopes,
        session=session,
        refresh_token=refresh_tokens.write(token, resources.keyring),
    )


def for_client(
    resources: Resources,
    domain: Domain,
    *,
    kind: str,
    subject: str,
    client_id: str,
    scopes: tuple[str, ...],
    claims: Mapping[str, Any],
    lifetime: timedelta | None = None,
    typ: str = "JWT",
) -> Issued:
    """An access token of an app or a service itself, without a session.

    Args:
        resources: the parts of the service.
        domain: of the client.
        kind: `app` or `service`.
        subject: whom it speaks for.
        client_id: the app.
        scopes: of the token.
        claims: `permissions`, and what else it says.
        lifetime: of the token; `None`: the usual one.
        typ: header of the token.
    """
    access_token, now, expires = _sign(
        resources,
        domain,
        kind=kind,
        subject=subject,
        user_id="",
        client_id=client_id,
        role="",
        device_id="",
        scopes=scopes,
        lifetime=lifetime or resources.lifetimes.access_token,
        claims=claims,
        typ=typ,
    )
    return Issued(domain.domain_id, access_token, now, expires, scopes)


def _sign(
    resources: Resources,
    domain: Domain,
    *,
    kind: str,
    subject: str,
    user_id: str,
    client_id: str,
    role: str,
    device_id: str,
    scopes: tuple[str, ...],
    lifetime: timedelta,
    claims: Mapping[str, Any],
    typ: str,
) -> tuple[str, int, int]:
    now = resources.clock.timestamp()
    expires = now + int(lifetime.total_seconds())
    key = resources.keyring.active(domain.domain_id, ACCESS)
    custom = {
        "clientId": client_id,
        "domainId": domain.domain_id,
        "scope": scopes,
        "role": role,
        "ref": "",
        "device_id": device_id,
    }
    content = {
        "userId": user_id,
        "customJson": jws.to_json(custom),
        "iss": domain.issuer,
        "sub": subject,
        "aud": domain.issuer,
        "client_id": client_id,
        "scope": " ".join(scopes),
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": expires,
        "kind": kind,
        **claims,
    }
    return key.sign(content, typ), now, expires
