"""UserService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import user_service_pb2, user_service_pb2_grpc

from services.runtime.auth import principal
from services.runtime.validation import checked_user_id
from services.token.actions.users.create_user import create_user
from services.token.actions.users.delete_user import delete_user
from services.token.actions.users.get_profile import get_profile
from services.token.actions.users.list_users import list_users
from services.token.actions.users.update_user import update_user
from services.token.convert import users as convert
from services.token.convert.admin import read_request_id
from services.token.resources import Resources


class UserServicer(user_service_pb2_grpc.UserServiceServicer):
    """Users of the caller's domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateUser(self, request: user_service_pb2.CreateUserRequest, _context: Any) -> user_service_pb2.User:
        """Make a user."""
        caller, new = principal(), convert.read_new_user(request)
        request_id = read_request_id(request, caller)
        return convert.write_profile(await create_user(self._resources, caller, new=new, request=request_id))

    async def GetUser(
        self, request: user_service_pb2.UserServiceGetUserRequest, _context: Any
    ) -> user_service_pb2.User:
        """Find a user."""
        user_id = checked_user_id(request.user_id)
        return convert.write_profile(await get_profile(self._resources, principal(), user_id=user_id))

    async def UpdateUser(self, request: user_service_pb2.UpdateUserRequest, _context: Any) -> user_service_pb2.User:
        """Change what the request has of a user."""
        changed = await update_user(
            self._resources,
            principal(),
            user_id=checked_user_id(request.user_id),
            change=convert.read_user_change(request),
            etag=convert.checked_etag(request.etag),
        )
        return convert.write_profile(changed)

    async def DeleteUser(
        self, request: user_service_pb2.DeleteUserRequest, _context: Any
    ) -> user_service_pb2.DeleteUserResponse:
        """Delete a user for good."""
        user_id, etag = checked_user_id(request.user_id), convert.checked_etag(request.etag)
        await delete_user(self._resources, principal(), user_id=user_id, etag=etag)
        return user_service_pb2.DeleteUserResponse()

    async def ListUsers(
        self, request: user_service_pb2.ListUsersRequest, _context: Any
    ) -> user_service_pb2.ListUsersResponse:
        """List users, a page at a time."""
        caller = principal()
        after, limit = convert.read_users_page(request, caller.domain_id)
        profiles, following = await list_users(self._resources, caller, after=after, limit=limit)
        return convert.write_users_page(profiles, following, caller.domain_id)
