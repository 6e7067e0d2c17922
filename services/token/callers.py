"""Callers who prove themselves by a secret and not by a token: the gateway, before there is any token."""

import hashlib
import hmac
from dataclasses import dataclass

from services.runtime.auth import Principal
from services.runtime.errors import Unauthenticated
from services.token.actions.phases.clients import has_secret, read_basic
from services.token.errors import InvalidClient
from services.token.model import App, AppType
from services.token.resources import Resources

# Everybody else asks for an access token, and what a stolen secret reaches is written down when he does.
_BY_SECRET = frozenset(("edge.check",))


@dataclass(frozen=True, slots=True)
class _Found:
    """Whom a credential was found to be of, which is told by its digest, and of what."""

    digest: bytes
    app: App
    principal: Principal


class GatewayByBasic:
    """Verifies `authorization: Basic` on this service: an admitted service app, for the gateway's call alone.

    Args:
        resources: the parts of the service.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        # The gateway calls for each request, by the same secret. It holds as long as nothing of the app has changed.
        self._last: _Found | None = None

    async def __call__(self, credential: str) -> Principal:
        """The caller that has a secret. Raises `Unauthenticated`."""
        digest, last = hashlib.blake2b(credential.encode()).digest(), self._last
        if last and hmac.compare_digest(last.digest, digest):
            app = await self._resources.directory.app(last.app.client_id)
            if app is last.app:
                return last.principal
        app, principal = await self._find(credential)
        self._last = _Found(digest, app, principal)
        return principal

    async def _find(self, credential: str) -> tuple[App, Principal]:
        try:
            client_id, secret = read_basic(credential)
        except InvalidClient as error:
            raise Unauthenticated(detail=error.detail) from error
        app = await self._resources.directory.app(client_id)
        if not has_secret(app, secret) or app is None or app.type is not AppType.SERVICE or not app.admitted:
            raise Unauthenticated(detail=f"unknown service {client_id!r} or wrong secret")
        return app, Principal(
            kind="service",
            subject=app.client_id,
            domain_id=app.domain_id,
            client_id=app.client_id,
            permissions=_BY_SECRET.intersection(app.permissions),
        )
