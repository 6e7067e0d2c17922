"""How a call failed: what gRPC knows, and what Tessera told beside it."""

from typing import ClassVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import Metadata

_DETAILS = "grpc-status-details-bin"
_DOMAIN = "tessera"


class TesseraError(grpc.aio.AioRpcError):
    """The base of every error that a call by a channel of this package raises; `errors` has the tree below it.

    A call that was refused by Tessera, or did not reach it. The status, as everywhere in gRPC, is `code()`.

    Attributes:
        reason: name in an `ErrorReason` enum of proto/; empty where gRPC itself failed the call: nobody listened.
        message: what may be shown to whoever made the request.
        field: path of the request's field at fault; empty where none is.
        method: full name of the RPC that failed, `/tessera.account.v1.AccountService/LinkAccount`. The RPC that gets
            the access token where the call was not made for want of one.
        request_id: id under which the services' logs have the call.
        retryable: whether the same call may succeed a little later. Where it makes something anew, it may have done so
            already: what was UNAVAILABLE may be the answer alone.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        code: grpc.StatusCode,
        initial_metadata: Metadata | None = None,
        trailing_metadata: Metadata | None = None,
        details: str | None = None,
        debug_error_string: str | None = None,
    ) -> None:
        super().__init__(
            code, initial_metadata or Metadata(), trailing_metadata or Metadata(), details, debug_error_string
        )
        self.reason, self.field = told(self)
        self.message = details or ""
        self.method = ""
        self.request_id = ""

    def __str__(self) -> str:
        what = self.reason or f"{self.code().name} (by gRPC)"
        at = f" at {self.field}" if self.field else ""
        return f"{what}{at}: {self.message} [{self.method}, request {self.request_id}]"


def told(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """The reason that Tessera gave and the field at fault; empty where there is none."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    try:
        for key, value in error.trailing_metadata() or ():
            if key == _DETAILS and isinstance(value, bytes):
                for detail in status_pb2.Status.FromString(value).details:
                    detail.Unpack(info)
                    detail.Unpack(bad)
    except DecodeError:
        return "", ""  # Not ours: somebody between has answered.
    reason = info.reason if info.domain == _DOMAIN else ""
    return reason, bad.field_violations[0].field if bad.field_violations else ""
