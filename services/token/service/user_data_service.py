"""UserDataService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import user_data_service_pb2, user_data_service_pb2_grpc

from services.runtime.validation import checked_user_id
from services.token.actions.user_data.end_user_sessions import end_user_sessions
from services.token.actions.user_data.erase_user import erase_user
from services.token.actions.user_data.export_user import export_user
from services.token.actions.user_data.list_user_sessions import list_user_sessions
from services.token.actions.user_data.sign_user_out import sign_user_out
from services.token.convert import user_data as convert
from services.token.convert.fields import checked_domain_id
from services.token.resources import Resources


class UserDataServicer(user_data_service_pb2_grpc.UserDataServiceServicer):
    """Token's part of what account does with all that there is of a user, of any domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListUserSessions(
        self, request: user_data_service_pb2.ListUserSessionsRequest, _context: Any
    ) -> user_data_service_pb2.ListUserSessionsResponse:
        """List what a user is signed in with."""
        sessions = await list_user_sessions(
            self._resources,
            domain_id=checked_domain_id(request.domain_id),
            user_id=checked_user_id(request.user_id),
        )
        return convert.write_sessions(sessions)

    async def SignUserOut(
        self, request: user_data_service_pb2.SignUserOutRequest, _context: Any
    ) -> user_data_service_pb2.SignUserOutResponse:
        """End some sessions of a user."""
        session_ids, browser_ids = convert.read_sign_out(request)
        await sign_user_out(
            self._resources,
            domain_id=checked_domain_id(request.domain_id),
            user_id=checked_user_id(request.user_id),
            session_ids=session_ids,
            browser_ids=browser_ids,
            actor=convert.checked_actor(request.actor),
        )
        return user_data_service_pb2.SignUserOutResponse()

    async def EndUserSessions(
        self, request: user_data_service_pb2.EndUserSessionsRequest, _context: Any
    ) -> user_data_service_pb2.EndUserSessionsResponse:
        """End all that a user could go on with."""
        await end_user_sessions(
            self._resources,
            domain_id=checked_domain_id(request.domain_id),
            user_id=checked_user_id(request.user_id),
            actor=convert.checked_actor(request.actor),
        )
        return user_data_service_pb2.EndUserSessionsResponse()

    async def ExportUser(
        self, request: user_data_service_pb2.ExportUserRequest, _context: Any
    ) -> user_data_service_pb2.ExportUserResponse:
        """Tell all that token keeps of a user, a page at a time."""
        domain_id, user_id, place, limit = convert.read_export_page(request)
        record = await export_user(self._resources, domain_id=domain_id, user_id=user_id, place=place, limit=limit)
        return convert.write_record(record, domain_id, user_id)

    async def EraseUser(
        self, request: user_data_service_pb2.EraseUserRequest, _context: Any
    ) -> user_data_service_pb2.EraseUserResponse:
        """Delete a user, unless its role forbids."""
        verdict, access_ids = await erase_user(
            self._resources,
            domain_id=checked_domain_id(request.domain_id),
            user_id=checked_user_id(request.user_id),
            roles=convert.checked_roles(request),
            ordered_at=convert.read_order_time(request),
            actor=convert.checked_actor(request.actor),
        )
        return convert.write_erased(verdict, access_ids)
