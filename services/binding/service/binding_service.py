"""BindingService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from services.binding.actions.batch_operate_accounts import batch_operate_accounts
from services.binding.actions.query_accounts import query_accounts
from services.binding.convert import accounts as convert
from services.binding.convert.fields import read_once
from services.binding.resources import Resources
from services.binding.service.callers import push_app
from services.binding.service.idempotency_key import take_idempotency_key
from services.runtime.auth import principal


class BindingServicer(binding_service_pb2_grpc.BindingServiceServicer):
    """Device tokens and accounts, in the vendor's shape."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def BatchOperateAccounts(
        self, request: binding_service_pb2.BatchOperateAccountsRequest, context: Any
    ) -> binding_service_pb2.BatchOperateAccountsResponse:
        """Bind and unbind."""
        speaks_for, operation = push_app(), convert.read_operation(request)
        caller = principal()
        # No signature covers the header: who sends a signed call again must not make it another by it.
        named = take_idempotency_key(request, context) if caller.signature is None else "request_id"
        once = read_once(request, caller, self._resources.clock, named=named)
        codes = await batch_operate_accounts(self._resources, speaks_for, operation=operation, once=once)
        return convert.write_outcome(codes)

    async def QueryAccounts(
        self, request: binding_service_pb2.QueryAccountsRequest, _context: Any
    ) -> binding_service_pb2.QueryAccountsResponse:
        """Find tokens of accounts, or accounts of tokens."""
        speaks_for, query = push_app(), convert.read_query(request)
        return convert.write_found(await query_accounts(self._resources, speaks_for, query=query))
