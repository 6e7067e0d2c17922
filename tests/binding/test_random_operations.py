"""The same random operations on a real process of the service and on a small model, compared after every step."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tessera.binding.v1 import (
    binding_pb2,
    binding_service_pb2,
    binding_service_pb2_grpc,
    device_token_service_pb2,
    device_token_service_pb2_grpc,
)

from tests.binding.fleet import Request, new_id, request_of
from tests.binding.histories import told
from tests.binding.modelled import Account, Bound, Call, after
from tests.binding.replaying import Replayed
from tests.support.calls import Metadata, bearer, refusal_in
from tests.support.databases import Databases
from tests.support.processes import processes
from tests.support.token import Running

NAMES, KINDS, PHONES = ["alice", "bob", "carol"], [0, 1, 65535], ["phone", "pad", "watch", "tv"]
TOKENS = st.sampled_from(PHONES)
ACCOUNTS = st.tuples(st.sampled_from(NAMES), st.sampled_from(KINDS))
ENTRIES = st.lists(st.tuples(TOKENS, st.lists(ACCOUNTS, min_size=1, max_size=4)), min_size=1, max_size=5)
CALLS = st.one_of(
    st.builds(Call, st.sampled_from([1, 2]), ENTRIES),
    st.builds(Call, st.just(3), ENTRIES),
    st.builds(Call, st.just(4), st.lists(TOKENS, min_size=1, max_size=3)),
    st.builds(Call, st.just(5), st.lists(ACCOUNTS, min_size=1, max_size=3)),
)
APPS = st.integers(0, 1)
ROWS = """
select token, account_type, account from binding.binding where access_id = $1 and starts_with(token, $2) order by op
"""
numbers = itertools.count(1)


@dataclass(frozen=True)
class App:
    """A push app, and a credential that speaks for it."""

    access_id: int
    cap: int
    adds: bool
    metadata: Metadata


@dataclass(frozen=True)
class Service:
    """A running process, called from outside of any event loop, and a look at its table."""

    binding: binding_service_pb2_grpc.BindingServiceStub
    changes: device_token_service_pb2_grpc.DeviceTokenServiceStub
    apps: Sequence[App]
    rows: Callable[[int, str], list[tuple[str, int, str]]]


@pytest_asyncio.fixture(scope="module")
async def apps(token_service: Running) -> list[App]:
    """Push apps of every cap up to 3, that add or do not."""
    made = []
    for cap, adds in itertools.product((1, 2, 3), (False, True)):
        app = await token_service.push_app(tokens_per_account=cap, append_enabled=adds)
        made.append(App(app.access_id, cap, adds, bearer(await token_service.push_token(app.access_id))))
    return made


@pytest_asyncio.fixture(scope="module")
async def running(
    databases: Databases, token_service: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[str, str]]:
    """Address and database of a process."""
    dsn, folder = databases.fresh("binding"), tmp_path_factory.mktemp("process")
    async with processes(1, dsn, token_service.settings.listen, folder) as made:
        yield str(made.addresses[0]), dsn


@dataclass
class Side:
    """A push app as one run of the machine sees it.

    Args:
        app: which.
        bound: what it is to have bound.
        replayed: what the feed made of it.
        cursor: where that stands.
    """

    app: App
    cursor: str
    bound: Bound = ()
    replayed: Replayed = field(default_factory=Replayed)


class Bindings(RuleBasedStateMachine):
    """Two push apps and what they call. Runs share nothing: names have the number of the run before them."""

    service: Service

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"{next(numbers)}-"
        self.sides: list[Side] = []
        self.keyed: list[tuple[Side, Request, Any]] = []

    @initialize(chosen=st.permutations(range(6)))
    def begin(self, chosen: list[int]) -> None:
        for number in chosen[:2]:
            app = self.service.apps[number]
            first = next(iter(stream := self._watch(app, "")))
            stream.cancel()
            self.sides.append(Side(app, first.cursor))

    @rule(place=APPS, call=CALLS, keyed=st.booleans())
    def call_alone(self, place: int, call: Call, *, keyed: bool) -> None:
        side = self.sides[place]
        request = self._request(call, new_id() if keyed else "")
        answer = self.service.binding.BatchOperateAccounts(request, metadata=side.app.metadata)
        if keyed:
            self.keyed.append((side, request, answer))
        side.bound = after(self._of(side, call), side.bound, side.app.cap)

    @rule(calls=st.lists(st.tuples(APPS, CALLS), min_size=2, max_size=5))
    def call_at_once(self, calls: list[tuple[int, Call]]) -> None:
        """Most of them share a transaction. What is bound then is what some order of them makes."""
        futures = [
            self.service.binding.BatchOperateAccounts.future(
                self._request(call), metadata=self.sides[place].app.metadata
            )
            for place, call in calls
        ]
        assert [future.result().ret_code for future in futures] == [0] * len(calls)
        for place, side in enumerate(self.sides):
            found = told(self._rows(side))
            mine = [self._of(side, call) for at, call in calls if at == place]
            ends = [in_turn(order, side.bound, side.app.cap) for order in itertools.permutations(mine)]
            explained = [end for end in ends if told(end) == found]
            assert explained, (mine, side.bound, found)
            side.bound = explained[0]

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        side, request, answer = data.draw(st.sampled_from(self.keyed))
        assert self.service.binding.BatchOperateAccounts(request, metadata=side.app.metadata) == answer

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def use_an_id_again(self, data: st.DataObject) -> None:
        side, request, _ = data.draw(st.sampled_from(self.keyed))
        other = self._request(Call(4, PHONES), request.request_id)
        with pytest.raises(grpc.RpcError) as caught:
            self.service.binding.BatchOperateAccounts(other, metadata=side.app.metadata)
        assert refusal_of(caught.value) == ("FIELD_INVALID", "request_id")

    @invariant()
    def agrees(self) -> None:
        for side in self.sides:
            assert told(self._rows(side)) == told(side.bound)
            self._agree_lookups(side)
            stream = self._watch(side.app, side.cursor)
            for message in stream:
                side.replayed.take(message.changes)
                side.cursor = message.cursor
                if message.up_to_date:
                    break
            stream.cancel()
            bound = {(token, kind): name for (token, kind), name in side.bound}
            assert {
                (token.removeprefix(self.prefix), kind): name.removeprefix(self.prefix)
                for (token, kind), name in side.replayed.bound.items()
            } == bound

    def _agree_lookups(self, side: Side) -> None:
        tokens = dict(told(side.bound))
        accounts = [(name, kind) for name in NAMES for kind in KINDS]
        query = binding_service_pb2.QueryAccountsRequest(operator_type=1, account_list=map(self._account, accounts))
        found = self._found(side, query).account_tokens
        assert {
            (each.account.removeprefix(self.prefix), each.account_type): self._bare(reversed(each.token_list))
            for each in found
        } == tokens
        query = binding_service_pb2.QueryAccountsRequest(operator_type=2, token_list=map(self._named, PHONES))
        held = [
            ((token, account.account_type), account.account.removeprefix(self.prefix))
            for each in self._found(side, query).token_accounts
            for token in self._bare([each.token])
            for account in each.account_list
        ]
        assert sorted(held) == sorted(side.bound)

    def _found(
        self, side: Side, query: binding_service_pb2.QueryAccountsRequest
    ) -> binding_service_pb2.QueryAccountsResponse:
        try:
            return self.service.binding.QueryAccounts(query, metadata=side.app.metadata)
        except grpc.RpcError as error:
            assert refusal_of(error)[0] == "NOTHING_BOUND"  # noqa: PT017 an answer, too
            return binding_service_pb2.QueryAccountsResponse()

    def _rows(self, side: Side) -> Bound:
        rows = self.service.rows(side.app.access_id, self.prefix)
        return tuple(
            ((token.removeprefix(self.prefix), kind), name.removeprefix(self.prefix)) for token, kind, name in rows
        )

    def _watch(self, app: App, cursor: str) -> Any:
        request = device_token_service_pb2.WatchChangesRequest(cursor=cursor)
        return self.service.changes.WatchChanges(request, metadata=app.metadata, timeout=20)

    def _request(self, call: Call, request_id: str = "") -> Request:
        return request_of(call, request_id, prefix=self.prefix)

    def _account(self, account: Account) -> binding_pb2.Account:
        return binding_pb2.Account(account=self._named(account[0]), account_type=account[1])

    def _named(self, name: str) -> str:
        return self.prefix + name

    def _bare(self, names: Any) -> tuple[str, ...]:
        return tuple(name.removeprefix(self.prefix) for name in names)

    @staticmethod
    def _of(side: Side, call: Call) -> Call:
        return Call(call.operator, call.listed, side.app.adds)


def refusal_of(error: grpc.RpcError) -> tuple[str, str]:
    """Reason and field of a refusal."""
    refusal = refusal_in(error)
    return refusal.reason, refusal.field


def in_turn(calls: Sequence[Call], bound: Bound, cap: int) -> Bound:
    for call in calls:
        bound = after(call, bound, cap)
    return bound


@pytest.mark.timeout(300)
def test_service_agrees_with_the_model(running: tuple[str, str], apps: list[App]) -> None:
    address, dsn = running
    with grpc.insecure_channel(address) as channel, asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        service = Service(
            binding_service_pb2_grpc.BindingServiceStub(channel),
            device_token_service_pb2_grpc.DeviceTokenServiceStub(channel),
            apps,
            lambda access_id, prefix: [tuple(row) for row in runner.run(connection.fetch(ROWS, access_id, prefix))],
        )
        machine = type("Machine", (Bindings,), {"service": service})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(connection.close())
