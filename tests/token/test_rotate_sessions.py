"""The function that uses refresh tokens, several at a time: each as if it had come alone, and by index alone."""

import asyncio
import dataclasses
import itertools
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.batching import Later
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.token.model import Rotation, Session
from services.token.store import PARTITIONED, Store

SECRET_HASH = b"\x01" * 32
FILLED = 3_000

INSERT = """
insert into token.session (
    domain_id, session_id, client_id, user_id, secret_hash, created_at, rotated_at, expires_at, absolute_at, scopes,
    device_id, device_name, user_name, nick_name, avatar, default_drive_id, user_role, user_status, generation
)
select
    $5, session_id, 'app', 'user', $2, $3::timestamptz, $3, $3::timestamptz + interval '1 day',
    $3::timestamptz + interval '180 days', '{A,B}', '', '', 'Ada', 'Ada', '', '', 'user', 'enabled', $4
from unnest($1::uuid[]) as session_id
"""
COUNTED = """
select coalesce(sum(seq_scan), 0) as scans, coalesce(sum(idx_tup_fetch), 0) as fetched
from pg_stat_xact_user_tables where schemaname = 'token' and relname like 'session%'
"""


class Sessions:
    """A store on a database of its own, and sessions in it."""

    def __init__(self, store: Store, connection: asyncpg.Connection) -> None:
        self.store = store
        self.connection = connection
        self.now = datetime.now(UTC)

    async def made(self, count: int = 1, generation: int = 1, domain_id: str = "bj1") -> list[Rotation]:
        """The use of each one's newest token."""
        ids = [uuid7(self.now) for _ in range(count)]
        await self.connection.execute(INSERT, ids, SECRET_HASH, self.now, generation, domain_id)
        return [
            Rotation(
                domain_id=domain_id,
                session_id=session_id,
                client_id="app",
                secret_hash=SECRET_HASH,
                generation=generation,
                scopes=(),
                now=self.now,
                grace_from=self.now - timedelta(seconds=30),
                grace_repeats=10,
                idle_until=self.now + timedelta(days=30),
                event_id=uuid7(self.now),
            )
            for session_id in ids
        ]

    async def verdicts(self, *rotations: Rotation) -> list[str]:
        answers = await self.answers(*rotations)
        for rotation, (_, session) in zip(rotations, answers, strict=True):
            assert session is None or session.session_id == rotation.session_id
        return [verdict for verdict, _ in answers]

    async def answers(self, *rotations: Rotation) -> list[tuple[str, Session | None]]:
        """What each comes to, those that are to go alone by themselves."""
        answers = []
        for rotation, first in zip(rotations, await self.store.rotate_sessions(rotations, wait=False), strict=True):
            (answer,) = (
                await self.store.rotate_sessions([rotation], wait=True) if isinstance(first, Later) else (first,)
            )
            assert not isinstance(answer, Later)
            answers.append(answer)
        return answers


@pytest_asyncio.fixture
async def sessions(database_url: Callable[[str], str]) -> AsyncIterator[Sessions]:
    dsn, clock = database_url("token"), Clock()
    await Partitions(dsn, clock, PARTITIONED).attach()
    database = Database(dsn, service="token", pool_size=20, statement_timeout=timedelta(seconds=20), clock=clock)
    await database.start()
    connection = await asyncpg.connect(dsn)
    yield Sessions(Store(database), connection)
    await connection.close()
    await database.close()


def _again(rotation: Rotation, **changed: object) -> Rotation:
    return dataclasses.replace(rotation, event_id=uuid7(rotation.now), **changed)  # type: ignore[arg-type]


async def test_each_gets_its_own_verdict_in_the_order_given(sessions: Sessions) -> None:
    good, other = await sessions.made(2)
    (old,) = await sessions.made(generation=5)
    (stranger,) = await sessions.made()
    batch = {
        "rotated": good,
        "client": dataclasses.replace(stranger, client_id="another"),
        "secret": _again(stranger, secret_hash=b"\x02" * 32),
        "generation": _again(stranger, generation=4_000_000_000),
        "scope": _again(stranger, scopes=("A", "C")),
        "replay": dataclasses.replace(old, generation=3),
        "unknown": _again(stranger, session_id=uuid7(sessions.now)),
        "expired": _again(stranger, now=sessions.now + timedelta(days=2)),
    }
    items = [*batch.items(), ("rotated", _again(other, scopes=("B",)))]
    random.Random(4).shuffle(items)
    assert await sessions.verdicts(*(rotation for _, rotation in items)) == [verdict for verdict, _ in items]
    rows = await sessions.connection.fetch("select event_id, event, detail from token.audit")
    assert {(row["event_id"], row["detail"]) for row in rows} == {(each.event_id, name) for name, each in items}
    assert {row["event"] for row in rows if row["detail"] == "rotated"} == {"refresh_token.issued"}
    # Only what ended is told to those who hold access tokens of it.
    told = await sessions.connection.fetch("select kind, subject from token.revocation")
    assert [tuple(row) for row in told] == [("session", str(old.session_id))]
    # And whom nothing was wrong with goes on.
    assert await sessions.verdicts(_again(good, generation=2), _again(stranger)) == ["rotated", "rotated"]


