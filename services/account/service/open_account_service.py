"""OpenAccountService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import account_service_pb2, account_service_pb2_grpc

from services.account.actions.open_accounts.describe_open_account import describe_open_account
from services.account.convert import open_accounts as convert
from services.account.resources import Resources
from services.runtime.auth import principal
from services.runtime.telemetry import request_id


class OpenAccountServicer(account_service_pb2_grpc.OpenAccountServiceServicer):
    """Open accounts, in the vendor's RPC style."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def DescribeOpenAccount(
        self, request: account_service_pb2.DescribeOpenAccountRequest, _context: Any
    ) -> account_service_pb2.DescribeOpenAccountResponse:
        """Find an open account."""
        wanted = convert.read_wanted(request)
        account = await describe_open_account(self._resources, principal(), wanted=wanted)
        return account_service_pb2.DescribeOpenAccountResponse(
            request_id=request_id().upper(), open_account=convert.write_open_account(account)
        )
