"""Messages of AuditService to model and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from tessera.token.v1 import audit_service_pb2 as audit_pb2

from services.runtime.errors import FieldInvalid
from services.runtime.ids import uuid7_time
from services.runtime.pages import page_size
from services.runtime.validation import checked_user_id
from services.token.actions.list_audit_events import AuditQuery
from services.token.events import EventName
from services.token.model import ID, AuditEvent

# What the time in an event's id can be.
_FIRST_TIME, _LAST_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def read_audit_query(message: audit_pb2.ListAuditEventsRequest) -> AuditQuery:
    """Which events are wanted, and which page of them."""
    if message.event and message.event not in set(EventName):
        raise FieldInvalid("event")
    if message.client_id and not ID.fullmatch(message.client_id):
        raise FieldInvalid("client_id")
    return AuditQuery(
        start=_read_time("start_time", message),
        end=_read_time("end_time", message),
        event=message.event,
        client_id=message.client_id,
        user_id=checked_user_id(message.user_id) if message.user_id else "",
        session_id=_read_session_id(message.session_id),
        oldest_first=message.oldest_first,
        size=page_size(message.page_size),
        page_token=message.page_token,
    )


def _read_time(field: str, message: audit_pb2.ListAuditEventsRequest) -> datetime | None:
    if not message.HasField(field):  # type: ignore[arg-type]  # one of its two times
        return None
    try:
        moment: datetime = getattr(message, field).ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(field) from error
    if not _FIRST_TIME <= moment <= _LAST_TIME:
        raise FieldInvalid(field)
    return moment


def _read_session_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        session_id = UUID(text)
        # Its events are looked for from then on.
        uuid7_time(session_id)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid("session_id") from error
    return session_id


def write_audit_events(events: Iterable[AuditEvent], next_page: str) -> audit_pb2.ListAuditEventsResponse:
    """A page of events, and what asks for the next one."""
    response = audit_pb2.ListAuditEventsResponse(next_page_token=next_page)
    for event in events:
        added = response.events.add(
            event_id=str(event.event_id),
            event=event.event,
            client_id=event.client_id or "",
            user_id=event.user_id or "",
            session_id=str(event.session_id or ""),
            actor=event.actor or "",
            proof_method=event.proof_method or "",
            proof_identity=event.proof_identity or "",
            detail=event.detail or "",
        )
        added.event_time.FromDatetime(uuid7_time(event.event_id))
    return response
