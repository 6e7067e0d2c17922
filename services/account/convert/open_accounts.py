"""Messages of projects and open accounts to model and back."""

import re

from tessera.account.v1 import account_admin_service_pb2, account_pb2, account_service_pb2

from services.account.actions.open_accounts.create_open_account import NewOpenAccount
from services.account.actions.open_accounts.describe_open_account import Wanted
from services.account.convert.fields import checked_text, checked_user_id
from services.account.model import OpenAccount, mask_mobile
from services.runtime.errors import FieldInvalid, FieldMissing

_PROJECT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def checked_project_id(text: str) -> str:
    """A project id, or empty. Raises `FieldInvalid`."""
    if text and not _PROJECT_ID.fullmatch(text):
        raise FieldInvalid("project_id")
    return text


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
