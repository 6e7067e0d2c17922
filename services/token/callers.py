"""Callers who prove themselves by a secret and not by a token: the gateway, before there is any token."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from services.runtime.auth import Principal
from services.runtime.errors import Unauthenticated
from services.token.actions.phases.clients import has_secret, read_basic
from services.token.errors import InvalidClient
from services.token.model import App, AppType
from services.token.resources import Resources

# Everybody else asks for an access token, and what a stolen secret reaches is written down when he does.
_BY_SECRET = frozenset(("edge.check",))


def gateway_by_basic(resources: Resources) -> Callable[[str], Awaitable[Principal]]:
    """What verifies `authorization: Basic` on this service: an admitted service app, for the gateway's call alone."""

    # The gateway calls with each request, always by the same secret: what that was found to be, as long as nothing of
    # the app has changed.
    last: list[tuple[bytes, App, Principal]] = []

    async def verify(credential: str) -> Principal:
        digest = hashlib.sha256(credential.encode()).digest()
        for known, app, principal in last:
            if hmac.compare_digest(known, digest) and await resources.directory.app(app.client_id) is app:
                return principal
        found, principal = await look(credential)
        last[:] = [(digest, found, principal)]
        return principal

    async def look(credential: str) -> tuple[App, Principal]:
        try:
            client_id, secret = read_basic(credential)
        except InvalidClient as error:
            raise Unauthenticated(detail=error.detail) from error
        app = await resources.directory.app(client_id)
        if not has_secret(app, secret) or app is None or app.type is not AppType.SERVICE or not app.admitted:
            raise Unauthenticated(detail=f"unknown service {client_id!r} or wrong secret")
        return app, Principal(
            kind="service",
            subject=app.client_id,
            domain_id=app.domain_id,
            client_id=app.client_id,
            permissions=_BY_SECRET.intersection(app.permissions),
        )

    return verify
