"""IntrospectToken: whether a token is good now (RFC 7662)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.token import refresh_tokens
from services.token.actions.phases import access_tokens, acting, admission, clients, scopes, sessions
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidClient
from services.token.model import AuthMethod, PresentedToken
from services.token.refresh_tokens import RefreshToken
from services.token.resources import Resources


@dataclass(frozen=True, slots=True)
class Introspection:
    """What an active token says, named as in RFC 7662 section 2.2; times in seconds since 1970."""

    scope: str
    client_id: str
    username: str | None
    token_type: str | None
    exp: int
    iat: int
    sub: str
    aud: str | None
    iss: str
    jti: str | None
    sid: str | None
    act: Mapping[str, Any] | None


async def introspect_token(resources: Resources, *, request: PresentedToken) -> Introspection | None:
    """Look at a token for a client of its domain.

    Access tokens are told to every client that proves itself, refresh tokens to their own: one who took a refresh token
    for an access token would let its thief in (docs/adr/0028).

    Returns:
        What it says; `None` where it is not active, or not the client's to see.

    Raises:
        InvalidRequest, InvalidClient, UnauthorizedClient: as the phases say; a client that only names itself is none.
    """
    client = await clients.authenticate(resources, request)
    if client.method is AuthMethod.NONE:
        raise InvalidClient(detail=f"{client.app.client_id} asks what a token is and proves nothing")
    await admission.admit(resources, client)
    refresh_token = await refresh_tokens.opened(request.token, resources.keyring)
    if refresh_token is not None:
        return await _refresh_token(resources, client, refresh_token)
    return await _access_token(resources, client, request.token)


async def _refresh_token(resources: Resources, client: Client, token: RefreshToken) -> Introspection | None:
    if token.domain_id != client.domain.domain_id or sessions.is_over(resources, client.app, token.session_id):
        return None
    state = await resources.store.select_refresh_token_state(
        token.domain_id,
        token.session_id,
        client.app.client_id,
        secret_hash=token.secret_hash,
        generation=token.generation,
        now=resources.clock.now(),
    )
    if state is None or (state.actor and not await acting.actor_of(resources, client, state.actor, state.session_id)):
        return None
    return Introspection(
        scope=" ".join(scopes.kept(state.scopes, client.app.scopes)),
        client_id=client.app.client_id,
        username=state.user_name or None,
        token_type=None,
        exp=int(state.expires_at.timestamp()),
        iat=int(state.rotated_at.timestamp()),
        sub=state.user_id,
        aud=None,
        iss=client.domain.issuer,
        jti=None,
        sid=str(state.session_id),
        act={"sub": state.actor} if state.actor else None,
    )


async def _access_token(resources: Resources, client: Client, text: str) -> Introspection | None:
    token = await access_tokens.verify(resources, text)
    if token is None or token.domain_id != client.domain.domain_id:
        return None
    if token.audience not in (token.issuer, client.app.client_id):
        return None
    state = await resources.store.select_access_token_state(token)
    if not state.holds(token):
        return None
    return Introspection(
        scope=" ".join(token.scopes),
        client_id=token.client_id,
        username=(state.session.user_name or None) if state.session else None,
        token_type="Bearer",  # noqa: S106 a type
        exp=token.expires_at,
        iat=token.issued_at,
        sub=token.subject,
        aud=token.audience,
        iss=token.issuer,
        jti=token.token_id,
        sid=str(token.session_id) if token.session_id else None,
        act=token.actor,
    )
