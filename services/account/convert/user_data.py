"""Messages of all that there is of a user to model and back."""

from collections.abc import Iterable

from tessera.account.v1 import account_pb2, user_data_service_pb2

from services.account.actions.user_data.export_user import Export
from services.account.convert.links import write_link
from services.account.convert.open_accounts import write_open_account
from services.account.model import BoundAccount, OpenAccount
from services.runtime.errors import FieldInvalid
from services.runtime.validation import USER_ID


def read_merge(message: user_data_service_pb2.MergeUsersRequest) -> tuple[str, str]:
    """Who is emptied, and who gets all. Raises `FieldInvalid`."""
    for name in ("from_user_id", "into_user_id"):
        if not USER_ID.fullmatch(getattr(message, name)):
            raise FieldInvalid(name)
    if message.from_user_id == message.into_user_id:
        raise FieldInvalid("into_user_id", "The input parameters from_user_id and into_user_id name one user.")
    return message.from_user_id, message.into_user_id


def write_export(export: Export) -> user_data_service_pb2.ExportUserResponse:
    """A page of all that there is of a user."""
    record = export.record
    return user_data_service_pb2.ExportUserResponse(
        user=record.user if record.HasField("user") else None,
        links=map(write_link, export.links),
        open_accounts=map(_write_whole, export.open_accounts),
        bound_accounts=write_bound_accounts(export.bound_accounts),
        sessions=record.sessions,
        audit_events=record.audit_events,
        next_page_token=record.next_page_token,
    )


def write_bound_accounts(accounts: Iterable[BoundAccount]) -> list[user_data_service_pb2.BoundAccount]:
    """Under what binding may hold a user."""
    return [
        user_data_service_pb2.BoundAccount(
            access_id=bound.access_id, account_type=bound.account_type, account=bound.account
        )
        for bound in accounts
    ]


def _write_whole(account: OpenAccount) -> account_pb2.OpenAccount:
    """An open account with its mobile number, which is the user's own."""
    message = write_open_account(account)
    message.mobile = account.mobile
    return message
