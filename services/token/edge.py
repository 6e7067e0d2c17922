"""ext_authz: whatever credential a request brought becomes the one inside (docs/adr/0004).

Which schemes a surface takes is one table, `SCHEMES`. Each verifier answers the claims of the internal token; what
no verifier answers for is refused as if its credential were wrong.
"""
# ruff: noqa: N802  gRPC names the methods as proto/ does

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf import json_format
from google.rpc import code_pb2, status_pb2
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.edge import external_auth_pb2_grpc as auth_pb2_grpc

from services.runtime import telemetry
from services.runtime.auth import EDGE_HEADER, EDGE_TYPE
from services.runtime.errors import Unauthenticated
from services.token.actions.phases.clients import read_basic
from services.token.errors import InvalidClient
from services.token.keys import EDGE, LONGEST
from services.token.model import PUSH_PERMISSIONS
from services.token.resources import Resources

_LIFETIME_SECONDS = int(LONGEST[EDGE].total_seconds())
_UNAUTHORIZED = 401
_NO_SECRET = b"\0" * 43

Verifier = Callable[[Resources, str], Awaitable[tuple[str, dict[str, Any]]]]


async def push_app_basic(resources: Resources, credential: str) -> tuple[str, dict[str, Any]]:
    """`Basic access_id:secret_key`, as push backends send it.

    Returns:
        The push app's domain, and the claims of who calls.

    Raises:
        Unauthenticated: there is no such push app, or the secret is not its.
    """
    try:
        identifier, secret = read_basic(credential)
    except InvalidClient as error:
        raise Unauthenticated(detail=error.detail) from error
    number = int(identifier) if identifier.isascii() and identifier.isdecimal() and len(identifier) < 20 else 0
    app = await resources.directory.push_app(number)
    if not hmac.compare_digest(app.secret if app else _NO_SECRET, secret.encode()) or app is None:
        raise Unauthenticated(detail=f"unknown push app {identifier[:20]!r} or wrong secret")
    return app.domain_id, {
        "kind": "push_app",
        "sub": str(app.access_id),
        "client_id": str(app.access_id),
        "permissions": PUSH_PERMISSIONS,
        "push_app": app.claim(),
    }


async def refuse(_resources: Resources, _credential: str) -> tuple[str, dict[str, Any]]:
    """What is not listed in the table. Raises `Unauthenticated`."""
    raise Unauthenticated(detail="the surface takes no such scheme, or there is no credential")


# Surface (as the route names it) and scheme (in lower case).
SCHEMES: Mapping[tuple[str, str], Verifier] = {("tpns", "basic"): push_app_basic}


class AuthorizationServicer(auth_pb2_grpc.AuthorizationServicer):
    """Answers the gateway."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def Check(self, request: auth_pb2.CheckRequest, _context: Any) -> auth_pb2.CheckResponse:
        """Verify a request's credential and replace it; a database that is away is an error, not a refusal."""
        attributes = request.attributes
        # The id of the call that is asked about, as its service will log it.
        telemetry.take_request_id(attributes.request.http.headers.get("x-request-id"))
        extensions = attributes.context_extensions
        host = attributes.request.http.host.lower()
        scheme, _, credential = attributes.request.http.headers.get("authorization", "").partition(" ")
        try:
            verify = SCHEMES.get((extensions.get("surface", ""), scheme.lower()), refuse)
            domain_id, claims = await verify(self._resources, credential.strip())
            await self._check_host(domain_id, host)
        except Unauthenticated as refusal:
            return _denied(refusal)
        return _passed(self._token(domain_id, extensions["audience"], scheme.lower(), claims))

    async def _check_host(self, domain_id: str, host: str) -> None:
        """See that the request was not sent to another domain. Raises `Unauthenticated`."""
        directory = self._resources.directory
        domain = await directory.domain(domain_id)
        if domain is None or await directory.is_elsewhere(domain, host):
            raise Unauthenticated(detail=f"a credential of {domain_id}, sent to another domain")

    def _token(self, domain_id: str, audience: str, scheme: str, claims: Mapping[str, Any]) -> str:
        key = self._resources.keyring.active(domain_id, EDGE)
        now = self._resources.clock.timestamp()
        return key.sign(
            {
                "iss": key.issuer,
                "aud": audience,
                "iat": now,
                "exp": now + _LIFETIME_SECONDS,
                "jti": secrets.token_urlsafe(16),
                "domainId": domain_id,
                "scheme": scheme,
                **claims,
            },
            EDGE_TYPE,
        )


def _passed(token: str) -> auth_pb2.CheckResponse:
    header = auth_pb2.HeaderValueOption(
        header=auth_pb2.HeaderValue(key=EDGE_HEADER, value=token),
        append_action=auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    return auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.OK),
        ok_response=auth_pb2.OkHttpResponse(headers=[header], headers_to_remove=["authorization"]),
    )


def _denied(refusal: Unauthenticated) -> auth_pb2.CheckResponse:
    """A refusal that looks as the transcoder prints one, so that the gateway renders both in one way."""
    status = refusal.status()
    content_type = auth_pb2.HeaderValueOption(
        header=auth_pb2.HeaderValue(key="content-type", value="application/json"),
        append_action=auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    return auth_pb2.CheckResponse(
        status=status_pb2.Status(code=status.code),
        denied_response=auth_pb2.DeniedHttpResponse(
            status=auth_pb2.HttpStatus(code=_UNAUTHORIZED),
            headers=[content_type],
            body=json_format.MessageToJson(status, indent=None, ensure_ascii=False),
        ),
    )
