"""client_credentials: RFC 6749 section 4.4. The app's own token, without a session to refresh.

Scope `push:{access_id}` asks for a short one that speaks for a push app, and for nothing else.
"""

from datetime import timedelta
from typing import Any

from services.token.actions.phases import refusals, scopes, signing
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidScope
from services.token.events import EventName
from services.token.model import PUSH_PERMISSIONS, PUSH_SCOPE, AppType, Event, Issued, TokenRequest
from services.token.resources import Resources

_PUSH_LIFETIME = timedelta(minutes=5)


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Issue an app's own token.

    Raises:
        InvalidScope: a scope that the app does not have, or a push app that it may not speak for.
    """
    try:
        granted, lifetime, claims = await _asked_for(resources, client, request)
    except InvalidScope:
        await refusals.write(resources, client, EventName.CLIENT_CREDENTIALS_REFUSED, "scope")
        raise
    await resources.store.insert_audit(
        Event(
            client.domain.domain_id,
            resources.new_id(),
            EventName.CLIENT_CREDENTIALS_ISSUED,
            client.app.client_id,
            detail=" ".join(request.scopes) or None,
        )
    )
    return signing.for_client(
        resources,
        client.domain,
        kind="service" if client.app.type is AppType.SERVICE else "app",
        subject=client.app.client_id,
        client_id=client.app.client_id,
        scopes=granted,
        claims=claims,
        lifetime=lifetime,
        typ=client.app.token_type,
    )


async def _asked_for(
    resources: Resources, client: Client, request: TokenRequest
) -> tuple[tuple[str, ...], timedelta, dict[str, Any]]:
    """Scopes, lifetime and further claims of the token."""
    if any(PUSH_SCOPE.fullmatch(scope) for scope in request.scopes):
        return request.scopes, _PUSH_LIFETIME, await _push_claims(resources, client, request.scopes)
    granted = scopes.narrow(request.scopes, client.app.scopes)
    return granted, resources.lifetimes.access_token, {"permissions": client.app.permissions}


async def _push_claims(resources: Resources, client: Client, requested: tuple[str, ...]) -> dict[str, Any]:
    if len(requested) != 1:
        raise InvalidScope(detail="a token speaks for one push app and for nothing else")
    match = PUSH_SCOPE.fullmatch(requested[0])
    assert match
    access_id = int(match[1])
    app = await resources.directory.push_app(access_id) if access_id in client.app.push_access_ids else None
    if app is None or app.domain_id != client.domain.domain_id:
        raise InvalidScope(detail=f"push app {access_id} is not one of the app's")
    return {"permissions": PUSH_PERMISSIONS, "push_app": app.claim()}
