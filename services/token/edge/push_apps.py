"""What every scheme of push apps has in common: which app it is, and what it becomes inside."""

import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.runtime.errors import Unauthenticated
from services.token.edge.request import Request
from services.token.edge.schemes.scheme import Caller
from services.token.model import PUSH_PERMISSIONS
from services.token.resources import Resources

WINDOW = timedelta(seconds=600)
"""How far from now a push app's signature may be, in either direction."""

_NO_SECRET = b"\0" * 43


async def verify(
    resources: Resources,
    request: Request,
    identifier: str,
    prove: Callable[[bytes], tuple[str, str]],
    **of_request: Any,
) -> Caller:
    """Find out whether a push app made a request. Nobody is told why it did not.

    Args:
        resources: the parts of the service.
        request: the request.
        identifier: access id that it names.
        prove: from an app's secret, what proves it and what was sent.
        of_request: claims that no other request has.

    Raises:
        Unauthenticated: there is no such push app where the request was sent to, or this is not its proof.
        RateLimited: it asked for more in this second than it may.
    """
    number = int(identifier) if identifier.isascii() and identifier.isdecimal() and len(identifier) < 20 else 0
    app = await resources.directory.push_app(number)
    domain = await resources.directory.domain(app.domain_id) if app else None
    elsewhere = domain is None or await resources.directory.is_elsewhere(domain, request.host.lower())
    expected, sent = prove(app.secret if app else _NO_SECRET)
    if not hmac.compare_digest(expected.encode(), sent.encode()) or app is None or elsewhere:
        raise refused(f"unknown push app {identifier[:20]!r}, sent to another domain, or wrong proof")
    resources.call_limits.take("push_app", app.domain_id, str(app.access_id))
    claims = {
        "kind": "push_app",
        "sub": str(app.access_id),
        "client_id": str(app.access_id),
        "permissions": PUSH_PERMISSIONS,
        "push_app": app.claim(),
    }
    return Caller(app.domain_id, claims, of_request)


def refused(detail: str) -> Unauthenticated:
    """What is answered to whoever is no push app."""
    return Unauthenticated("The credential is missing or not valid.", detail=detail)
