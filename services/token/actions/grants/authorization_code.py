"""authorization_code: RFC 6749 section 4.1.3, with RFC 7636; with scope `openid` OpenID Connect Core section 3.1.3.

A code is its id and a 256-bit secret. Whatever is wrong with a use of it, the code is used up; a second use ends the
session that the first one made.
"""

import hashlib
from dataclasses import replace
from uuid import UUID

from services.runtime import jws
from services.runtime.errors import FieldMissing
from services.runtime.ids import uuid7_time
from services.token.actions.phases import refusals, scopes, sessions, signing
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidGrant
from services.token.events import EventName
from services.token.model import CODE_VERIFIER, OPENID, Issued, TokenRequest, code_challenge
from services.token.resources import Resources

SECRET_BYTES = 32
_ID_BYTES = 16


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Redeem a code.

    Raises:
        FieldMissing: no code, or no redirect URI.
        InvalidGrant: the code gives nothing.
    """
    if not request.code:
        raise FieldMissing("code")
    if not request.redirect_uri:
        raise FieldMissing("redirect_uri")
    try:
        code_id, secret = _read(request.code)
    except InvalidGrant:
        await _write_no_code(resources, client)
        raise
    challenge = None
    if request.code_verifier:
        # A malformed verifier has no challenge that any code was made with, and uses the code up like a wrong one.
        well_formed = CODE_VERIFIER.fullmatch(request.code_verifier)
        challenge = code_challenge(request.code_verifier) if well_formed else ""
    new, refresh_token = sessions.begin(resources, client.domain.domain_id, client.app.client_id, client.app)
    verdict, session = await resources.store.redeem_code(
        new,
        code_id=code_id,
        code_hash=hashlib.sha256(secret).digest(),
        redirect_uri=request.redirect_uri,
        code_challenge=challenge,
    )
    if session is None:
        if verdict == "unknown":
            await _write_no_code(resources, client)
        raise InvalidGrant(detail=f"code: {verdict}")
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
    if OPENID not in granted:
        return issued
    # A code of the previous version does not say when its user was proven.
    authenticated_at = session.authenticated_at or uuid7_time(code_id)
    return replace(issued, id_token=signing.id_token(resources, issued, client.app.client_id, authenticated_at))


async def _write_no_code(resources: Resources, client: Client) -> None:
    """The function writes what became of a code; of what is none, a client that proved itself alone makes a row."""
    if refusals.is_proven(client):
        await refusals.write(resources, client, EventName.AUTHORIZATION_CODE_REFUSED, "unknown")


def _read(code: str) -> tuple[UUID, bytes]:
    try:
        raw = jws.decode(code)
    except jws.JwsError as error:
        raise InvalidGrant(detail="code: not well-formed") from error
    if len(raw) != _ID_BYTES + SECRET_BYTES:
        raise InvalidGrant(detail="code: not well-formed")
    return UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:]
