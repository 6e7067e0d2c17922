"""Messages of all that there is of a user to model and back."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from tessera.account.v1 import link_service_pb2, user_data_service_pb2

from services.account.actions.user_data.export_user import Export, Place
from services.account.convert.links import write_link
from services.account.convert.open_accounts import write_open_account
from services.account.model import BoundAccount, LinkEvent, PendingProof
from services.account.model.logon import BrowserSession, Consent
from services.runtime.errors import FieldInvalid
from services.runtime.ids import uuid7_time
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.runtime.validation import checked_user_id

# Marks page tokens that are not token's, which are base64url.
_OURS = "links:"


def read_merge(message: user_data_service_pb2.MergeUsersRequest) -> tuple[str, str]:
    """Who is emptied, and who gets all. Raises `FieldInvalid`."""
    emptied = checked_user_id(message.from_user_id, "from_user_id")
    into = checked_user_id(message.into_user_id, "into_user_id")
    if emptied == into:
        raise FieldInvalid("into_user_id", "The input parameters from_user_id and into_user_id name one user.")
    return emptied, into


def read_export(message: user_data_service_pb2.ExportUserRequest, domain_id: str) -> tuple[str, Place, int]:
    """The user, where the page begins, and how much fits on it. Raises `FieldInvalid`."""
    user_id, limit = checked_user_id(message.user_id), page_size(message.page_size)
    if not message.page_token.startswith(_OURS):
        return user_id, Place(message.page_token), limit
    key = read_page_token(message.page_token.removeprefix(_OURS), _export(domain_id, user_id), UUID)
    if key is None:
        raise FieldInvalid("page_token")
    return user_id, Place(after=key[0]), limit


def write_export(export: Export, domain_id: str, user_id: str) -> user_data_service_pb2.ExportUserResponse:
    """A page of all that there is of a user."""
    record = export.record
    page_token = record.next_page_token
    if export.following:
        page_token = _OURS + write_page_token(_export(domain_id, user_id), export.following)
    return user_data_service_pb2.ExportUserResponse(
        user=record.user if record.HasField("user") else None,
        links=map(write_link, export.links),
        # The mobile number is the user's own.
        open_accounts=[write_open_account(account, whole=True) for account in export.open_accounts],
        bound_accounts=write_bound_accounts(export.bound_accounts),
        sessions=record.sessions,
        audit_events=record.audit_events,
        pending_proofs=map(_write_pending_proof, export.pending_proofs),
        browsers=map(_write_browser, export.browsers),
        consents=map(_write_consent, export.consents),
        link_events=[_write_link_event(event, domain_id, user_id) for event in export.link_events],
        next_page_token=page_token,
    )


def write_bound_accounts(accounts: Iterable[BoundAccount]) -> list[user_data_service_pb2.BoundAccount]:
    """Under what binding may hold a user."""
    return [
        user_data_service_pb2.BoundAccount(
            access_id=bound.access_id, account_type=bound.account_type, account=bound.account
        )
        for bound in accounts
    ]


def _write_pending_proof(proof: PendingProof) -> user_data_service_pb2.PendingProof:
    return user_data_service_pb2.PendingProof(
        kind=proof.kind,
        type=proof.type,
        identity=proof.key,
        created_at=_timestamp(uuid7_time(proof.proof_id)),
        expires_at=_timestamp(proof.expires_at),
        wrong_tries=proof.wrong_tries,
    )


def _write_browser(session: BrowserSession) -> user_data_service_pb2.LoggedOnBrowser:
    return user_data_service_pb2.LoggedOnBrowser(
        session_id=str(session.session_id),
        browser=session.browser,
        method=session.method,
        proven_at=_timestamp(session.proven_at),
    )


def _write_consent(consent: Consent) -> user_data_service_pb2.Consent:
    return user_data_service_pb2.Consent(
        client_id=consent.client_id, scopes=consent.scopes, given_at=_timestamp(consent.given_at)
    )


def _write_link_event(event: LinkEvent, domain_id: str, user_id: str) -> link_service_pb2.LinkEvent:
    return link_service_pb2.LinkEvent(
        kind=link_service_pb2.LinkEvent.Kind.Value(f"KIND_{event.kind.upper()}"),
        domain_id=domain_id,
        user_id=user_id,
        type=event.type,
        identity=event.identity,
        extra=event.extra,
        actor=event.actor,
        occurred_at=_timestamp(uuid7_time(event.event_id)),
    )


def _timestamp(moment: datetime) -> Timestamp:
    written = Timestamp()
    written.FromDatetime(moment)
    return written


def _export(domain_id: str, user_id: str) -> tuple[object, ...]:
    return "ExportUser", domain_id, user_id
