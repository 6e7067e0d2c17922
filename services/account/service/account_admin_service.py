"""AccountAdminService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import account_admin_service_pb2, account_admin_service_pb2_grpc

from services.account.actions.open_accounts.create_open_account import create_open_account
from services.account.actions.open_accounts.create_project import create_project
from services.account.convert import fields
from services.account.convert import open_accounts as convert
from services.account.resources import Resources
from services.runtime.auth import principal


class AccountAdminServicer(account_admin_service_pb2_grpc.AccountAdminServiceServicer):
    """What an operator sets up in its domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateProject(
        self, request: account_admin_service_pb2.CreateProjectRequest, _context: Any
    ) -> account_admin_service_pb2.CreateProjectResponse:
        """Make a project."""
        project_id = convert.checked_project_id(request.project_id)
        name = fields.checked_text("name", request.name, 128)
        made = await create_project(self._resources, principal(), project_id=project_id, name=name)
        return account_admin_service_pb2.CreateProjectResponse(project_id=made)

    async def CreateOpenAccount(
        self, request: account_admin_service_pb2.CreateOpenAccountRequest, _context: Any
    ) -> account_admin_service_pb2.CreateOpenAccountResponse:
        """Make an open account of a project."""
        new = convert.read_new_open_account(request)
        identity_id = await create_open_account(self._resources, principal(), new=new)
        return account_admin_service_pb2.CreateOpenAccountResponse(identity_id=str(identity_id))
