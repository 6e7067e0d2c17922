"""OpenAccountService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import account_pb2, account_service_pb2, account_service_pb2_grpc

from services.account.actions.open_accounts.delete_open_account import delete_open_account
from services.account.actions.open_accounts.describe_open_account import describe_open_account
from services.account.actions.open_accounts.list_open_account_links import list_open_account_links
from services.account.actions.open_accounts.list_open_accounts import list_open_accounts
from services.account.convert import open_accounts as convert
from services.account.convert.fields import read_etag
from services.account.convert.projects import checked_project_id
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal, principal
from services.runtime.telemetry import request_id


class OpenAccountServicer(account_service_pb2_grpc.OpenAccountServiceServicer):
    """Open accounts, in the vendor's RPC style."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def DescribeOpenAccount(
        self, request: account_service_pb2.DescribeOpenAccountRequest, _context: Any
    ) -> account_service_pb2.DescribeOpenAccountResponse:
        """Find an open account."""
        caller, wanted = principal(), convert.read_wanted(request)
        account = await describe_open_account(self._resources, caller, wanted=wanted)
        return account_service_pb2.DescribeOpenAccountResponse(
            request_id=request_id().upper(),
            open_account=convert.write_open_account(account, whole=convert.reads_whole(caller)),
        )

    async def ListOpenAccounts(
        self, request: account_service_pb2.ListOpenAccountsRequest, _context: Any
    ) -> account_service_pb2.ListOpenAccountsResponse:
        """List open accounts."""
        caller = principal()
        asked = convert.read_slice(request, caller.domain_id)
        rows = await list_open_accounts(self._resources, caller, asked=asked)
        return account_service_pb2.ListOpenAccountsResponse(
            request_id=request_id().upper(),
            open_accounts=_written(rows[: asked.limit], caller),
            next_page_token=convert.write_next(asked, caller.domain_id, rows),
        )

    async def ListOpenAccountLinks(
        self, request: account_service_pb2.ListOpenAccountLinksRequest, _context: Any
    ) -> account_service_pb2.ListOpenAccountLinksResponse:
        """List the open accounts of one person."""
        caller = principal()
        asked = convert.read_linked(request, caller.domain_id)
        rows = await list_open_account_links(self._resources, caller, asked=asked)
        return account_service_pb2.ListOpenAccountLinksResponse(
            request_id=request_id().upper(),
            open_accounts=_written(rows[: asked.limit], caller),
            next_page_token=convert.write_next_linked(asked, caller.domain_id, rows),
        )

    async def DeleteOpenAccount(
        self, request: account_service_pb2.DeleteOpenAccountRequest, _context: Any
    ) -> account_service_pb2.DeleteOpenAccountResponse:
        """Take an open account away."""
        await delete_open_account(
            self._resources,
            principal(),
            identity_id=request.identity_id,
            project_id=checked_project_id(request.project_id, "ProjectId"),
            version=read_etag(request.etag),
        )
        return account_service_pb2.DeleteOpenAccountResponse(request_id=request_id().upper())


def _written(accounts: list[OpenAccount], caller: Principal) -> list[account_pb2.OpenAccount]:
    return [convert.write_open_account(each, whole=convert.reads_whole(caller)) for each in accounts]
