"""The account service's servicers, in the order of proto/: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import (
    account_admin_service_pb2,
    account_admin_service_pb2_grpc,
    account_pb2,
    account_service_pb2,
    account_service_pb2_grpc,
)

from services.account import convert
from services.account.actions.create_open_account import create_open_account
from services.account.actions.create_project import create_project
from services.account.actions.describe_open_account import describe_open_account
from services.account.actions.get_link_info import get_link_info
from services.account.actions.get_link_info_by_user_id import get_link_info_by_user_id
from services.account.actions.link_account import link_account
from services.account.actions.unlink_account import unlink_account
from services.account.peers import Token, TokenPeer
from services.account.store import Store
from services.runtime.auth import only_own, principal
from services.runtime.clock import Clock
from services.runtime.telemetry import request_id


class AccountServicer(account_service_pb2_grpc.AccountServiceServicer):
    """Identities linked to users."""

    def __init__(self, store: Store, token: TokenPeer, clock: Clock) -> None:
        self._store = store
        self._token = token
        self._clock = clock

    async def LinkAccount(self, request: account_service_pb2.LinkAccountRequest, _context: Any) -> Token:
        """Link an identity to a user; answer a Token of that user."""
        user_id = convert.checked_user_id(request.user_id)
        identity = convert.read_identity(request)
        return await link_account(
            self._store, self._token, self._clock, principal(), user_id=user_id, identity=identity
        )

    async def UnlinkAccount(
        self, request: account_service_pb2.UnlinkAccountRequest, _context: Any
    ) -> account_service_pb2.UnlinkAccountResponse:
        """Take an identity from a user."""
        user_id = convert.checked_user_id(request.user_id)
        identity = convert.read_identity(request)
        await unlink_account(self._store, principal(), user_id=user_id, identity=identity)
        return account_service_pb2.UnlinkAccountResponse()

    async def GetLinkInfo(
        self, request: account_service_pb2.GetLinkInfoRequest, _context: Any
    ) -> account_pb2.AccountLinkInfo:
        """Find the link of an identity."""
        identity = convert.read_identity(request)
        link = await get_link_info(self._store, principal(), identity=identity, own_user=_own_user())
        return convert.write_link(link)

    async def GetLinkInfoByUserId(
        self, request: account_service_pb2.GetLinkInfoByUserIdRequest, _context: Any
    ) -> account_service_pb2.GetLinkInfoByUserIdResponse:
        """List the links of a user."""
        user_id = convert.checked_user_id(request.user_id)
        links = await get_link_info_by_user_id(self._store, principal(), user_id=user_id, own_user=_own_user())
        return account_service_pb2.GetLinkInfoByUserIdResponse(items=map(convert.write_link, links))


class OpenAccountServicer(account_service_pb2_grpc.OpenAccountServiceServicer):
    """Open accounts, in the vendor's RPC style."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def DescribeOpenAccount(
        self, request: account_service_pb2.DescribeOpenAccountRequest, _context: Any
    ) -> account_service_pb2.DescribeOpenAccountResponse:
        """Find an open account."""
        wanted = convert.read_wanted(request)
        account = await describe_open_account(self._store, principal(), wanted=wanted)
        return account_service_pb2.DescribeOpenAccountResponse(
            request_id=request_id().upper(), open_account=convert.write_open_account(account)
        )


class AccountAdminServicer(account_admin_service_pb2_grpc.AccountAdminServiceServicer):
    """What an operator sets up in its domain."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def CreateProject(
        self, request: account_admin_service_pb2.CreateProjectRequest, _context: Any
    ) -> account_admin_service_pb2.CreateProjectResponse:
        """Make a project."""
        project_id = convert.checked_project_id(request.project_id)
        name = convert.checked_text("name", request.name, 128)
        made = await create_project(self._store, self._clock, principal(), project_id=project_id, name=name)
        return account_admin_service_pb2.CreateProjectResponse(project_id=made)

    async def CreateOpenAccount(
        self, request: account_admin_service_pb2.CreateOpenAccountRequest, _context: Any
    ) -> account_admin_service_pb2.CreateOpenAccountResponse:
        """Make an open account of a project."""
        new = convert.read_new_open_account(request)
        identity_id = await create_open_account(self._store, self._clock, principal(), new=new)
        return account_admin_service_pb2.CreateOpenAccountResponse(identity_id=str(identity_id))


def _own_user() -> str | None:
    """The one user whose links the caller may see; `None`: everybody's."""
    return principal().subject if only_own() else None
