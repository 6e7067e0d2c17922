import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.runtime.clock import Clock
from services.token.store import Store
from tests.support.signing_keys import (
    AHEAD,
    accepted,
    events,
    jwks,
    key_ids,
    key_of,
    listed,
    rotate,
    rotation,
    states,
    until,
    verified,
)
from tests.support.token import Running, run_bootstrap, serving, settings_of

DAY = timedelta(days=1)
PERIOD = 90 * DAY
USES = ("access", "edge", "refresh")
# Of what a published key has to wait beyond the hour, and a retiring one beyond its tokens.
A_WHILE = timedelta(minutes=10)


async def test_a_key_is_published_then_signs_then_verifies_then_is_gone(own: Running) -> None:
    app = await own.jwt_app()
    user_id = await own.user()
    first = await own.by_assertion(app, user_id)
    old = key_of(first.access_token)
    async with rotation(own) as rotating:
        await own.shift(PERIOD - AHEAD - A_WHILE)
        assert await rotating.step() == 0
        await own.shift(A_WHILE)
        assert await rotating.step() == 3
        assert await rotating.step() == 0
        coming = (await listed(own, "access"))["next"]
        assert {(use, "next") for use in USES} < set(await states(own))
        # It stands in the JWKS and does not sign.
        await until(lambda: _is(own, {old, coming.key_id}))
        before = await own.by_assertion(app, user_id)
        assert key_of(before.access_token) == old
        own.clock.shift(AHEAD - timedelta(minutes=1))
        assert await rotating.step() == 0
        own.clock.shift(timedelta(minutes=2))
        assert await rotating.step() == 3
        assert (await listed(own, "access"))["active"].key_id == coming.key_id
        await until(lambda: _signs(own, coming.key_id))
        # What the old one signed is good until it expires, and so is every refresh token.
        keys = await jwks(own)
        verified(before.access_token, keys)
        assert await accepted(own, before)
        after = await own.refresh(app, before.refresh_token)
        assert key_of(after.access_token) == coming.key_id
        verified(after.access_token, keys)
        # The edge's tokens live a minute, access tokens a day at the most.
        await own.shift(A_WHILE)
        assert await rotating.step() == 1
        await own.shift(DAY - A_WHILE)
        assert await rotating.step() == 0
        await own.shift(A_WHILE)
        assert await rotating.step() == 1
        assert await states(own) == [
            *(("access", "active"), ("access", "retired")),
            *(("edge", "active"), ("edge", "retired")),
            *(("refresh", "active"), ("refresh", "retiring")),
        ]
        await until(lambda: _is(own, {coming.key_id}))
    async with own.database() as database:
        row = await database.fetchrow("select * from token.signing_key where key_id = $1", old)
    assert row is not None
    assert (row["private_key"], row["revoked_at"]) == (b"", None)
    assert sorted(detail.split()[0] for detail in await events(own, "retired")) == ["access", "edge"]


async def test_a_mac_key_verifies_as_long_as_a_session_may_last(own: Running) -> None:
    async with rotation(own) as rotating:
        old = (await listed(own, "refresh"))["active"].key_id
        await own.shift(PERIOD)
        await rotating.step()
        await own.shift(AHEAD + A_WHILE)
        await rotating.step()
        for _ in range(6):
            assert (await listed(own, "refresh")).get("retiring", None) is not None
            await own.shift(30 * DAY)
            await rotating.step()
        await own.shift(A_WHILE)
        await rotating.step()
    assert f"refresh {old}" in await events(own, "retired")


async def test_replicas_at_once_make_one_successor_without_any_lease(own: Running) -> None:
    async with rotation(own) as one, rotation(own) as two, rotation(own) as three:
        for number in range(1, 4):
            await own.shift(PERIOD - A_WHILE)
            await asyncio.gather(one.step(), two.step(), three.step())
            assert len(await events(own, "published")) == 3 * number
            assert sum(state == "next" for _, state in await states(own)) == 3
            await own.shift(AHEAD + A_WHILE)
            await asyncio.gather(one.step(), two.step(), three.step())
            assert len(await events(own, "activated")) == 3 * number
            assert [use for use, state in await states(own) if state == "active"] == list(USES)


