"""DeviceTokenService: who may call, stream or not, and that it is no stranger's."""

from typing import Any

import grpc
import pytest

from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps
from tests.binding.device_tokens import Caller, keys, named, unbinding
from tests.binding.test_stream_tokens import ask, requests
from tests.support.calls import refused
from tests.support.token import Running

CALLS: dict[str, Any] = {
    "BatchBind": lambda caller: caller.bind(named("one", "ann")),
    "BatchUnbind": lambda caller: caller.unbind(unbinding("one")),
    "ListAccounts": lambda caller: caller.accounts("one"),
    "ListTokens": lambda caller: caller.tokens("ann"),
    # Refused before anything is sent.
    "StreamTokens": lambda caller: caller.stream().read(),
    "ListBindings": lambda caller: caller.page(),
    "WatchChanges": lambda caller: anext(aiter(caller.watch())),
}


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_push_app(token_service: Running, channel: grpc.aio.Channel, call: str) -> None:
    for permissions in (["binding.read", "binding.write"], ["account.link"], []):
        client = await token_service.web_app(permissions=permissions)
        caller = Caller(channel, (await token_service.by_secret(client)).access_token)
        refusal = await refused(CALLS[call](caller), "PERMISSION_DENIED")
        assert refusal.code == grpc.StatusCode.PERMISSION_DENIED
    await refused(CALLS[call](Caller(channel, "none")), "UNAUTHENTICATED")


async def test_another_push_apps_bindings_are_not_there(push_apps: PushApps) -> None:
    """Which push app it is, the credential says: no request can name another."""
    ours, theirs = await push_apps(), await push_apps()
    caller, other = Caller.of(ours), Caller.of(theirs)
    await caller.bind(named("one", "ann"))
    left = await ours.whole_rows()
    await other.unbind(unbinding("one"), unbinding(item="ann"))
    await other.bind(named("one", "bob"))
    assert await ours.whole_rows() == left
    found = [await other.accounts("one"), await other.tokens("ann"), await other.page()]
    assert [keys(answer.bindings) for answer in found] == [[("one", 0, "bob")], [], [("one", 0, "bob")]]
    assert keys((await anext(aiter(other.stream(requests(ask("ann", "bob")))))).bindings) == [("one", 0, "bob")]


async def test_what_the_vendors_calls_and_these_say_is_one(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await push_app.bind(("one", ["ann", ("ann@corp.com", 1)]))
    assert keys((await caller.accounts("one")).bindings) == [("one", 0, "ann"), ("one", 1, "ann@corp.com")]
    await caller.bind(named("two", "ann"))
    assert await push_app.tokens_of("ann") == ["two", "one"]
