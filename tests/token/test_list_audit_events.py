"""ListAuditEvents: filters, order, pages, whose events, what is past its retention; and that no call scans."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tessera.token.v1 import audit_service_pb2 as pb2
from tessera.token.v1 import audit_service_pb2_grpc as pb2_grpc

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries
from services.token.store import PARTITIONED, audit
from tests.support.calls import Metadata, refused
from tests.support.databases import Databases
from tests.support.token import DOMAIN, Running
from tests.support.token_client import content

FILLED = 50_000
SQL = load_queries(Path(audit.__file__).with_suffix(".sql"))
COUNTED = """
select sum(seq_tup_read)::bigint scanned, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as rows
from pg_stat_xact_user_tables where schemaname = 'token' and relname like 'audit%'
"""


class Reader:
    """Reads the log of a service as somebody who may."""

    def __init__(self, service: Running, caller: Metadata) -> None:
        self._list = pb2_grpc.AuditServiceStub(service.channel).ListAuditEvents
        self._caller = caller

    async def page(self, **asked: Any) -> pb2.ListAuditEventsResponse:
        return await self._list(pb2.ListAuditEventsRequest(**asked), metadata=self._caller)

    async def all(self, **asked: Any) -> list[pb2.AuditEvent]:
        """Every page; `page_size` is part of what is asked."""
        events: list[pb2.AuditEvent] = []
        page = await self.page(**asked)
        events.extend(page.events)
        while page.next_page_token:
            page = await self.page(page_token=page.next_page_token, **asked)
            events.extend(page.events)
        return events


@pytest_asyncio.fixture
async def reader(service: Running) -> Reader:
    return Reader(service, await service.caller("token.audit"))


async def test_what_an_event_says(service: Running, reader: Reader) -> None:
    app, user_id = await service.web_app(), await service.user()
    answer = await service.redeem(app, await service.code(app, user_id))
    newest, middle, oldest = await reader.all(user_id=user_id)
    assert (oldest.event, oldest.user_id, oldest.client_id) == ("user.created", user_id, "")
    assert oldest.actor == service.made["operator"]["client_id"]
    assert (middle.event, middle.client_id) == ("authorization_code.created", app.client_id)
    assert (middle.proof_method, middle.proof_identity) == ("mobile", "13900001234")
    assert (newest.event, newest.session_id) == ("authorization_code.issued", content(answer.access_token)["sid"])
    assert abs(newest.event_time.ToDatetime(UTC) - service.clock.now()) < timedelta(minutes=1)
    assert uuid.UUID(newest.event_id).version == 7


async def test_each_filter_and_all_together(service: Running, reader: Reader) -> None:
    app, other = await service.jwt_app(), await service.jwt_app()
    user_id = await service.user()
    first = await service.by_assertion(app, user_id)
    await service.refresh(app, first.refresh_token)
    await service.by_assertion(other, user_id)
    names = [event.event for event in await reader.all(client_id=app.client_id, oldest_first=True)]
    assert names == ["app.created", "app.allowed", "jwt_bearer.issued", "refresh_token.issued"]
    session_id = content(first.access_token)["sid"]
    of_session = await reader.all(session_id=session_id)
    assert [event.event for event in of_session] == ["refresh_token.issued", "jwt_bearer.issued"]
    of_user = await reader.all(user_id=user_id, oldest_first=True)
    assert [event.event for event in of_user] == [
        "user.created",
        "jwt_bearer.issued",
        "refresh_token.issued",
        "jwt_bearer.issued",
    ]
    together = {"user_id": user_id, "client_id": app.client_id, "session_id": session_id}
    (only,) = await reader.all(event="refresh_token.issued", **together)
    assert only.detail == "rotated"
    assert not await reader.all(event="user.deleted", **together)
    assert {event.event for event in await reader.all(event="app.allowed")} == {"app.allowed"}
    # Half open: what a next call begins with, this one did not have.
    moment = of_session[1].event_time
    assert not await reader.all(session_id=session_id, end_time=moment)
    assert len(await reader.all(session_id=session_id, start_time=moment)) == 2


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("of_user", [False, True])
async def test_pages_hold_each_event_once(
    service: Running, reader: Reader, *, oldest_first: bool, of_user: bool
) -> None:
    app, user_id = await service.jwt_app(), await service.user()
    for _ in range(7):
        await service.by_assertion(app, user_id)
    asked: dict[str, Any] = {"user_id": user_id} if of_user else {"client_id": app.client_id}
    whole = await reader.all(oldest_first=oldest_first, **asked)
    ids = [event.event_id for event in whole]
    assert ids == sorted(ids, reverse=not oldest_first)
    assert len(set(ids)) == len(ids) >= 8
    for size in (1, 3, len(ids), 1000):
        assert await reader.all(oldest_first=oldest_first, page_size=size, **asked) == whole


async def test_page_tokens_and_fields_that_are_none(reader: Reader) -> None:
    token = (await reader.page(page_size=1)).next_page_token
    for asked in ({"event": "app.created"}, {"oldest_first": True}, {"client_id": "a"}, {"page_token": "x"}):
        await refused(reader.page(**{"page_token": token, "page_size": 1} | asked), "FIELD_INVALID", "page_token")
    for field, value in (
        ("event", "app"),
        ("event", "' or 1=1 --"),
        ("client_id", "a b"),
        ("user_id", "a\0"),
        ("session_id", "x"),
        # In the year 10889.
        ("session_id", "ffffffff-ffff-7fff-bfff-ffffffffffff"),
        ("page_size", -1),
    ):
        await refused(reader.page(**{field: value}), "FIELD_INVALID", field)
    await refused(reader.page(start_time={"seconds": -1}), "FIELD_INVALID", "start_time")
    await refused(reader.page(end_time={"seconds": 10**15}), "FIELD_INVALID", "end_time")
    assert not (await reader.page(start_time={"seconds": 4 * 10**9})).events


async def test_who_may_not(service: Running) -> None:
    await refused(Reader(service, await service.caller("account.link")).page(), "PERMISSION_DENIED")
    await refused(Reader(service, []).page(), "UNAUTHENTICATED")


async def test_another_domains_events_are_not_seen(service: Running, reader: Reader) -> None:
    event_id = uuid7(service.clock.now())
    async with service.database() as database:
        await database.execute(
            "insert into token.audit (domain_id, event_id, event, client_id, user_id) values ($1, $2, $3, $4, $4)",
            "other",
            event_id,
            "app.created",
            "theirs",
        )
    for asked in ({}, {"client_id": "theirs"}, {"user_id": "theirs"}):
        assert str(event_id) not in {event.event_id for event in (await reader.page(page_size=1000, **asked)).events}


async def test_what_is_past_its_retention_is_not_shown(own: Running) -> None:
    reader = Reader(own, await own.caller("token.audit"))
    user_id = await own.user()
    await own.set_domain("audit_retention", timedelta(days=30))
    await own.shift(timedelta(days=29))
    asked: tuple[dict[str, Any], ...] = (
        {"user_id": user_id},
        {"event": "user.created"},
        {"event": "user.created", "oldest_first": True},
        {"user_id": user_id, "start_time": {"seconds": 0}},
    )
    reader = Reader(own, await own.caller("token.audit"))
    for each in asked:
        assert user_id in {event.user_id for event in await reader.all(**each)}
    await own.shift(timedelta(days=1, minutes=5))
    reader = Reader(own, await own.caller("token.audit"))
    for each in asked:
        assert not await reader.all(**each)
    async with own.database() as database:
        assert await database.fetchval("select count(*) from token.audit where user_id = $1", user_id) == 1


@pytest_asyncio.fixture(scope="module")
async def filled(databases: Databases) -> AsyncIterator[Database]:
    """A database with the events of one domain over some months, few of them of any one user, app or session."""
    clock = Clock()
    dsn = databases.fresh("token")
    database = Database(dsn, service="test", pool_size=1, statement_timeout=timedelta(seconds=60), clock=clock)
    await database.start()
    for days in (120, 90, 60, 30, 0):
        past = Clock()
        past.shift(-timedelta(days=days))
        await Partitions(dsn, past, PARTITIONED).attach()
    start = clock.now() - timedelta(days=100)
    rows = [
        (DOMAIN, uuid7(start + n * timedelta(seconds=150)), "refresh_token.issued", f"a{n % 50}", f"u{n % 9973}")
        for n in range(FILLED)
    ]
    async with database.connection() as connection:
        await connection.copy_records_to_table(
            "audit",
            schema_name="token",
            columns=["domain_id", "event_id", "event", "client_id", "user_id"],
            records=rows,
        )
    await database.execute("analyze token.audit")
    yield database
    await database.close()


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        ("select_audit_newest", ("refresh_token.refused", None, None, 10_000, 50)),
        ("select_audit_newest", (None, "a7", None, 10_000, 50)),
        ("select_audit_newest", (None, None, uuid.UUID(int=1), 10_000, 50)),
        ("select_audit_newest", (None, None, None, 50, 50)),
        ("select_audit_oldest", ("refresh_token.refused", "a7", None, 10_000, 50)),
        ("select_audit_of_user", (["u5", "hash"], None, None, None, True, 50)),
        ("select_audit_of_user", (["u5", "hash"], None, None, None, False, 50)),
        ("sweep", ()),
        ("erase", ()),
    ],
    ids=str,
)
async def test_no_filter_makes_a_scan(filled: Database, mode: str, statement: str, arguments: tuple[Any, ...]) -> None:
    """Whatever the plan: rows read by scans of the log, whose partitions to come are empty; and rows read at all."""
    low, high = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
    async with filled.transaction() as connection:
        await connection.execute(f"set local plan_cache_mode = {mode}")
        before = await connection.fetchrow(COUNTED)
        if statement == "sweep":
            await connection.fetchval("select token.sweep_audit($1, $2, $3, 100)", DOMAIN, low, high)
        elif statement == "erase":
            await connection.fetchval("select token.erase_user_from_audit($1, 'u6', 'hash')", DOMAIN)
        else:
            await connection.fetch(SQL[statement], DOMAIN, low, high, *arguments)
        after = await connection.fetchrow(COUNTED)
    assert before
    assert after
    assert after["scanned"] == before["scanned"]
    assert after["rows"] - before["rows"] <= 10_500