@pytest.mark.parametrize("what", ["published", "activated", "retired"])
async def test_what_was_interrupted_is_finished_by_the_next(own: Running, what: str) -> None:
    """The process loses its database just before a step's transaction would have ended."""
    async with rotation(own) as rotating, own.database() as database:
        await database.execute(
            "create function token.break() returns trigger language plpgsql as "
            "$$ begin raise 'no' using errcode = 'admin_shutdown'; end $$"
        )
        moments = {"published": PERIOD, "activated": AHEAD + A_WHILE, "retired": DAY + A_WHILE}
        for moment, later in moments.items():
            before = await states(own)
            await own.shift(later)
            if moment == what:
                await database.execute(
                    "create constraint trigger break after insert on token.audit initially deferred "
                    f"for each row when (new.event = 'signing_key.{what}') execute function token.break()"
                )
                assert await rotating.step() == 0
                assert await states(own) == before
                # Nobody notices: what signed before signs.
                await own.operator()
                await database.execute("drop trigger break on token.audit")
            assert await rotating.step() == (2 if moment == "retired" else 3)
        assert len(await events(own, what)) == (2 if what == "retired" else 3)


async def test_new_keys_are_of_the_domains_algorithm_from_the_next_rotation_on(own: Running) -> None:
    app = await own.jwt_app()
    user_id = await own.user()
    async with rotation(own) as rotating, own.database() as database:
        await database.execute("update token.domain set algorithm = 'EdDSA', rotation_period = '1 hour'")
        assert (await listed(own, "access"))["active"].algorithm == "RS256"
        await rotating.step()
        own.clock.shift(AHEAD + A_WHILE)
        await rotating.step()
        keys = await listed(own, "access")
        assert (keys["active"].algorithm, keys["retiring"].algorithm) == ("EdDSA", "RS256")
        await until(lambda: _signs(own, keys["active"].key_id))
        token = await own.by_assertion(app, user_id)
        assert verified(token.access_token, await jwks(own)).header["alg"] == "EdDSA"


async def test_one_holds_a_lease_at_a_time(own: Running) -> None:
    now = Clock().now()
    holders = [uuid4() for _ in range(8)]
    minute = timedelta(minutes=1)
    async with own.database() as database:
        store = Store(database)
        took = [await store.take_lease("work", holder, now, now + minute) for holder in holders]
        assert took == [True] + 7 * [False]
        # Its holder prolongs it; another one has it when it is over, or was given back.
        assert await store.take_lease("work", holders[0], now + minute / 2, now + 2 * minute)
        assert not await store.take_lease("work", holders[1], now + minute, now + 2 * minute)
        assert await store.take_lease("work", holders[1], now + 2 * minute, now + 3 * minute)
        await store.release_lease("work", holders[0])
        assert not await store.take_lease("work", holders[2], now + 2 * minute, now + 3 * minute)
        await store.release_lease("work", holders[1])
        assert await store.take_lease("work", holders[2], now, now + minute)


async def test_a_service_goes_on_where_another_one_died_and_lets_others_go_on(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = replace(settings_of(database_url("token"), tmp_path), key_publish_ahead=timedelta(seconds=1))
    leases = "select holder, expires_at from token.lease where name = 'rotation'"
    async with serving(settings, await run_bootstrap(settings, tmp_path)) as service, service.database() as database:
        await until(lambda: database.fetchrow(leases))
        dead = uuid4()
        ends_at = service.clock.now() + timedelta(seconds=8)
        await database.execute("update token.lease set holder = $1, expires_at = $2", dead, ends_at)
        coming = await rotate(service, "access")
        await until(lambda: _signs(service, coming.key_id), seconds=60)
        assert service.clock.now() >= ends_at
        (held,) = await database.fetch(leases)
        assert held["holder"] != dead
    async with service.database() as database:
        assert await database.fetch(leases) == []


async def test_of_many_who_want_a_lease_at_once_one_gets_it(own: Running) -> None:
    now = Clock().now()
    async with own.database() as one, own.database() as two, own.database() as three, own.database() as four:
        stores = [Store(database) for database in (one, two, three, four)]
        for number in range(20):
            calls = (store.take_lease(f"{number}", uuid4(), now, now + DAY) for store in stores)
            assert sum(await asyncio.gather(*calls)) == 1


async def _is(service: Running, expected: set[str]) -> bool:
    return await key_ids(service) == expected


async def _signs(service: Running, key_id: str) -> bool:
    metadata = await service.operator()
    return key_of(str(metadata[0][1]).removeprefix("Bearer ")) == key_id
