"""Access tokens: the vendor's claims and RFC 9068's, one signature each. And id tokens, which are for clients alone.

What stands in them is read by `services/runtime/auth.py`.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.runtime import jws
from services.token import refresh_tokens
from services.token.keys import ACCESS
from services.token.model import AccessToken, Domain, Issued, Session, lower_role
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


def for_exchange(
    resources: Resources,
    session: Session,
    subject: AccessToken,
    scopes: tuple[str, ...],
    *,
    domain: Domain,
    client_id: str,
    audience: str,
    typ: str = "JWT",
) -> Issued:
    """An access token for somebody who acts for a user (RFC 8693): in no way more than the one that it is made from.

    Args:
        resources: the parts of the service.
        session: the subject token's, as the store has it now.
        subject: the user's token.
        scopes: of the token; among those of the subject token.
        domain: of all of them.
        client_id: who acts.
        audience: whom the token is for; empty: whoever believes the issuer.
        typ: header of the token.
    """
    role = lower_role(subject.role, session.role)
    access_token, now, expires = _sign(
        resources,
        domain,
        kind="user",
        subject=session.user_id,
        user_id=session.user_id,
        client_id=client_id,
        role=role,
        device_id=session.device_id,
        scopes=scopes,
        lifetime=resources.lifetimes.access_token,
        latest=subject.expires_at,
        claims={
            "sid": str(session.session_id),
            # Who acted before stays named (RFC 8693 section 4.1).
            "act": {"sub": client_id} | ({"act": subject.actor} if subject.actor else {}),
            # What it came through, it ends with.
            "through": (*subject.through, subject.client_id),
        }
        | ({"aud": audience} if audience else {}),
        typ=typ,
    )
    shown = replace(session, role_cap=role)
    return Issued(domain.domain_id, access_token, now, expires, scopes, session=shown, exchanged=True)


def id_token(resources: Resources, issued: Issued, client_id: str, authenticated_at: datetime) -> str:
    """An id token (OpenID Connect Core section 2) beside an access token of a session.

    Its audience is the client: nothing that believes access tokens believes it.

    Args:
        resources: the parts of the service.
        issued: what goes with it.
        client_id: the client that redeemed the code.
        authenticated_at: when the user was proven.
    """
    session = issued.session
    assert session
    key = resources.keyring.active(issued.domain_id, ACCESS)
    claims = {
        "iss": key.issuer,
        "sub": session.user_id,
        "aud": client_id,
        "iat": issued.issued_at,
        "exp": issued.expires_at,
        "auth_time": int(authenticated_at.timestamp()),
        "at_hash": _half_hash(issued.access_token, key.stored.algorithm),
        "sid": str(session.session_id),
    }
    # To the letter, and not at all where the request had none: the client compares it.
    return key.sign(claims | ({"nonce": session.nonce} if session.nonce else {}), "JWT")


def _half_hash(token: str, algorithm: str) -> str:
    """The left half of a token's hash, of the hash that the signature uses (OpenID Connect Core section 3.1.3.6)."""
    digest = hashlib.new("sha512" if algorithm == "EdDSA" else "sha256", token.encode()).digest()
    return jws.encode(digest[: len(digest) // 2])


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
    latest: int | None = None,
) -> tuple[str, int, int]:
    now = resources.clock.timestamp()
    expires = now + int(lifetime.total_seconds())
    if latest is not None:
        expires = min(expires, latest)
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
