"""The binding service's servicers, in the order of proto/: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from services.binding import convert
from services.binding.actions.batch_operate_accounts import batch_operate_accounts
from services.binding.actions.query_accounts import query_accounts
from services.binding.store import Store
from services.runtime import auth
from services.runtime.clock import Clock
from services.runtime.errors import PermissionDenied


class BindingServicer(binding_service_pb2_grpc.BindingServiceServicer):
    """Answers `tessera.binding.v1.BindingService`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def BatchOperateAccounts(
        self, request: binding_service_pb2.BatchOperateAccountsRequest, _context: Any
    ) -> binding_service_pb2.BatchOperateAccountsResponse:
        """Bind and unbind."""
        push_app, operation = _push_app(), convert.read_operation(request)
        codes = await batch_operate_accounts(self._store, self._clock, push_app, operation=operation)
        return convert.write_outcome(codes)

    async def QueryAccounts(
        self, request: binding_service_pb2.QueryAccountsRequest, _context: Any
    ) -> binding_service_pb2.QueryAccountsResponse:
        """Find tokens of accounts, or accounts of tokens."""
        push_app, query = _push_app(), convert.read_query(request)
        return convert.write_found(await query_accounts(self._store, push_app, query=query))


def _push_app() -> auth.PushApp:
    """The push app that the caller's credential speaks for: no request names one. Raises `PermissionDenied`."""
    caller = auth.principal()
    if caller.push_app is None:
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} speaks for no push app")
    return caller.push_app
