"""CreateAuthorizationCode: what a proven user's browser carries back to an app."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.runtime import jws
from services.token.actions.grants.authorization_code import SECRET_BYTES
from services.token.actions.phases import admission, scopes
from services.token.errors import (
    InvalidRequest,
    InvalidScope,
    NotFoundUser,
    TokenRefusal,
    UnauthorizedClient,
    UserDisabled,
    UserLoggedOff,
)
from services.token.events import EventName
from services.token.model import App, AuthorizationCode, Event, Proof, is_registered
from services.token.resources import Resources

_LIFETIME = timedelta(minutes=10)

# What the audit log calls each refusal.
_RULES: Mapping[type[TokenRefusal], str] = {
    UnauthorizedClient: "client",
    InvalidRequest: "request",
    InvalidScope: "scope",
    NotFoundUser: "no_user",
    UserDisabled: "disabled",
    UserLoggedOff: "logged_off",
}


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What a code is to be bound to. An absent `code_challenge` is empty, absent `scopes` are all of the app's.

    `authenticated_at`: when the user was proven; absent: now. `browser_id`: in which browser the user is logged on.
    """

    domain_id: str
    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str
    device_id: str
    device_name: str
    nonce: str
    proof: Proof
    authenticated_at: datetime | None = None
    browser_id: UUID | None = None


async def create_authorization_code(resources: Resources, *, request: CodeRequest) -> str:
    """Make a code, which lives 10 minutes and is redeemed once. A refusal is audited: the user was proven.

    Raises:
        NotFoundUser, UserDisabled: so it is.
        UserLoggedOff: all sessions of the user were ended since it was proven.
        UnauthorizedClient: the app is unknown, not admitted, or redeems no codes.
        InvalidRequest: the redirect URI is not the app's, or an app without a secret brings no challenge.
        InvalidScope: more was asked for than the app has.
    """
    try:
        granted = await _granted(resources, request)
    except TokenRefusal as refusal:
        await _write_withheld(resources, request, _RULES[type(refusal)])
        raise
    code_id, secret, now = resources.new_id(), os.urandom(SECRET_BYTES), resources.clock.now()
    code = AuthorizationCode(
        domain_id=request.domain_id,
        code_id=code_id,
        code_hash=hashlib.sha256(secret).digest(),
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        user_id=request.user_id,
        scopes=granted,
        code_challenge=request.code_challenge or None,
        nonce=request.nonce,
        device_id=request.device_id,
        device_name=request.device_name,
        expires_at=now + _LIFETIME,
        authenticated_at=min(request.authenticated_at or now, now),
        browser_id=request.browser_id,
    )
    await resources.store.insert_authorization_code(code, request.proof, resources.new_id())
    return jws.encode(code_id.bytes + secret)


async def _granted(resources: Resources, request: CodeRequest) -> tuple[str, ...]:
    """Scopes of the code, which nothing stands against."""
    app = await resources.directory.app(request.client_id)
    if app is None or app.domain_id != request.domain_id or not app.admitted or not admission.redeems_codes(app.type):
        raise UnauthorizedClient(detail=f"client {request.client_id!r} gets no codes in {request.domain_id!r}")
    _check(request, app)
    granted = scopes.narrow(request.scopes, app.scopes)
    user = await resources.store.select_user(request.domain_id, request.user_id)
    if user is None:
        raise NotFoundUser
    if user.status != "enabled":
        raise UserDisabled
    if request.authenticated_at and user.is_logged_off(request.authenticated_at):
        raise UserLoggedOff
    return granted


async def _write_withheld(resources: Resources, request: CodeRequest, rule: str) -> None:
    """In the log of a domain that there is. Of the app's id no more than that it is one of the domain's."""
    if await resources.directory.domain(request.domain_id) is None:
        return
    app = await resources.directory.app(request.client_id)
    client_id = app.client_id if app and app.domain_id == request.domain_id else None
    await resources.store.insert_audit(
        Event(
            request.domain_id,
            resources.new_id(),
            EventName.AUTHORIZATION_CODE_WITHHELD,
            client_id,
            user_id=request.user_id,
            detail=rule,
        )
    )


def _check(request: CodeRequest, app: App) -> None:
    if not is_registered(app.type, app.redirect_uris, request.redirect_uri):
        raise InvalidRequest(detail="redirect_uri is not one of the app's", field="redirect_uri")
    if admission.is_public(app.type) and not request.code_challenge:
        raise InvalidRequest(detail="an app without a secret needs a code_challenge", field="code_challenge")
