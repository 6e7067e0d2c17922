"""Messages of links to model and back."""

from datetime import UTC, datetime, timedelta

from tessera.account.v1 import account_pb2, account_service_pb2

from services.account.model import MAX_IDENTITY_CHARS, TYPES, Identity, Link, normalise
from services.runtime.errors import FieldInvalid
from services.runtime.validation import checked_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def checked_type(text: str) -> str:
    """A type of identity. Raises `FieldInvalid`."""
    if text not in TYPES:
        raise FieldInvalid("type")
    return text


def read_identity(
    request: account_service_pb2.LinkAccountRequest
    | account_service_pb2.UnlinkAccountRequest
    | account_service_pb2.GetLinkInfoRequest,
) -> Identity:
    """The identity that a request names. Raises `FieldInvalid`."""
    given = checked_text("identity", request.identity, MAX_IDENTITY_CHARS)
    return normalise(checked_type(request.type), given, request.extra)


def write_link(link: Link) -> account_pb2.AccountLinkInfo:
    """A link as the vendor's AccountLinkInfo."""
    return account_pb2.AccountLinkInfo(
        authentication_type=link.type,
        identity=link.identity,
        user_id=link.user_id,
        domain_id=link.domain_id,
        display_name=link.display_name or link.identity,
        extra=link.extra,
        created_at=_milliseconds(link.created_at),
        last_login_time=_milliseconds(link.last_login_at) if link.last_login_at else 0,
        status=link.status,
    )


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
