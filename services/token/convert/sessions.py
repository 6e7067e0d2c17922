"""Messages of SessionService to model and back."""

from uuid import UUID

from tessera.token.v1 import session_service_pb2

from services.runtime.errors import FieldMissing
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.runtime.validation import checked_user_id
from services.token.convert.fields import checked_client_id, timestamp
from services.token.model import OpenSession


def read_sessions_page(
    message: session_service_pb2.ListSessionsRequest, domain_id: str
) -> tuple[str, str, UUID | None, int]:
    """Whose sessions, with which app, after which one, and how many."""
    if not message.user_id and not message.client_id:
        raise FieldMissing("user_id")
    user_id = checked_user_id(message.user_id) if message.user_id else ""
    client_id = checked_client_id(message.client_id) if message.client_id else ""
    key = read_page_token(message.page_token, _sessions(domain_id, user_id, client_id), UUID)
    return user_id, client_id, key[0] if key else None, page_size(message.page_size)


def write_sessions_page(
    sessions: list[OpenSession], following: UUID | None, domain_id: str, user_id: str, client_id: str
) -> session_service_pb2.ListSessionsResponse:
    """A page of sessions; `following`: the one after which the next page begins."""
    query = _sessions(domain_id, user_id, client_id)
    return session_service_pb2.ListSessionsResponse(
        sessions=map(write_session, sessions),
        next_page_token=write_page_token(query, following) if following else "",
    )


def write_session(session: OpenSession) -> session_service_pb2.Session:
    """A session, without anything that a token could be made of."""
    return session_service_pb2.Session(
        session_id=str(session.session_id),
        user_id=session.user_id,
        client_id=session.client_id,
        device_id=session.device_id,
        device_name=session.device_name,
        scopes=session.scopes,
        actor=session.actor or "",
        create_time=timestamp(session.created_at),
        last_use_time=timestamp(session.rotated_at),
        expire_time=timestamp(session.expires_at),
        app_name=session.app_name,
    )


def _sessions(domain_id: str, user_id: str, client_id: str) -> tuple[object, ...]:
    return "ListSessions", domain_id, user_id, client_id