async def test_a_batch_spans_domains_and_none_reaches_into_another(sessions: Sessions) -> None:
    (first,), (second,) = await sessions.made(), await sessions.made(domain_id="bj2")
    stranger = _again(first, domain_id="bj2")
    assert await sessions.verdicts(second, stranger, first) == ["rotated", "unknown", "rotated"]
    rows = await sessions.connection.fetch("select domain_id, event_id, detail from token.audit")
    assert {tuple(row) for row in rows} == {
        ("bj1", first.event_id, "rotated"),
        ("bj2", second.event_id, "rotated"),
        ("bj2", stranger.event_id, "unknown"),
    }


async def test_several_uses_in_one_batch_follow_each_other(sessions: Sessions) -> None:
    (one,) = await sessions.made()
    (two,) = await sessions.made()
    batch = [_again(one) for _ in range(14)]
    batch[7] = _again(two)
    verdicts = await sessions.verdicts(*batch)
    assert verdicts == ["rotated"] + ["repeated"] * 6 + ["rotated"] + ["repeated"] * 4 + ["grace_exhausted"] * 2
    answers = await sessions.answers(_again(one, generation=2), _again(one, generation=2))
    assert [(verdict, session and session.generation) for verdict, session in answers] == [
        ("rotated", 3),
        ("repeated", 3),
    ]


async def test_batches_in_any_order_never_wait_for_each_other(sessions: Sessions) -> None:
    """A deadlock would be `Unavailable`."""
    made = await sessions.made(12)
    shuffled = random.Random(4)

    async def batch() -> list[str]:
        return await sessions.verdicts(*(_again(each) for each in shuffled.sample(made, len(made))))

    verdicts = list(itertools.chain(*await asyncio.gather(*(batch() for _ in range(40)))))
    assert verdicts.count("rotated") == 12
    assert verdicts.count("repeated") == 12 * 10
    assert verdicts.count("grace_exhausted") == 12 * 29


async def test_what_somebody_has_locked_is_left_alone_unless_it_comes_alone(sessions: Sessions) -> None:
    one, other = await sessions.made(2)
    absent = _again(one, session_id=uuid7(sessions.now))
    async with sessions.connection.transaction():
        await sessions.connection.execute(
            "select from token.session where session_id = $1 for no key update", one.session_id
        )
        answers = await sessions.store.rotate_sessions([one, other, absent], wait=False)
        assert [answer if isinstance(answer, Later) else answer[0] for answer in answers] == [
            Later.ALONE,
            "rotated",
            "unknown",
        ]
        assert await sessions.store.rotate_sessions([one], wait=False) == [Later.ALONE]
        waiting = asyncio.create_task(sessions.verdicts(one))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == ["rotated"]
    # What was left alone made no row.
    assert await sessions.connection.fetchval("select count(*) from token.audit") == 3


@pytest.mark.parametrize("planned_on", ["empty", "empty, analysed", "one row, analysed"])
@pytest.mark.parametrize("count", [1, 20])
async def test_reads_what_it_needs(sessions: Sessions, planned_on: str, count: int) -> None:
    """Whatever the table looked like when its plan was made: see `tests/binding/test_rows_read.py`."""
    connection = sessions.connection
    if planned_on == "one row, analysed":
        await sessions.made()
    if "analysed" in planned_on:
        await connection.execute("vacuum analyze token.session")
    # On the connection whose statistics are read; after five times a plan is kept.
    store = Store(_Only(connection))  # type: ignore[arg-type]
    for _ in range(10):
        await store.rotate_sessions(await sessions.made(count), wait=False)
    rotations = (await sessions.made(FILLED))[:count]

    transaction = connection.transaction()
    await transaction.start()
    before = await connection.fetchrow(COUNTED)
    answers = cast("list[tuple[str, Session]]", await store.rotate_sessions(rotations, wait=False))
    after = await connection.fetchrow(COUNTED)
    await transaction.rollback()

    assert {verdict for verdict, _ in answers} == {"rotated"}
    assert after["scans"] == before["scans"]
    assert count <= after["fetched"] - before["fetched"] <= 3 * count


class _Only:
    """One connection in the place of a pool."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.fetch = connection.fetch
        self.transaction = connection.transaction
