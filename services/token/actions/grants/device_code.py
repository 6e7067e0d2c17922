"""urn:ietf:params:oauth:grant-type:device_code: RFC 8628 section 3.4, for a device whose user decides elsewhere.

A device code is an id and a 256-bit secret, as an authorization code is. It gives tokens once. A second use ends
nothing: the code was never in anybody's browser, and who asks twice is a device that did not hear the answer
(docs/adr/0072).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from services.runtime import jws
from services.runtime.errors import FieldMissing
from services.token.actions.phases import refusals, scopes, sessions, signing
from services.token.actions.phases.clients import Client
from services.token.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    SlowDown,
    TokenRefusal,
)
from services.token.events import EventName
from services.token.model import OPENID, Issued, TokenRequest
from services.token.resources import Resources

SECRET_BYTES = 32
_ID_BYTES = 16

_NOT_YET_OR_NEVER: Mapping[str, type[TokenRefusal]] = {
    "pending": AuthorizationPending,
    "slow_down": SlowDown,
    "denied": AccessDenied,
    "expired": ExpiredToken,
}


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Answer a device that asks whether its user has decided.

    Raises:
        FieldMissing: no code.
        AuthorizationPending, SlowDown: not decided yet.
        AccessDenied, ExpiredToken: so it is.
        InvalidGrant: the code is none of the client's, or has given its tokens.
    """
    if not request.device_code:
        raise FieldMissing("device_code")
    authorization_id, secret = await _read(resources, client, request.device_code)
    new, refresh_token = sessions.begin(resources, client.domain.domain_id, client.app.client_id, client.app)
    verdict, session = await resources.store.redeem_device_code(
        new, authorization_id=authorization_id, device_code_hash=hashlib.sha256(secret).digest()
    )
    if session is None:
        if verdict == "unknown":
            await _write_no_code(resources, client)
        raise _NOT_YET_OR_NEVER.get(verdict, InvalidGrant)(detail=f"device code: {verdict}")
    granted = scopes.kept(session.scopes, client.app.scopes)
    issued = signing.for_session(
        resources,
        session,
        refresh_token,
        granted,
        domain=client.domain,
        client_id=client.app.client_id,
        typ=client.app.token_type,
    )
    if OPENID not in granted or session.authenticated_at is None:
        return issued
    return replace(issued, id_token=signing.id_token(resources, issued, client.app.client_id, session.authenticated_at))


async def _read(resources: Resources, client: Client, code: str) -> tuple[UUID, bytes]:
    """Id and secret in a code."""
    try:
        raw = jws.decode(code)
    except jws.JwsError:
        raw = b""
    if len(raw) != _ID_BYTES + SECRET_BYTES:
        await _write_no_code(resources, client)
        raise InvalidGrant(detail="device code: not well-formed")
    return UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:]


async def _write_no_code(resources: Resources, client: Client) -> None:
    """Of what is no code, a client that proved itself alone makes a row."""
    if refusals.is_proven(client):
        await refusals.write(resources, client, EventName.DEVICE_CODE_REFUSED, "unknown")
