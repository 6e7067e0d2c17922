"""Messages of UserDataService to model and back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from tessera.token.v1 import user_data_service_pb2 as data_pb2

from services.runtime.auth import ROLES
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.runtime.validation import checked_text, checked_user_id
from services.token.actions.user_data.export_user import Place, UserRecord
from services.token.convert.audit import write_audit_events
from services.token.convert.fields import checked_domain_id, checked_uuid, timestamp
from services.token.convert.sessions import write_session
from services.token.convert.users import write_profile
from services.token.model import KeptSession, OpenSession

_MAX_ACTOR = 128
_MAX_SIGNED_OUT = 1000
_OUTCOMES = {
    "deleted": data_pb2.EraseUserResponse.OUTCOME_ERASED,
    "no_user": data_pb2.EraseUserResponse.OUTCOME_ABSENT,
    "role": data_pb2.EraseUserResponse.OUTCOME_OUT_OF_REACH,
    "last": data_pb2.EraseUserResponse.OUTCOME_LAST_SUPERADMIN,
}
_PLACES = {"session": False, "event": True}


def checked_actor(text: str) -> str:
    """Whose deed something is. Raises `FieldInvalid`."""
    return checked_text("actor", text, _MAX_ACTOR)


def read_sign_out(message: data_pb2.SignUserOutRequest) -> tuple[list[UUID], list[UUID]]:
    """Sessions and browsers. Raises `FieldInvalid`."""
    return _read_ids("session_ids", message.session_ids), _read_ids("browser_ids", message.browser_ids)


def write_sessions(sessions: list[OpenSession]) -> data_pb2.ListUserSessionsResponse:
    """Sessions of a user."""
    return data_pb2.ListUserSessionsResponse(sessions=map(write_session, sessions))


def checked_roles(message: data_pb2.EraseUserRequest) -> tuple[str, ...]:
    """Roles of the users whom an erasure may hit; none where it may hit nobody. Raises `FieldInvalid`."""
    if not set(message.roles) <= set(ROLES):
        raise FieldInvalid("roles")
    return tuple(message.roles)


def read_order_time(message: data_pb2.EraseUserRequest) -> datetime:
    """When an erasure was ordered. Raises `FieldMissing`, `FieldInvalid`."""
    if not message.HasField("order_time"):
        raise FieldMissing("order_time")
    try:
        return message.order_time.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid("order_time") from error


def read_export_page(message: data_pb2.ExportUserRequest) -> tuple[str, str, Place | None, int]:
    """Domain and user, where the page before ended, and how much fits on one."""
    domain_id, user_id = checked_domain_id(message.domain_id), checked_user_id(message.user_id)
    key = read_page_token(message.page_token, _export(domain_id, user_id), _read_place, UUID)
    return domain_id, user_id, Place(*key) if key else None, page_size(message.page_size)


def write_record(record: UserRecord, domain_id: str, user_id: str) -> data_pb2.ExportUserResponse:
    """A page of all that token keeps of a user."""
    token = ""
    if place := record.following:
        token = write_page_token(_export(domain_id, user_id), "event" if place.in_audit else "session", place.last)
    return data_pb2.ExportUserResponse(
        user=write_profile(record.profile) if record.profile else None,
        sessions=map(_write_kept_session, record.sessions),
        audit_events=write_audit_events(record.events, "").events,
        access_ids=record.access_ids,
        next_page_token=token,
    )


def write_erased(verdict: str, access_ids: list[int]) -> data_pb2.EraseUserResponse:
    """How an erasure ended."""
    return data_pb2.EraseUserResponse(outcome=_OUTCOMES[verdict], access_ids=access_ids)


def _read_ids(field: str, texts: Sequence[str]) -> list[UUID]:
    if len(texts) > _MAX_SIGNED_OUT:
        raise FieldInvalid(field)
    return [checked_uuid(field, text) for text in texts]


def _write_kept_session(kept: KeptSession) -> data_pb2.KeptSession:
    return data_pb2.KeptSession(
        session=write_session(kept.session),
        revoke_time=timestamp(kept.revoked_at) if kept.revoked_at else None,
    )


def _read_place(text: str) -> bool:
    if text not in _PLACES:
        raise ValueError(text)
    return _PLACES[text]


def _export(domain_id: str, user_id: str) -> tuple[object, ...]:
    return "ExportUser", domain_id, user_id
