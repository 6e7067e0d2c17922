"""Messages of all that there is of a user to model and back."""

from collections.abc import Iterable

from tessera.account.v1 import user_data_service_pb2

from services.account.actions.user_data.export_user import Export
from services.account.convert.links import write_link
from services.account.convert.open_accounts import write_open_account
from services.account.model import BoundAccount
from services.runtime.errors import FieldInvalid
from services.runtime.validation import checked_user_id


def read_merge(message: user_data_service_pb2.MergeUsersRequest) -> tuple[str, str]:
    """Who is emptied, and who gets all. Raises `FieldInvalid`."""
    emptied = checked_user_id(message.from_user_id, "from_user_id")
    into = checked_user_id(message.into_user_id, "into_user_id")
    if emptied == into:
        raise FieldInvalid("into_user_id", "The input parameters from_user_id and into_user_id name one user.")
    return emptied, into


def write_export(export: Export) -> user_data_service_pb2.ExportUserResponse:
    """A page of all that there is of a user."""
    record = export.record
    return user_data_service_pb2.ExportUserResponse(
        user=record.user if record.HasField("user") else None,
        links=map(write_link, export.links),
        # The mobile number is the user's own.
        open_accounts=[write_open_account(account, whole=True) for account in export.open_accounts],
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
