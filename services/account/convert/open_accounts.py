"""Messages of open accounts to model and back."""

import uuid
from collections.abc import Mapping
from typing import Any

from tessera.account.v1 import account_admin_pb2, account_admin_service_pb2, account_pb2, account_service_pb2

from services.account.actions.open_accounts.create_open_account import NewOpenAccount
from services.account.actions.open_accounts.describe_open_account import Wanted
from services.account.actions.open_accounts.list_open_account_links import Linked
from services.account.actions.open_accounts.list_open_accounts import Slice
from services.account.convert.projects import checked_project_id
from services.account.model import DISABLED, NORMAL, OpenAccount, mask_mobile
from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.masks import Reader, read_changes
from services.runtime.pages import read_page_token, write_page_token
from services.runtime.validation import checked_text, checked_user_id

_WHOLE_MOBILE = "account.describe.mobile"
_MAX_START = 10_000
_LENGTH, _MAX_LENGTH = 20, 100
_NOBODY = uuid.UUID(int=0)


def read_wanted(request: account_service_pb2.DescribeOpenAccountRequest) -> Wanted:
    """The open account that a request names. Raises `FieldMissing` where it names none, or nobody to verify IdToken."""
    if request.identity_id and request.id_token and not request.idp:
        raise FieldMissing("Idp")
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
        project_id=checked_project_id(request.project_id, "ProjectId"),
    )


def read_linked(request: account_service_pb2.ListOpenAccountLinksRequest, domain_id: str) -> Linked:
    """Whose open accounts to list. Raises `FieldMissing` where a request names no account, `FieldInvalid`."""
    if not request.identity_id and not (request.idp and request.open_id):
        raise FieldMissing(
            "IdentityId",
            'The input parameter "IdentityId", or "Idp" with "OpenId", that is mandatory for processing this request '
            "is not supplied.",
        )
    if not request.identity_id and not request.project_id:
        raise FieldMissing("ProjectId", "ProjectId is mandatory for this action.")
    if request.length < 0:
        raise FieldInvalid("Length")
    wanted = Wanted(
        identity_id=request.identity_id,
        id_token="",
        idp=checked_text("Idp", request.idp, 64),
        open_id=checked_text("OpenId", request.open_id, 255),
        project_id=checked_project_id(request.project_id, "ProjectId"),
    )
    (after,) = read_page_token(request.page_token, _linked_query(domain_id, wanted), uuid.UUID) or (_NOBODY,)
    return Linked(wanted, after, min(request.length or _MAX_LENGTH, _MAX_LENGTH))


def write_next_linked(asked: Linked, domain_id: str, rows: list[OpenAccount]) -> str:
    """The token of the page behind the rows; empty where that was all."""
    return _next(_linked_query(domain_id, asked.wanted), asked.limit, rows)


def _linked_query(domain_id: str, wanted: Wanted) -> tuple[object, ...]:
    return ("ListOpenAccountLinks", domain_id, wanted.project_id, wanted.identity_id, wanted.idp, wanted.open_id)


def read_slice(request: account_service_pb2.ListOpenAccountsRequest, domain_id: str) -> Slice:
    """Which open accounts to list. Raises `FieldInvalid`."""
    for field in ("mobile", "display_name", "email"):
        if getattr(request, field):
            name = request.DESCRIPTOR.fields_by_name[field].json_name
            raise FieldInvalid(name, f"There is no filter {name}.")
    if not 0 <= request.start <= (0 if request.page_token else _MAX_START):
        raise FieldInvalid("Start")
    if request.length < 0:
        raise FieldInvalid("Length")
    project_id = checked_project_id(request.project_id, "ProjectId")
    (after,) = read_page_token(request.page_token, _query(domain_id, project_id), uuid.UUID) or (_NOBODY,)
    return Slice(project_id, after, request.start, min(request.length or _LENGTH, _MAX_LENGTH))


def write_next(asked: Slice, domain_id: str, rows: list[OpenAccount]) -> str:
    """The token of the page behind the rows; empty where that was all."""
    return _next(_query(domain_id, asked.project_id), asked.limit, rows)


def _next(query: tuple[object, ...], limit: int, rows: list[OpenAccount]) -> str:
    return write_page_token(query, rows[limit - 1].identity_id) if len(rows) > limit else ""


def _query(domain_id: str, project_id: str) -> tuple[object, ...]:
    return ("ListOpenAccounts", domain_id, project_id)


def read_new_open_account(request: account_admin_service_pb2.CreateOpenAccountRequest) -> NewOpenAccount:
    """What an open account is to be. Raises `FieldInvalid`."""
    return NewOpenAccount(
        project_id=checked_project_id(request.project_id),
        idp=checked_text("idp", request.idp, 64),
        open_id=checked_text("open_id", request.open_id, 255),
        **{name: read(name, getattr(request, name)) for name, read in _TEXTS.items()},
    )


def read_open_account_changes(request: account_admin_service_pb2.UpdateOpenAccountRequest) -> dict[str, Any]:
    """New values of an open account by field of the model."""
    if not request.open_account.identity_id:
        raise FieldMissing("open_account.identity_id")
    changes = read_changes("open_account", request.open_account, request.update_mask, _FIELDS)
    if "disabled" in changes:
        changes["status"] = DISABLED if changes.pop("disabled") else NORMAL
    return changes


def reads_whole(caller: Principal) -> bool:
    """Whether a caller may read mobile numbers whole."""
    return _WHOLE_MOBILE in caller.permissions


def write_open_account(account: OpenAccount, *, whole: bool = False) -> account_pb2.OpenAccount:
    """An open account in the vendor's eleven fields; its mobile number masked, unless it is to be told whole."""
    return account_pb2.OpenAccount(
        aliyun_id=account.domain_id,
        create_access_key=account.create_access_key,
        display_name=account.display_name,
        identity_id=str(account.identity_id),
        idp=account.idp,
        login_id=account.login_id,
        mobile=account.mobile if whole else mask_mobile(account.mobile),
        open_id=account.open_id,
        region=account.region,
        status=account.status,
        type=account.type,
    )


def write_record(account: OpenAccount) -> account_admin_pb2.OpenAccountRecord:
    """An open account as operators see it."""
    linked = bool(account.identity_key)
    return account_admin_pb2.OpenAccountRecord(
        identity_id=str(account.identity_id),
        project_id=account.project_id,
        idp=account.idp,
        open_id=account.open_id,
        user_id=account.user_id,
        display_name=account.display_name,
        login_id=account.login_id,
        mobile=account.mobile,
        region=account.region,
        disabled=account.status == DISABLED,
        linked=linked,
        etag="" if linked else etags.write_etag(account.version),
    )


def _read_user(field: str, text: str) -> str:
    return text and checked_user_id(text, field)


def _text(longest: int) -> Reader:
    def read(field: str, text: str) -> str:
        return checked_text(field, text, longest)

    return read


def _read_flag(_field: str, flag: Any) -> bool:
    return bool(flag)


_TEXTS: Mapping[str, Reader] = {
    "user_id": _read_user,
    "display_name": _text(128),
    "login_id": _text(128),
    "mobile": _text(32),
    "region": _text(32),
}
_FIELDS: Mapping[str, Reader] = {**_TEXTS, "disabled": _read_flag}
