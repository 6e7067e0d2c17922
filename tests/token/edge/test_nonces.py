"""Of all requests with one nonce one is accepted: by whichever process, on whichever day."""

import asyncio
import dataclasses
import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest_asyncio

from services.runtime.env import Address
from services.runtime.partitions import Partitions
from services.token.config import TokenSettings
from services.token.model import Nonce
from services.token.store import PARTITIONED, Store
from tests.support import signatures
from tests.support.calls import refused
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Founded, Running, serving
from tests.token.edge.checking import LINK, Key, Sent, check, make_key, outcome

PASSED = "passed"
USED = "403 NONCE_REPEATED"


@pytest_asyncio.fixture
async def pair(founded: Founded, own_settings: TokenSettings, tmp_path: Path) -> AsyncIterator[tuple[Running, Running]]:
    """Two replicas on one database."""
    async with serving(own_settings, founded.made) as first:
        settings = dataclasses.replace(
            first.settings, listen=(Address("127.0.0.1", free_ports(1)[0]),), state_dir=tmp_path / "second"
        )
        async with serving(settings, first.made) as second:
            yield first, second


def sent(key: Key, at: datetime, nonce: str | None) -> Sent:
    headers = signatures.acs(
        key.id, key.secret, LINK, x_acs_signature_nonce=nonce, date=format_datetime(at, usegmt=True)
    )
    return Sent("pds", LINK, headers)


async def at_midnight(*services: Running) -> datetime:
    """Move the clocks to the next midnight, and answer it."""
    now = services[0].clock.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    for service in services:
        service.clock.shift(midnight - now)
    await Partitions(services[0].settings.dsn, services[0].clock, PARTITIONED).attach()
    return midnight


async def test_a_hundred_at_once_at_two_replicas(pair: tuple[Running, Running]) -> None:
    key = await make_key(pair[0])
    request = sent(key, datetime.now(UTC), "n")
    outcomes = await asyncio.gather(*(outcome(pair[number % 2], request) for number in range(100)))
    assert Counter(outcomes) == {PASSED: 1, USED: 99}


async def test_on_both_sides_of_midnight(pair: tuple[Running, Running]) -> None:
    midnight = await at_midnight(*pair)
    key = await make_key(pair[0])
    # Signed before and after it, some where there is one day to look at, and some where there are two.
    requests = [sent(key, midnight + timedelta(seconds=seconds), "n") for seconds in (-890, -1, 0, 1, 890)]
    outcomes = await asyncio.gather(*(outcome(pair[number % 2], requests[number % 5]) for number in range(100)))
    assert Counter(outcomes) == {PASSED: 1, USED: 99}
    for seconds in (-890, -1, 0, 1, 890):
        assert await outcome(pair[0], sent(key, midnight + timedelta(seconds=seconds), "n")) == USED


async def test_without_a_nonce_on_both_sides_of_midnight(pair: tuple[Running, Running]) -> None:
    midnight = await at_midnight(*pair)
    key = await make_key(pair[0])
    for seconds in (-890, -1, 0, 890):
        request = sent(key, midnight + timedelta(seconds=seconds), None)
        outcomes = await asyncio.gather(*(outcome(pair[number % 2], request) for number in range(10)))
        assert Counter(outcomes) == {PASSED: 1, USED: 9}


async def test_it_is_kept_longer_than_the_whole_window(own: Running) -> None:
    """Signed a window ahead of midnight, sent again until it is too old, with what was outlived being dropped."""
    midnight = await at_midnight(own)
    own.clock.shift(timedelta(minutes=-20))
    key = await make_key(own)
    request = sent(key, midnight - timedelta(minutes=6), "n")
    assert await outcome(own, request) == PASSED
    partitions = Partitions(own.settings.dsn, own.clock, PARTITIONED)
    for minutes in (10, 10, 8):
        own.clock.shift(timedelta(minutes=minutes))
        await partitions.attach()
        await partitions.drop()
        assert await outcome(own, request) == USED
    own.clock.shift(timedelta(minutes=2))
    assert await outcome(own, request) == "403 DATE_SKEWED"
    own.clock.shift(timedelta(hours=3))
    await partitions.drop()
    async with own.database() as database:
        assert await database.fetchval("select count(*) from token.nonce where day < $1", midnight) == 0


async def test_what_cannot_be_told_is_no_pass_and_no_refusal(own: Running) -> None:
    request = sent(await make_key(own), datetime.now(UTC), "n")
    async with own.database() as database, database.transaction() as connection:
        await connection.execute("lock table token.nonce in access exclusive mode")
        await refused(check(own, request), "DEADLINE_EXCEEDED")
    assert await outcome(own, request) == PASSED


async def test_no_row_is_made_by_what_is_refused(own: Running) -> None:
    key = await make_key(own, networks=["198.51.100.0/24"])
    good = sent(key, datetime.now(UTC), "n")
    for request in (
        good,
        good.with_headers(accept="x"),
        sent(Key(key.id, "x"), datetime.now(UTC), "n"),
        sent(key, datetime.now(UTC) - timedelta(hours=1), "n"),
        good.but(client="198.51.100.9", host="other.example.com", path="/v2/account/unlink"),
    ):
        assert await outcome(own, request) != PASSED
    async with own.database() as database:
        assert await database.fetchval("select count(*) from token.nonce") == 0
        assert await outcome(own, good.but(client="198.51.100.9")) == PASSED
        assert await database.fetchval("select count(*) > 0 from token.nonce") is True


async def test_those_of_one_batch_are_told_from_each_other(own: Running) -> None:
    today = int(own.clock.now().replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    tomorrow = today + 86_400

    def nonce(name: bytes, *days: int, domain_id: str = DOMAIN) -> Nonce:
        return Nonce(domain_id, name * 32, days)

    async with own.database() as database:
        store = Store(database)
        assert await store.insert_nonces([nonce(b"a", today)]) == [True]
        batch = [
            nonce(b"a", today),
            nonce(b"b", today, tomorrow),
            nonce(b"b", tomorrow),
            nonce(b"b", today),
            nonce(b"b", today, domain_id="another"),
            nonce(b"c", tomorrow),
            nonce(b"a", today, tomorrow),
        ]
        assert await store.insert_nonces(batch) == [False, True, False, False, True, True, False]


async def test_batches_with_the_same_nonces_do_not_wait_in_a_circle(own: Running) -> None:
    today = int(own.clock.now().replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    async with own.database(connections=3) as database:
        store = Store(database)
        for number in range(20):
            nonces = [Nonce(DOMAIN, hashlib.sha256(b"%d %d" % (number, each)).digest(), (today,)) for each in range(50)]
            batches = [nonces, nonces[::-1], nonces[25:] + nonces[:25]]
            taken = await asyncio.gather(*map(store.insert_nonces, batches))
            asked = [each.hash for batch in batches for each in batch]
            by_nonce = Counter(itertools.compress(asked, itertools.chain(*taken)))
            assert by_nonce == {each.hash: 1 for each in nonces}
