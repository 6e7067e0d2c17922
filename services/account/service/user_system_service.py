"""UserSystemService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any
from uuid import UUID

from tessera.account.v1 import user_system_pb2 as nouns_pb2
from tessera.account.v1 import user_system_service_pb2 as systems_pb2
from tessera.account.v1 import user_system_service_pb2_grpc as systems_pb2_grpc

from services.account.actions.user_systems.create_user_system import create_user_system
from services.account.actions.user_systems.delete_user_system import delete_user_system
from services.account.actions.user_systems.get_user_system import get_user_system
from services.account.actions.user_systems.list_user_systems import list_user_systems
from services.account.actions.user_systems.test_user_system import test_user_system
from services.account.actions.user_systems.update_user_system import update_user_system
from services.account.convert import fields, user_systems
from services.account.resources import Resources
from services.runtime.auth import principal
from services.runtime.pages import Page


class UserSystemServicer(systems_pb2_grpc.UserSystemServiceServicer):
    """The user systems by which people log on to a domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateUserSystem(
        self, request: systems_pb2.CreateUserSystemRequest, _context: Any
    ) -> nouns_pb2.UserSystem:
        """Make a user system."""
        caller = principal()
        system = user_systems.read_new_user_system(request.user_system, caller.domain_id, str(self._resources.new_id()))
        made_by = user_systems.read_user_system_call(request, caller)
        return user_systems.write_user_system(
            await create_user_system(self._resources, caller, system=system, made_by=made_by)
        )

    async def GetUserSystem(self, request: systems_pb2.GetUserSystemRequest, _context: Any) -> nouns_pb2.UserSystem:
        """Tell how a user system is set up."""
        system = await get_user_system(self._resources, principal(), user_system_id=request.user_system_id)
        return user_systems.write_user_system(system)

    async def ListUserSystems(
        self, request: systems_pb2.ListUserSystemsRequest, _context: Any
    ) -> systems_pb2.ListUserSystemsResponse:
        """List the user systems of the domain."""
        caller = principal()
        page = Page(request, ("ListUserSystems", caller.domain_id), UUID, UUID(int=0))
        rows = await list_user_systems(self._resources, caller, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.user_system_id)
        return systems_pb2.ListUserSystemsResponse(
            user_systems=map(user_systems.write_user_system, shown), next_page_token=following
        )

    async def UpdateUserSystem(
        self, request: systems_pb2.UpdateUserSystemRequest, _context: Any
    ) -> nouns_pb2.UserSystem:
        """Change a user system."""
        changes = user_systems.read_user_system_changes(request)
        changed = await update_user_system(
            self._resources,
            principal(),
            user_system_id=request.user_system.user_system_id,
            version=fields.read_etag(request.user_system.etag),
            changes=changes,
            check=user_systems.checked_user_system,
        )
        return user_systems.write_user_system(changed)

    async def DeleteUserSystem(
        self, request: systems_pb2.DeleteUserSystemRequest, _context: Any
    ) -> systems_pb2.DeleteUserSystemResponse:
        """Take a user system away."""
        version = fields.read_etag(request.etag)
        await delete_user_system(self._resources, principal(), user_system_id=request.user_system_id, version=version)
        return systems_pb2.DeleteUserSystemResponse()

    async def TestUserSystem(
        self, request: systems_pb2.TestUserSystemRequest, _context: Any
    ) -> systems_pb2.TestUserSystemResponse:
        """Try a user system."""
        problems = await test_user_system(self._resources, principal(), user_system_id=request.user_system_id)
        return systems_pb2.TestUserSystemResponse(problems=problems)
