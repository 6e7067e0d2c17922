"""SessionService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import session_service_pb2, session_service_pb2_grpc

from services.runtime.auth import principal
from services.runtime.validation import checked_user_id
from services.token.actions.sessions.list_sessions import list_sessions
from services.token.actions.sessions.revoke_app_sessions import revoke_app_sessions
from services.token.actions.sessions.revoke_session import revoke_session
from services.token.actions.sessions.revoke_user_sessions import revoke_user_sessions
from services.token.convert import sessions as convert
from services.token.convert.fields import checked_client_id, checked_uuid
from services.token.resources import Resources


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Sessions of the caller's domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListSessions(
        self, request: session_service_pb2.ListSessionsRequest, _context: Any
    ) -> session_service_pb2.ListSessionsResponse:
        """List the sessions of a user or an app."""
        caller = principal()
        user_id, client_id, before, limit = convert.read_sessions_page(request, caller.domain_id)
        sessions, following = await list_sessions(
            self._resources, caller, user_id=user_id, client_id=client_id, before=before, limit=limit
        )
        return convert.write_sessions_page(sessions, following, caller.domain_id, user_id, client_id)

    async def RevokeSession(
        self, request: session_service_pb2.RevokeSessionRequest, _context: Any
    ) -> session_service_pb2.RevokeSessionResponse:
        """End a session."""
        session_id = checked_uuid("session_id", request.session_id)
        await revoke_session(self._resources, principal(), session_id=session_id)
        return session_service_pb2.RevokeSessionResponse()

    async def RevokeUserSessions(
        self, request: session_service_pb2.RevokeUserSessionsRequest, _context: Any
    ) -> session_service_pb2.RevokeUserSessionsResponse:
        """End all sessions of a user."""
        user_id = checked_user_id(request.user_id)
        revoked = await revoke_user_sessions(self._resources, principal(), user_id=user_id)
        return session_service_pb2.RevokeUserSessionsResponse(revoked_sessions=revoked)

    async def RevokeAppSessions(
        self, request: session_service_pb2.RevokeAppSessionsRequest, _context: Any
    ) -> session_service_pb2.RevokeAppSessionsResponse:
        """End all sessions that an app began."""
        client_id = checked_client_id(request.client_id)
        await revoke_app_sessions(self._resources, principal(), client_id=client_id)
        return session_service_pb2.RevokeAppSessionsResponse()
