"""Processes and Postgres end without a word: what was acknowledged stands, and what is made again is made once."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import grpc
import pytest

from deploy.local.home import Home
from services.binding.store import PARTITIONED
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.feed import Reader
from services.runtime.partitions import Partitions
from tests.binding.conftest import FleetApps
from tests.binding.fleet import Consumer, Fleet, FleetApp, fleet_of, new_id, request_of
from tests.binding.modelled import Call
from tests.support import databases as servers
from tests.support.processes import processes
from tests.support.token import Running

LOCK = "select pg_advisory_lock(hashtextextended($1 || '/t/' || $2, 0))"
UNLOCK = "select pg_advisory_unlock_all()"
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
KINDS = "select kind, count(*) count, count(distinct operation_id) operations from binding.change {} group by kind"


TELL = """
insert into binding.change (access_id, operation_id, kind, token, account_type, account)
values (1, $1::text::uuid, 'bound', $2, 0, 'ann') returning xid::text::bigint
"""


@asynccontextmanager
async def held(app: FleetApp, token: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold up whoever changes a token, until the end; gives what waits until somebody is."""
    connection = await asyncpg.connect(app.fleet.processes.dsn)

    async def until_waiting() -> None:
        async with asyncio.timeout(20):
            while not await connection.fetchval(WAITING):
                await asyncio.sleep(0.01)

    try:
        await connection.execute(LOCK, str(app.access_id), token)
        yield until_waiting
    finally:
        await connection.close()


async def told(app: FleetApp) -> dict[str, tuple[int, int]]:
    """Of each kind how many changes the feed has, and of how many operations."""
    rows = await app.fleet.connection.fetch(KINDS.format("where access_id = $1"), app.access_id)
    return {row["kind"]: (row["count"], row["operations"]) for row in rows}


async def until_nobody_works(app: FleetApp) -> None:
    """Wait until what the killed one had begun has ended in the database."""
    async with asyncio.timeout(20):
        while await app.fleet.connection.fetchval(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%binding.apply%'"
            " and pid <> pg_backend_pid() and datname = current_database()"
        ):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("keyed", [True, False], ids=["with an id", "without"])
async def test_killed_between_commit_and_answer(fleet: Fleet, fleet_apps: FleetApps, *, keyed: bool) -> None:
    app = await fleet_apps(fleet)
    request = request_of(Call(2, [("phone", [("ann", 0), ("bob", 1)])]), new_id() if keyed else "")
    async with held(app, "phone") as until_waiting:
        calling = asyncio.create_task(app.call(request, 0))
        await until_waiting()
        killing = asyncio.create_task(fleet.processes.kill(0))
        with pytest.raises(grpc.aio.AioRpcError):
            await calling
    # The database was asked, and does it, though nobody is left who would answer.
    await until_nobody_works(app)
    assert await told(app) == {"bound": (2, 1)}
    before = await app.bound()
    assert before == ((("phone", 0), "ann"), (("phone", 1), "bob"))
    answers = [await app.call(request, number) for number in (1, 2, 1)]
    assert {(answer.ret_code, *answer.result) for answer in answers} == {(0, "0")}
    assert await app.bound() == before
    assert await told(app) == {"bound": (2, 1)}
    await killing


@pytest.mark.parametrize("keyed", [True, False], ids=["with an id", "without"])
async def test_killed_between_the_parts_of_a_big_call(fleet: Fleet, fleet_apps: FleetApps, *, keyed: bool) -> None:
    app = await fleet_apps(fleet)
    phones = [f"phone{n}" for n in range(1000)]
    await asyncio.gather(
        *(
            app.call(request_of(Call(2, [(phone, [(phone, 0)]) for phone in phones[start : start + 20]])), 1)
            for start in range(0, 1000, 20)
        )
    )
    request = request_of(Call(4, phones), new_id() if keyed else "")
    async with held(app, "phone550") as until_waiting:
        calling = asyncio.create_task(app.call(request, 0))
        await until_waiting()
        assert 0 < len(await app.bound()) < 1000
        killing = asyncio.create_task(fleet.processes.kill(0))
        with pytest.raises(grpc.aio.AioRpcError):
            await calling
        # It is made again where nobody knows of the first, while that still waits.
        again = [asyncio.create_task(app.call(request, number)) for number in (1, 2)]
        await asyncio.sleep(0.05)
    for answer in await asyncio.gather(*again):
        assert (answer.ret_code, list(answer.result)) == (0, ["0"] * 1000)
    assert await app.bound() == ()
    found = await told(app)
    assert found["unbound"][0] == 1000
    if keyed:
        assert found["unbound"][1] == 1
    # What comes between is not undone.
    await app.call(request_of(Call(2, [("phone1", [("ann", 0)])])), 1)
    assert (await app.call(request, 2)).ret_code == 0
    assert await app.bound() == (((("phone1", 0), "ann"),) if keyed else ())
    await killing


