"""DeviceTokenService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from tessera.binding.v1 import device_token_service_pb2 as pb2
from tessera.binding.v1 import device_token_service_pb2_grpc

from services.binding.actions.batch_bind import batch_bind
from services.binding.actions.batch_unbind import batch_unbind
from services.binding.actions.list_accounts import list_accounts
from services.binding.actions.list_bindings import list_bindings
from services.binding.actions.list_tokens import list_tokens
from services.binding.actions.stream_tokens import stream_tokens
from services.binding.convert import device_tokens as convert
from services.binding.convert.fields import read_once
from services.binding.resources import Resources
from services.binding.service.callers import push_app
from services.runtime.auth import principal
from services.runtime.pages import page_size


class DeviceTokenServicer(device_token_service_pb2_grpc.DeviceTokenServiceServicer):
    """Device tokens and accounts, many at a time."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def BatchBind(self, request: pb2.BatchBindRequest, _context: Any) -> pb2.BatchBindResponse:
        """Bind tokens to accounts."""
        speaks_for = push_app()
        kind, entries = await convert.read_bound(request)
        once = read_once(request, principal(), self._resources.clock)
        operation_id = await batch_bind(self._resources, speaks_for, kind=kind, entries=entries, once=once)
        return pb2.BatchBindResponse(operation_id=str(operation_id))

    async def BatchUnbind(self, request: pb2.BatchUnbindRequest, _context: Any) -> pb2.BatchUnbindResponse:
        """Unbind tokens from accounts."""
        speaks_for, rows = push_app(), convert.read_unbound(request)
        once = read_once(request, principal(), self._resources.clock)
        operation_id = await batch_unbind(self._resources, speaks_for, rows=rows, once=once)
        return pb2.BatchUnbindResponse(operation_id=str(operation_id))

    async def ListAccounts(self, request: pb2.ListAccountsRequest, _context: Any) -> pb2.ListAccountsResponse:
        """List the accounts of tokens."""
        speaks_for, tokens = push_app(), convert.read_tokens(request)
        after, limit = convert.read_place(request, speaks_for, tokens), page_size(request.page_size)
        page = await list_accounts(self._resources, speaks_for, tokens=tokens, after=after, limit=limit)
        return pb2.ListAccountsResponse(
            bindings=convert.write_bindings(page.bindings),
            next_page_token=convert.write_place(request, speaks_for, tokens, page),
        )

    async def ListTokens(self, request: pb2.ListTokensRequest, _context: Any) -> pb2.ListTokensResponse:
        """List the tokens of accounts."""
        speaks_for, accounts = push_app(), convert.read_accounts(request)
        after, limit = convert.read_place(request, speaks_for, accounts), page_size(request.page_size)
        page = await list_tokens(self._resources, speaks_for, accounts=accounts, after=after, limit=limit)
        return pb2.ListTokensResponse(
            bindings=convert.write_bindings(page.bindings),
            next_page_token=convert.write_place(request, speaks_for, accounts, page),
        )

    async def StreamTokens(
        self, requests: AsyncIterator[pb2.StreamTokensRequest], _context: Any
    ) -> AsyncGenerator[pb2.StreamTokensResponse, None]:
        """Find the tokens of the accounts of each message; the next one is read when the answers were taken."""
        speaks_for = push_app()
        async for request in requests:
            accounts = convert.read_accounts(request)
            async with aclosing(stream_tokens(self._resources, speaks_for, accounts=accounts)) as pages:
                async for page in pages:
                    yield pb2.StreamTokensResponse(
                        bindings=convert.write_bindings(page.bindings), complete=page.following is None
                    )

    async def ListBindings(self, request: pb2.ListBindingsRequest, _context: Any) -> pb2.ListBindingsResponse:
        """List all bindings."""
        speaks_for = push_app()
        after, limit = convert.read_last(request, speaks_for), page_size(request.page_size)
        page = await list_bindings(self._resources, speaks_for, after=after, limit=limit)
        return convert.write_bindings_page(request, speaks_for, page)

    def WatchChanges(
        self, request: pb2.WatchChangesRequest, _context: Any
    ) -> AsyncGenerator[pb2.WatchChangesResponse, None]:
        """Tell what becomes of bindings."""
        return self._resources.feed.watch_changes(push_app(), request)
