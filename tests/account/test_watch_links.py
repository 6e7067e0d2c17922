"""WatchLinks: replayed it gives the table, whoever writes, and however often its reader dies."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import grpc
from tessera.account.v1 import link_service_pb2 as pb2

from services.account.model import UserId, normalise
from services.account.store import Store
from services.runtime.feed import Cursor
from tests.account.callers import Domain
from tests.account.linking import linked, unlinked
from tests.account.lists import LINKED, READ, UNLINKED, WATCH, Model, list_all, list_page, watch
from tests.account.running import Account
from tests.support.calls import refused

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
WRITERS, STEPS = 16, 60
# Given in several ways, each of which is one identity.
GIVEN = [("custom", f"i{number}") for number in range(12)] + [
    ("mobile", text) for text in ("13900001234", "139 0000 1234", "+86 139-0000-1234")
]


async def write(store: Store, domain: Domain, seed: int) -> None:
    """Link and unlink the same few identities as everybody else, and now and then take all that a user has."""
    chosen = random.Random(seed)
    user_id = f"u{seed % 8}"
    for step in range(STEPS):
        identity = normalise(*chosen.choice(GIVEN))
        if step % 20 == 19:
            await store.forget_users([UserId(domain.id, user_id)], datetime.now(UTC))
            await store.delete_gone_users([UserId(domain.id, user_id)])
        elif chosen.random() < 0.6:
            await linked(store, domain.id, identity, user_id, NOW)
        else:
            await unlinked(store, domain.id, identity, user_id)
        # So that a reader meets many moments, however fast the machine.
        await asyncio.sleep(chosen.random() / 25)


async def table(account: Account, domain: Domain) -> dict[tuple[str, str, str], str]:
    links = await list_all(account, domain.access_key(READ), page_size=5)
    return {(link.authentication_type, link.identity, link.extra): link.user_id for link in links}


async def test_what_16_writers_did_replayed_by_a_reader_who_is_killed_gives_their_table(
    alone: Account, store: Store, domain: Domain
) -> None:
    caller = domain.access_key(WATCH)
    stream = watch(alone, caller)
    cursor = (await anext(aiter(stream))).cursor
    stream.cancel()
    writing = asyncio.gather(*(write(store, domain, seed) for seed in range(WRITERS)))
    model, deaths, told = Model(), 0, Counter[int]()
    chosen = random.Random(7)
    async with asyncio.timeout(100):
        done = False
        while not done:
            stream = watch(alone, caller, cursor)
            lives = chosen.randint(1, 5)
            async for message in stream:
                model.take(message.events)
                told.update(event.kind for event in message.events)
                # As a consumer does that keeps its cursor with what it did.
                cursor = message.cursor
                done = writing.done() and message.up_to_date and model.owners == await table(alone, domain)
                lives -= 1
                if done or lives == 0:
                    break
            stream.cancel()
            deaths += 1
    await writing
    assert deaths > 3
    assert told[LINKED] > 50
    assert told[LINKED] - told[UNLINKED] == len(model.owners)


async def test_a_listing_and_what_follows_it_lose_nothing(alone: Account, store: Store, domain: Domain) -> None:
    """Pages are read, and their cursor followed, while 16 write: what was told twice is applied twice."""
    writing = asyncio.gather(*(write(store, domain, seed) for seed in range(WRITERS)))
    reader, watcher = domain.access_key(READ), domain.access_key(WATCH)
    await asyncio.sleep(0.1)
    first = await list_page(alone, reader, page_size=2)
    owners = {}
    page = first
    while True:
        owners |= {(link.authentication_type, link.identity, link.extra): link.user_id for link in page.links}
        if not page.next_page_token:
            break
        await asyncio.sleep(0.02)
        page = await list_page(alone, reader, page_size=2, page_token=page.next_page_token)
    stream = watch(alone, watcher, first.cursor)
    async with asyncio.timeout(100):
        async for message in stream:
            for event in message.events:
                key = (event.type, event.identity, event.extra)
                if event.kind == LINKED:
                    owners[key] = event.user_id
                else:
                    owners.pop(key, None)
            if writing.done() and message.up_to_date and owners == await table(alone, domain):
                break
    stream.cancel()
    await writing


async def events(stream: object, count: int) -> list[pb2.LinkEvent]:
    """So many events, with none beyond."""
    seen: list[pb2.LinkEvent] = []
    async with asyncio.timeout(10):
        async for message in stream:
            seen += message.events
            if len(seen) >= count:
                break
    assert len(seen) == count, seen
    return seen


async def test_what_an_event_says(alone: Account, store: Store, domain: Domain) -> None:
    stream = watch(alone, domain.access_key(WATCH))
    first = await anext(aiter(stream))
    assert (list(first.events), first.up_to_date, bool(first.cursor)) == ([], True, True)
    given = normalise("mobile", "139 0000 1234")
    await linked(store, domain.id, given, "u1", NOW)
    await linked(store, domain.id, given, "u1", NOW)
    await unlinked(store, domain.id, normalise("mobile", "+8613900001234"), "u1")
    told = await events(stream, 2)
    stream.cancel()
    assert [event.kind for event in told] == [LINKED, UNLINKED]
    for event in told:
        assert (event.domain_id, event.user_id, event.type) == (domain.id, "u1", "mobile")
        assert (event.identity, event.extra, event.actor) == ("139 0000 1234", "86", "test")
        assert abs(event.occurred_at.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() < 60


async def test_a_domain_is_told_of_itself_alone(
    alone: Account, store: Store, domain: Domain, other_domain: Domain
) -> None:
    everywhere = watch(alone, domain.access_key(WATCH, "token.mint"))
    own = watch(alone, domain.access_key(WATCH))
    for stream in (everywhere, own):
        await anext(aiter(stream))
    await linked(store, other_domain.id, normalise("custom", "x"), "theirs", NOW)
    await linked(store, domain.id, normalise("custom", "x"), "ours", NOW)
    assert [event.user_id for event in await events(own, 1)] == ["ours"]
    seen: list[str] = []
    async with asyncio.timeout(10):
        async for message in everywhere:
            seen += [event.user_id for event in message.events if event.domain_id in (domain.id, other_domain.id)]
            if len(seen) == 2:
                break
    assert seen == ["theirs", "ours"]
    for stream in (everywhere, own):
        stream.cancel()


async def test_cursors_that_are_none(alone: Account, domain: Domain) -> None:
    caller = domain.access_key(WATCH)
    refusal = await refused(anext(aiter(watch(alone, caller, "!"))), "FIELD_INVALID", "cursor")
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    cursor = Cursor.read((await list_page(alone, domain.access_key(READ))).cursor)
    too_old = cursor.base.at - 29 * 86_400 - 1
    for expired in (replace(cursor, epoch="another"), replace(cursor, base=replace(cursor.base, at=too_old))):
        refusal = await refused(anext(aiter(watch(alone, caller, expired.write()))), "CURSOR_EXPIRED")
        assert refusal.code == grpc.StatusCode.OUT_OF_RANGE


async def test_who_may(alone: Account, domain: Domain) -> None:
    for caller in (domain.access_key("account.link", READ), domain.user("u1", "superadmin")):
        await refused(anext(aiter(watch(alone, caller))), "PERMISSION_DENIED")
    await refused(anext(aiter(watch(alone, []))), "UNAUTHENTICATED")