@dataclass
class Writer:
    """Binds what is shared, and a token of its own that nobody else touches, by one call after the other.

    Each has an id, and is made again until it is answered.
    """

    app: FleetApp
    seed: int
    acknowledged: int = 0
    refused: int = 0
    ended: bool = False

    def name(self, number: int) -> str:
        return f"own-{self.seed}-{number}"

    async def run(self) -> None:
        chance = random.Random(self.seed)
        while not self.ended:
            own = self.name(self.acknowledged)
            shared = [(f"phone{chance.randrange(12)}", [(f"person{chance.randrange(4)}", chance.randrange(2))])]
            request = request_of(Call(chance.choice([1, 2]), [(own, [(own, 0)]), *shared]), new_id())
            while True:
                try:
                    assert (await self.app.call(request, chance.randrange(3))).ret_code == 0
                except grpc.aio.AioRpcError as error:
                    assert error.code() == grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 tried again
                    self.refused += 1
                    await asyncio.sleep(0.05)
                else:
                    self.acknowledged += 1
                    break
            # Others have the processors to come back.
            await asyncio.sleep(0.03)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_feed_over_ends_of_processes_of_backends_and_of_postgres(
    token_service: Running, fleet_apps: FleetApps, tmp_path: Path
) -> None:
    """16 writers, and a reader that is killed and goes on elsewhere from its last cursor."""
    async with (
        servers.running(tmp_path / "postgres") as own_server,
        processes(3, own_server.fresh("binding"), token_service.settings.listen, tmp_path) as three,
        fleet_of(three) as fleet,
    ):
        app = await fleet_apps(fleet, 5)
        reader = Consumer(app, await app.cursor())
        writers = [Writer(app, seed) for seed in range(16)]
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        reading = asyncio.create_task(reader.read(lambda: all(task.done() for task in tasks)))

        async def further() -> None:
            before = [writer.acknowledged for writer in writers]
            async with asyncio.timeout(60):
                while any(writer.acknowledged < then + 3 for writer, then in zip(writers, before, strict=True)):
                    await asyncio.sleep(0.02)

        async with asyncio.timeout(250):
            await further()
            for number in range(2):
                await three.kill(number)
                await further()
            for victim in (await backend(three.dsn), postmaster(tmp_path / "postgres")):
                os.kill(victim, signal.SIGKILL)
                await asyncio.sleep(0.3)
                await further()
            for writer in writers:
                writer.ended = True
            await asyncio.gather(*tasks)
            await reading
        connection = await asyncpg.connect(three.dsn)
        bound = {
            (row["token"], row["account_type"]): row["account"]
            for row in await connection.fetch(
                "select token, account_type, account from binding.binding where access_id = $1", app.access_id
            )
        }
        written = await connection.fetchval("select count(*) from binding.change where access_id = $1", app.access_id)
        await connection.close()
        assert reader.replayed.bound == bound
        assert reader.replayed.told == written
        for writer in writers:
            for number in range(writer.acknowledged):
                assert bound[writer.name(number), 0] == writer.name(number)
        assert sum(writer.refused for writer in writers) > 3
        assert reader.lost > 1
        assert reader.lives > 10


async def test_the_feed_where_a_transaction_id_is_given_away_again(tmp_path: Path) -> None:
    """A server that crashes forgets the ids of transactions that it had rolled back just before."""
    async with servers.running(tmp_path) as own_server:
        dsn = own_server.fresh("binding")
        database = Database(dsn, service="binding", pool_size=2, statement_timeout=timedelta(seconds=5), clock=Clock())
        await database.start()
        await Partitions(dsn, Clock(), PARTITIONED).attach()
        reader = Reader(database, "binding.change", ("token",), lambda row: row["token"], keep=timedelta(days=7))
        cursor = await reader.now()
        again = 0
        for token in ("first", "second", "third"):
            connection = await asyncpg.connect(dsn)
            transaction = connection.transaction()
            await transaction.start()
            rolled_back = await connection.fetchval(TELL, new_id(), "nothing")
            await transaction.rollback()
            page = await reader.page(cursor, 10)
            assert page.events == []
            os.kill(connection.get_server_pid(), signal.SIGKILL)
            connection.terminate()
            committed = await told_by_somebody(dsn, token)
            again += rolled_back == committed
            async with asyncio.timeout(20):
                while database.problem:
                    await asyncio.sleep(0.05)
            page = await reader.page(page.cursor, 10)
            assert page.events == [token]
            cursor = page.cursor
        await database.close()
    # Else it was not tried.
    assert again > 0


async def told_by_somebody(dsn: str, token: str) -> int:
    """Write a change as soon as Postgres is back; answers its transaction."""
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(dsn)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
                continue
            try:
                return await connection.fetchval(TELL, new_id(), token)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)
            finally:
                connection.terminate()


async def backend(dsn: str) -> int:
    """The process of Postgres that serves one of a service's connections."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(
            "select pid from pg_stat_activity where application_name = 'tessera-binding'"
            " order by query_start desc limit 1"
        )
    finally:
        await connection.close()


def postmaster(folder: Path) -> int:
    """Postgres's first process."""
    return int((Home(folder).postgres / "postmaster.pid").read_text(encoding="ascii").split()[0])
