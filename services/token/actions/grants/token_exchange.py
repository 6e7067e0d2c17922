"""urn:ietf:params:oauth:grant-type:token-exchange: RFC 8693. A service of the domain acts for a user.

What it gets is in no way more than the token that it shows: role, scopes, lifetime, session. `act` names the service,
and inside it whoever acted before (docs/adr/0029).
"""

from collections.abc import Mapping
from typing import Any

from services.runtime.errors import FieldMissing, Refusal
from services.token.actions.phases import access_tokens, refusals, scopes, signing
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidRequest, InvalidTarget, UnauthorizedClient
from services.token.events import EventName
from services.token.model import AccessToken, AppType, Event, Issued, Session, TokenRequest
from services.token.resources import Resources

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 a type
PERMISSION = "token.exchange"

# A token must stay short enough for a header, however many services stand behind each other.
_MAX_ACTORS = 8


async def answer(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    """Exchange a user's access token for one of the service that acts for the user.

    Raises:
        FieldMissing: no subject token, or no type of it.
        UnauthorizedClient: the app does not hold the permission.
        InvalidRequest: the subject token gives nothing (RFC 8693 section 2.2.2).
        InvalidTarget: an audience that is no service of the domain, or a resource that is not its issuer.
        InvalidScope: more was asked for than the subject token has.
    """
    try:
        return await _exchange(resources, client, request)
    except Refusal as refusal:
        await refusals.write(resources, client, EventName.TOKEN_EXCHANGE_REFUSED, refusal.detail or refusal.reason)
        raise


async def _exchange(resources: Resources, client: Client, request: TokenRequest) -> Issued:
    if PERMISSION not in client.app.permissions:
        raise UnauthorizedClient(detail=f"{client.app.client_id} does not hold {PERMISSION}")
    _check(request)
    if request.resource not in ("", client.domain.issuer):
        raise InvalidTarget("The input parameter resource is not supported.", detail="resource", field="resource")
    audience = await _audience(resources, client, request.audience)
    subject, session = await _subject(resources, client, request.subject_token)
    granted = scopes.narrow(request.scopes, subject.scopes)
    issued = signing.for_exchange(
        resources,
        session,
        subject,
        granted,
        domain=client.domain,
        client_id=client.app.client_id,
        audience=audience,
        # What is for somebody else must not look like an id token.
        typ="at+jwt" if audience else client.app.token_type,
    )
    await resources.store.insert_audit(
        Event(
            client.domain.domain_id,
            resources.new_id(),
            EventName.TOKEN_EXCHANGE_ISSUED,
            client.app.client_id,
            user_id=subject.user_id,
            actor=client.app.client_id,
            detail=" ".join((*granted, *((f"for {audience}",) if audience else ()))) or None,
        )
    )
    return issued


def _check(request: TokenRequest) -> None:
    if not request.subject_token:
        raise FieldMissing("subject_token")
    if not request.subject_token_type:
        raise FieldMissing("subject_token_type")
    if request.subject_token_type != ACCESS_TOKEN_TYPE:
        raise InvalidRequest(detail="subject_token_type is not access_token", field="subject_token_type")
    if request.requested_token_type not in ("", ACCESS_TOKEN_TYPE):
        raise InvalidRequest(detail="requested_token_type is not access_token", field="requested_token_type")
    if request.actor_token:
        raise InvalidRequest(detail="actor_token: the client itself is the actor", field="actor_token")


async def _audience(resources: Resources, client: Client, requested: str) -> str:
    """Whom the token is for; empty: whoever believes the issuer."""
    if requested in ("", client.domain.domain_id, client.domain.issuer):
        return ""
    app = await resources.directory.app(requested)
    if app is None or app.domain_id != client.domain.domain_id or app.type is not AppType.SERVICE or not app.admitted:
        raise InvalidTarget(detail="audience is no service of the domain", field="audience")
    return app.client_id


async def _subject(resources: Resources, client: Client, text: str) -> tuple[AccessToken, Session]:
    """The user's token and its session, as the store has it now."""
    token = await access_tokens.verify(resources, text)
    if token is None or token.domain_id != client.domain.domain_id or token.audience != token.issuer:
        raise InvalidRequest(detail="subject token: not one of this domain's", field="subject_token")
    if token.kind != "user":
        raise InvalidRequest(detail=f"subject token: of a {token.kind}", field="subject_token")
    state = await resources.store.select_access_token_state(token)
    session, ends = state.session, state.session_expires_at
    if not state.holds(token) or session is None or ends is None or ends <= resources.clock.now():
        raise InvalidRequest(detail="subject token: revoked, or its session is over", field="subject_token")
    if session.user_role == "superadmin" and not client.domain.impersonate_superadmins:
        raise InvalidRequest(detail="subject token: a superadmin's", field="subject_token")
    if _depth(token.actor) >= _MAX_ACTORS:
        raise InvalidRequest(detail="subject token: too many act already", field="subject_token")
    return token, session


def _depth(actor: Mapping[str, Any] | None) -> int:
    depth = 0
    while actor:
        depth, actor = depth + 1, actor.get("act")
    return depth
