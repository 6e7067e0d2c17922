"""Services that write down what they are told."""

from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2
from tessera.edge import external_auth_pb2 as auth_pb2

from services.runtime.auth import EDGE_HEADER

CHECK = "/envoy.service.auth.v3.Authorization/Check"


@dataclass
class Written(grpc.GenericRpcHandler):
    """All three services: lets every request pass, answers every call with nothing, and keeps what it was told."""

    asked: list[auth_pb2.CheckRequest] = field(default_factory=list)
    called: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        method, metadata = handler_call_details.method, dict(handler_call_details.invocation_metadata)
        if method == "/grpc.health.v1.Health/Check":
            serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: serving.SerializeToString())
        if method == CHECK:
            return grpc.unary_unary_rpc_method_handler(self._check)

        def call(request: bytes, _context: Any) -> bytes:
            self.called.append((method, metadata, request))
            return b""

        return grpc.unary_unary_rpc_method_handler(call)

    def _check(self, request: bytes, _context: Any) -> bytes:
        self.asked.append(auth_pb2.CheckRequest.FromString(request))
        header = auth_pb2.HeaderValueOption(
            header=auth_pb2.HeaderValue(key=EDGE_HEADER, value="made-by-token"),
            append_action=auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        )
        passed = auth_pb2.OkHttpResponse(headers=[header], headers_to_remove=["authorization"])
        return auth_pb2.CheckResponse(status=status_pb2.Status(code=0), ok_response=passed).SerializeToString()
