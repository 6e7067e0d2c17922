"""DeviceTokenService as tests call it, and its feed, replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from tessera.binding.v1 import device_token_service_pb2 as pb2
from tessera.binding.v1 import device_token_service_pb2_grpc

from tests.binding.callers import PushApp
from tests.support.calls import bearer

BOUND = pb2.BindingChange.KIND_BOUND

REPLACE, ADD = pb2.BatchBindRequest.MODE_REPLACE, pb2.BatchBindRequest.MODE_ADD

Key = tuple[str, int, str]
"""Token, type and account."""


def typed(item: Any) -> pb2.TypedAccount:
    """An account from its name, or its name and type."""
    return pb2.TypedAccount(account=item) if isinstance(item, str) else pb2.TypedAccount(account=item[0], type=item[1])


def named(token: str, *items: Any) -> pb2.DeviceToken:
    """A token with accounts."""
    return pb2.DeviceToken(token=token, accounts=[typed(item) for item in items])


def unbinding(token: str = "", item: Any = None) -> pb2.Unbinding:
    return pb2.Unbinding(token=token, account=None if item is None else typed(item))


def keys(bindings: Any) -> list[Key]:
    """Bindings or changes as what they are of."""
    return [(binding.token, binding.account.type, binding.account.account) for binding in bindings]


@dataclass(frozen=True)
class Caller:
    """Who calls by gRPC, with an access token."""

    channel: grpc.aio.Channel
    token: str

    @classmethod
    def of(cls, app: PushApp) -> "Caller":
        return cls(app.channel, app.token)

    @property
    def stub(self) -> Any:
        return device_token_service_pb2_grpc.DeviceTokenServiceStub(self.channel)

    @property
    def as_caller(self) -> dict[str, Any]:
        return {"metadata": bearer(self.token)}

    async def bind(self, *entries: pb2.DeviceToken, **fields: Any) -> str:
        """BatchBind; the id of what was done."""
        request = pb2.BatchBindRequest(device_tokens=entries, **fields)
        return (await self.stub.BatchBind(request, **self.as_caller)).operation_id

    async def unbind(self, *entries: pb2.Unbinding, **fields: Any) -> str:
        """BatchUnbind; the id of what was done."""
        request = pb2.BatchUnbindRequest(unbindings=entries, **fields)
        return (await self.stub.BatchUnbind(request, **self.as_caller)).operation_id

    async def accounts(self, *tokens: str, **fields: Any) -> pb2.ListAccountsResponse:
        return await self.stub.ListAccounts(pb2.ListAccountsRequest(tokens=tokens, **fields), **self.as_caller)

    async def tokens(self, *items: Any, **fields: Any) -> pb2.ListTokensResponse:
        request = pb2.ListTokensRequest(accounts=map(typed, items), **fields)
        return await self.stub.ListTokens(request, **self.as_caller)

    async def page(self, **fields: Any) -> pb2.ListBindingsResponse:
        return await self.stub.ListBindings(pb2.ListBindingsRequest(**fields), **self.as_caller)

    async def all_pages(self, listing: Any, *asked: Any, page_size: int = 0) -> list[pb2.Binding]:
        """Page by page, by a method of this class."""
        found: list[pb2.Binding] = []
        token = ""
        while True:
            page = await listing(*asked, page_size=page_size, page_token=token)
            assert len(page.bindings) <= (page_size or 50)
            found += page.bindings
            token = page.next_page_token
            if not token:
                return found

    def stream(self, requests: Any = None) -> Any:
        """StreamTokens."""
        return self.stub.StreamTokens(requests, **self.as_caller)

    def watch(self, cursor: str = "") -> AsyncIterator[pb2.WatchChangesResponse]:
        return self.stub.WatchChanges(pb2.WatchChangesRequest(cursor=cursor), **self.as_caller)

    async def cursor(self) -> str:
        """Of now."""
        return (await self.page(page_size=1)).cursor

    async def changes(self, cursor: str) -> list[pb2.BindingChange]:
        """All that happened since."""
        told: list[pb2.BindingChange] = []
        stream = self.watch(cursor)
        async for message in stream:
            told += message.changes
            if message.up_to_date:
                break
        stream.cancel()
        return told


@dataclass
class Replayed:
    """What a consumer knows of bindings: the account of each token and type."""

    accounts: dict[tuple[str, int], str] = field(default_factory=dict)

    def take(self, changes: Any, *, again: bool = False) -> None:
        """Apply changes in the order in which they are told.

        Args:
            changes: of one message.
            again: whether they may have been seen before, in a listing. Else none is told that cannot follow what was.
        """
        for change in changes:
            key = (change.token, change.account.type)
            if change.kind == BOUND:
                assert again or key not in self.accounts, change
                self.accounts[key] = change.account.account
            elif again:
                self.accounts.pop(key, None)
            else:
                assert self.accounts.pop(key) == change.account.account, change

    def rows(self) -> list[Key]:
        return sorted((*key, account) for key, account in self.accounts.items())


def told(changes: Any) -> list[tuple[str, str, int, str]]:
    """Changes in short: what happened, token, type, account."""
    return [
        (pb2.BindingChange.Kind.Name(change.kind).removeprefix("KIND_").lower(), *key)
        for change, key in zip(changes, keys(changes), strict=True)
    ]
