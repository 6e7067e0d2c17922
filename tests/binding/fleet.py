"""Three processes of the service on one database, and push apps that call any of them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import grpc
from tessera.binding.v1 import (
    binding_pb2,
    binding_service_pb2,
    binding_service_pb2_grpc,
    device_token_service_pb2,
    device_token_service_pb2_grpc,
)

from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from tests.binding.modelled import Bound, Call
from tests.binding.replaying import Replayed
from tests.support.calls import Metadata
from tests.support.processes import IMPATIENT, Processes

Request = binding_service_pb2.BatchOperateAccountsRequest
TABLE = "select token, account_type, account from binding.binding where access_id = $1 order by op"


def request_of(call: Call, request_id: str = "", *, prefix: str = "") -> Request:
    """A call as a message; with a prefix before each name."""
    request = Request(operator_type=call.operator, request_id=request_id)

    def account(item: tuple[str, int]) -> binding_pb2.Account:
        return binding_pb2.Account(account=prefix + item[0], account_type=item[1])

    match call.operator:
        case 4:
            request.token_list.extend(prefix + token for token in call.listed)
        case 5:
            request.account_list.extend(map(account, call.listed))
        case _:
            for token, accounts in call.listed:
                request.token_accounts.add(token=prefix + token, account_list=map(account, accounts))
    return request


def new_id() -> str:
    """An id by which a call may be made again."""
    return str(uuid7(Clock().now()))


@dataclass(frozen=True)
class Fleet:
    """The processes, a channel to each, and their database, to look at."""

    processes: Processes
    channels: tuple[grpc.aio.Channel, ...]
    connection: asyncpg.Connection


@asynccontextmanager
async def fleet_of(processes: Processes) -> AsyncIterator[Fleet]:
    """Processes within reach."""
    channels = [grpc.aio.insecure_channel(str(address), options=IMPATIENT) for address in processes.addresses]
    connection = await asyncpg.connect(processes.dsn)
    try:
        yield Fleet(processes, tuple(channels), connection)
    finally:
        await connection.close()
        for channel in channels:
            await channel.close()


@dataclass(frozen=True)
class FleetApp:
    """A push app that calls the processes of a fleet."""

    fleet: Fleet
    access_id: int
    metadata: Metadata

    async def call(self, request: Request, process: int = 0) -> binding_service_pb2.BatchOperateAccountsResponse:
        """BatchOperateAccounts of one of the processes."""
        stub = binding_service_pb2_grpc.BindingServiceStub(self.fleet.channels[process])
        return await stub.BatchOperateAccounts(request, metadata=self.metadata)

    async def tokens_of(self, account: str, process: int = 0) -> list[str]:
        """The tokens of an account of type 0; beside one that is bound always, whose token is `always`."""
        stub = binding_service_pb2_grpc.BindingServiceStub(self.fleet.channels[process])
        accounts = [binding_pb2.Account(account=name) for name in (account, "always")]
        query = binding_service_pb2.QueryAccountsRequest(operator_type=1, account_list=accounts)
        found = await stub.QueryAccounts(query, metadata=self.metadata)
        return [token for each in found.account_tokens if each.account == account for token in each.token_list]

    def watch(self, cursor: str, process: int) -> grpc.aio.UnaryStreamCall:
        """WatchChanges of one of the processes."""
        stub = device_token_service_pb2_grpc.DeviceTokenServiceStub(self.fleet.channels[process])
        request = device_token_service_pb2.WatchChangesRequest(cursor=cursor)
        return stub.WatchChanges(request, metadata=self.metadata)

    async def cursor(self) -> str:
        """Where the feed is now."""
        stream = self.watch("", 0)
        first = await anext(aiter(stream))
        stream.cancel()
        return first.cursor

    async def bound(self) -> Bound:
        """All that it has bound."""
        rows = await self.fleet.connection.fetch(TABLE, self.access_id)
        return tuple(((row["token"], row["account_type"]), row["account"]) for row in rows)


@dataclass
class Consumer:
    """A consumer of the feed, which is killed again and again, and goes on from its last cursor at any process.

    Args:
        app: whose feed.
        cursor: where it stands.
        replayed: what it has made of it.
        lives: how often it began.
        lost: how often the process that it read from went away.
    """

    app: FleetApp
    cursor: str
    replayed: Replayed = field(default_factory=Replayed)
    lives: int = 0
    lost: int = 0

    async def read(self, ended: Callable[[], bool], seed: int = 7) -> None:
        """Read until all is told that was there when `ended` first held."""
        chosen = random.Random(seed)
        while True:
            last = ended()
            self.lives += 1
            messages = chosen.randint(1, 6)
            stream = self.app.watch(self.cursor, chosen.randrange(len(self.app.fleet.channels)))
            up_to_date = False
            try:
                async for message in stream:
                    self.replayed.take(message.changes)
                    # As a consumer does that keeps its cursor with what it did.
                    self.cursor = message.cursor
                    messages -= 1
                    up_to_date = message.up_to_date
                    if (last and up_to_date) or (not last and messages <= 0):
                        break
            except grpc.aio.AioRpcError as error:
                assert error.code() == grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 tried again
                self.lost += 1
                up_to_date = False
                await asyncio.sleep(0.05)
            finally:
                stream.cancel()
            if last and up_to_date:
                return
