"""What a service may answer instead of success.

    Refusal
    ├── Unauthenticated, PermissionDenied, RequestMalformed, FieldMissing, FieldInvalid
    ├── Unavailable, Overloaded, RateLimited, DeadlineExceeded, Internal
    ├── CursorExpired
    └── … each service's own, in its errors.py

A class stands for one reason, a value of an `ErrorReason` enum in proto/; gRPC status and the words of each surface
are that value's `dialect` option and nowhere else. The message is public. What only the log may know is the detail.
"""

from typing import Any, ClassVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from tessera.runtime.v1 import error_reason_pb2

DOMAIN = "tessera"

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Refusal(Exception):
    """The base of every error that a caller is told.

    Args:
        message: replaces the class's public message.
        detail: why, for the log alone.
        field: path of the request's field at fault, for `BadRequest`.
    """

    reasons: ClassVar[Any] = error_reason_pb2.ErrorReason
    reason: ClassVar[str] = "INTERNAL"
    public: ClassVar[str] = "The request failed."

    def __init__(
        self,
        message: str | None = None,
        *,
        detail: str | None = None,
        field: str | None = None,
    ) -> None:
        self.message = message or self.public
        self.detail = detail
        self.field = field
        super().__init__(f"{self.reason}: {detail or self.message}")

    @classmethod
    def code(cls) -> grpc.StatusCode:
        """The gRPC status of this reason, from its option in proto/."""
        value = cls.reasons.DESCRIPTOR.values_by_name[cls.reason]
        return _STATUS_CODES[value.GetOptions().Extensions[error_reason_pb2.dialect].code]

    def status(self) -> status_pb2.Status:
        """The error as a caller gets it: code, message, `ErrorInfo`, and `BadRequest` where a field is at fault."""
        details = [error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN)]
        status = status_pb2.Status(code=self.code().value[0], message=self.message)
        if self.field:
            violation = error_details_pb2.BadRequest.FieldViolation(field=self.field, description=self.message)
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status


class Unauthenticated(Refusal):
    """No credential, or one that is not good; the caller is not told which."""

    reason = "UNAUTHENTICATED"
    public = "The access token is missing or invalid."


class PermissionDenied(Refusal):
    """The credential does not reach this call."""

    reason = "PERMISSION_DENIED"
    public = "The caller is not authorized to make this call."


class FieldMissing(Refusal):
    """A required field is absent or empty."""

    reason = "FIELD_MISSING"

    def __init__(self, field: str, message: str | None = None) -> None:
        super().__init__(message or f"The input parameter {field} is missing.", field=field)


class FieldInvalid(Refusal):
    """A field has a value that it may not have."""

    reason = "FIELD_INVALID"

    def __init__(self, field: str, message: str | None = None) -> None:
        super().__init__(message or f"The input parameter {field} is not valid.", field=field)


class RequestMalformed(Refusal):
    """The request cannot be read."""

    reason = "REQUEST_MALFORMED"
    public = "The request is not well-formed."


class Unavailable(Refusal):
    """Something that the call needs is away; `what` names it."""

    reason = "UNAVAILABLE"

    def __init__(self, what: str, *, detail: str | None = None) -> None:
        super().__init__(f"The {what} is unavailable. Try again.", detail=detail)


class Overloaded(Refusal):
    """More calls at once than the service takes."""

    reason = "OVERLOADED"
    public = "Too many requests. Try again later."


class RateLimited(Refusal):
    """More calls of this caller in a second than it may make."""

    reason = "RATE_LIMITED"
    public = "Too many requests by this caller. Try again a second later."


class DeadlineExceeded(Refusal):
    """The caller's deadline passed."""

    reason = "DEADLINE_EXCEEDED"
    public = "The deadline passed before the answer was there."


class Internal(Refusal):
    """A fault of ours."""

    reason = "INTERNAL"
    public = "The request has failed due to some unknown error."


class CursorExpired(Refusal):
    """A feed's cursor that nothing can be told after."""

    reason = "CURSOR_EXPIRED"
    public = "The cursor has expired. List anew."
