"""UserDataService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import user_data_service_pb2, user_data_service_pb2_grpc

from services.account.actions.user_data.erase_user import erase_user
from services.account.actions.user_data.export_user import export_user
from services.account.actions.user_data.merge_users import merge_users
from services.account.convert import user_data as convert
from services.account.resources import Resources
from services.runtime.auth import principal
from services.runtime.validation import checked_user_id


class UserDataServicer(user_data_service_pb2_grpc.UserDataServiceServicer):
    """All that there is of a user of the caller's domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def MergeUsers(
        self, request: user_data_service_pb2.MergeUsersRequest, _context: Any
    ) -> user_data_service_pb2.MergeUsersResponse:
        """Make all that is one user's another's."""
        from_user_id, into_user_id = convert.read_merge(request)
        merged = await merge_users(self._resources, principal(), from_user_id=from_user_id, into_user_id=into_user_id)
        return user_data_service_pb2.MergeUsersResponse(
            moved_links=merged.links, moved_open_accounts=merged.open_accounts
        )

    async def ExportUser(
        self, request: user_data_service_pb2.ExportUserRequest, _context: Any
    ) -> user_data_service_pb2.ExportUserResponse:
        """Tell all that there is of a user, a page at a time."""
        caller = principal()
        user_id, place, limit = convert.read_export(request, caller.domain_id)
        export = await export_user(self._resources, caller, user_id=user_id, place=place, limit=limit)
        return convert.write_export(export, caller.domain_id, user_id)

    async def EraseUser(
        self, request: user_data_service_pb2.EraseUserRequest, _context: Any
    ) -> user_data_service_pb2.EraseUserResponse:
        """Erase a user."""
        accounts = await erase_user(self._resources, principal(), user_id=checked_user_id(request.user_id))
        return user_data_service_pb2.EraseUserResponse(bound_accounts=convert.write_bound_accounts(accounts))
