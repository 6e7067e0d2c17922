"""Answers the gateway: an internal token in place of a request's credential, or a refusal."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

import grpc
import structlog
from google.protobuf import json_format
from google.rpc import status_pb2
from prometheus_client import Counter
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.edge import external_auth_pb2_grpc as auth_pb2_grpc

from services.runtime import telemetry
from services.runtime.errors import Refusal, Unauthenticated
from services.token.edge.passes import Passes
from services.token.edge.request import Request, read
from services.token.edge.schemes.scheme import Scheme
from services.token.edge.surfaces import SCHEMES
from services.token.resources import Resources

log = structlog.get_logger()

REFUSED = Counter(
    "tessera_edge_refused_total", "Requests whose credential the gateway was told to refuse.", ["surface", "reason"]
)

# HTTP status of a refusal. What has another gRPC status is no refusal of a credential but a fault.
_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
}


class AuthorizationServicer(auth_pb2_grpc.AuthorizationServicer):
    """Answers the gateway."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._passes = Passes(resources)

    async def Check(self, request: auth_pb2.CheckRequest, _context: Any) -> auth_pb2.CheckResponse:
        """Verify a request's credential and replace it; a database that is away is an error, not a refusal."""
        attributes = request.attributes
        asked = read(attributes)
        # The id of the call that is asked about, as its service will log it.
        telemetry.take_request_id(asked.headers.get("x-request-id"))
        try:
            scheme = _scheme_of(asked)
            caller = await scheme.verify(self._resources, asked)
        except Refusal as refusal:
            if refusal.code() not in _HTTP_STATUS:
                raise
            log.info("credential refused", surface=asked.surface, reason=refusal.reason, detail=refusal.detail)
            REFUSED.labels(asked.surface, refusal.reason).inc()
            return _denied(refusal)
        return self._passes.give(caller, attributes.context_extensions["audience"], scheme.name)


def _scheme_of(request: Request) -> Scheme:
    for scheme in SCHEMES.get(request.surface, ()):
        if scheme.is_meant(request):
            return scheme
    raise Unauthenticated(
        "The credential is missing or not valid.", detail="the surface takes no such scheme, or there is no credential"
    )


def _denied(refusal: Refusal) -> auth_pb2.CheckResponse:
    """A refusal that looks as the transcoder prints one, so that the gateway renders both in one way."""
    status = refusal.status()
    content_type = auth_pb2.HeaderValueOption(
        header=auth_pb2.HeaderValue(key="content-type", value="application/json"),
        append_action=auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    return auth_pb2.CheckResponse(
        status=status_pb2.Status(code=status.code),
        denied_response=auth_pb2.DeniedHttpResponse(
            status=auth_pb2.HttpStatus(code=_HTTP_STATUS[refusal.code()]),
            headers=[content_type],
            body=json_format.MessageToJson(status, indent=None, ensure_ascii=False),
        ),
    )
