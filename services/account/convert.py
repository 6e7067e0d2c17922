"""Messages to model and back, and the rules of the wire that proto/ cannot say."""

import re
from datetime import UTC, datetime, timedelta

from tessera.account.v1 import account_admin_service_pb2, account_pb2, account_service_pb2

from services.account.actions.create_open_account import NewOpenAccount
from services.account.actions.describe_open_account import Wanted
from services.account.model import MAX_IDENTITY_CHARS, TYPES, Identity, Link, OpenAccount, mask_mobile, normalise
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.validation import CONTROL, USER_ID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PROJECT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def checked_text(field: str, text: str, longest: int) -> str:
    """A text of at most `longest` characters, none of them a control character. Raises `FieldInvalid`."""
    if len(text) > longest or CONTROL.search(text):
        raise FieldInvalid(field)
    return text


def checked_type(text: str) -> str:
    """A type of identity. Raises `FieldInvalid`."""
    if text not in TYPES:
        raise FieldInvalid("type")
    return text


def checked_user_id(text: str) -> str:
    """A user's id. Raises `FieldInvalid`."""
    if not USER_ID.fullmatch(text):
        raise FieldInvalid("user_id")
    return text


def checked_project_id(text: str) -> str:
    """A project id, or empty. Raises `FieldInvalid`."""
    if text and not _PROJECT_ID.fullmatch(text):
        raise FieldInvalid("project_id")
    return text


def read_identity(
    request: account_service_pb2.LinkAccountRequest
    | account_service_pb2.UnlinkAccountRequest
    | account_service_pb2.GetLinkInfoRequest,
) -> Identity:
    """The identity that a request names. Raises `FieldInvalid`."""
    given = checked_text("identity", request.identity, MAX_IDENTITY_CHARS)
    return normalise(checked_type(request.type), given, request.extra)


def read_wanted(request: account_service_pb2.DescribeOpenAccountRequest) -> Wanted:
    """The open account that a request names. Raises `FieldMissing` where it names none."""
    if not request.identity_id and not (request.id_token and request.idp):
        raise FieldMissing(
            "IdentityId",
            'The input parameter "IdentityId", or "IdToken" with "Idp", that is mandatory for processing this request '
            "is not supplied.",
        )
    return Wanted(
        identity_id=request.identity_id,
        id_token=request.id_token,
        idp=request.idp,
        open_id=request.open_id,
        project_id=request.project_id,
    )


def read_new_open_account(request: account_admin_service_pb2.CreateOpenAccountRequest) -> NewOpenAccount:
    """What an open account is to be. Raises `FieldInvalid`."""
    return NewOpenAccount(
        project_id=checked_project_id(request.project_id),
        idp=checked_text("idp", request.idp, 64),
        open_id=checked_text("open_id", request.open_id, 255),
        user_id=request.user_id and checked_user_id(request.user_id),
        display_name=checked_text("display_name", request.display_name, 128),
        login_id=checked_text("login_id", request.login_id, 128),
        mobile=checked_text("mobile", request.mobile, 32),
        region=checked_text("region", request.region, 32),
    )


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


def write_open_account(account: OpenAccount) -> account_pb2.OpenAccount:
    """An open account in the vendor's eleven fields, its mobile number masked."""
    return account_pb2.OpenAccount(
        aliyun_id=account.domain_id,
        create_access_key=account.create_access_key,
        display_name=account.display_name,
        identity_id=str(account.identity_id),
        idp=account.idp,
        login_id=account.login_id,
        mobile=mask_mobile(account.mobile),
        open_id=account.open_id,
        region=account.region,
        status=account.status,
        type=account.type,
    )


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
