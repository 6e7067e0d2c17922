"""What is revoked, in memory: which tokens it ends, for how long, and how old the knowledge is."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.runtime import revocations
from services.runtime.auth import EDGE_HEADER, EDGE_TYPE, Authenticator
from services.runtime.clock import Clock
from services.runtime.errors import CursorExpired, Unauthenticated, Unavailable
from services.runtime.revocations import Follower, Request, Response, Revocations, digest
from tests.support.calls import bearer
from tests.support.keys import EC, KEYS, Known, claims, signed

SOON = timedelta(seconds=10)


def revoked(*entries: tuple[bytes, int], cursor: str = "c", up_to_date: bool = True) -> Response:
    message = Response(cursor=cursor, up_to_date=up_to_date)
    for subject, at in entries:
        message.revocations.add(digest=subject).revoked_at.seconds = at
    return message


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Revocations:
    return Revocations(clock, SOON)


@pytest.fixture
def authenticator(clock: Clock, known: Revocations) -> Authenticator:
    return Authenticator("account", Known(dict(KEYS)), clock, known)


def test_a_digest_tells_where_a_part_ends() -> None:
    digests = {
        digest("a", "user", "bc"),
        digest("ab", "user", "c"),
        digest("a", "app", "bc"),
        digest("a", "use", "rbc"),
    }
    assert len(digests) == 4
    assert {len(each) for each in digests} == {16}
    # As the contract says it, for who has another language.
    assert digest("bj1", "user", "u1").hex() == "e99292ae88b1df6c3160d997998572e8"


@pytest.mark.parametrize(
    ("kind", "subject"), [("session", "s1"), ("token", "j1"), ("key", "a1"), ("user", "u1"), ("app", "c1")]
)
async def test_a_token_ends_with_whatever_it_rests_on_also_when_it_was_verified_before(
    authenticator: Authenticator, known: Revocations, clock: Clock, kind: str, subject: str
) -> None:
    presented = dict(bearer(signed(claims(clock, jti="j1"))))
    await authenticator.authenticate(presented)
    now = clock.timestamp()
    known.take(revoked((digest("one", kind, subject + "x"), now), (digest("two", kind, subject), now)))
    await authenticator.authenticate(presented)
    known.take(revoked((digest("one", kind, subject), now)))
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            await authenticator.authenticate(presented)
        assert caught.value.detail == "revoked"
        assert "revoked" not in caught.value.message


@pytest.mark.parametrize(("kind", "subject"), [("user", "u1"), ("app", "c1")])
async def test_of_a_user_and_an_app_what_is_issued_later_is_good(
    authenticator: Authenticator, known: Revocations, clock: Clock, kind: str, subject: str
) -> None:
    now = clock.timestamp()
    known.take(revoked((digest("one", kind, subject), now)))
    for issued, good in ((now - 1, False), (now, False), (now + 1, True)):
        presented = dict(bearer(signed(claims(clock, iat=issued))))
        if good:
            await authenticator.authenticate(presented)
        else:
            with pytest.raises(Unauthenticated):
                await authenticator.authenticate(presented)


@pytest.mark.parametrize("subject", ["session", "key", "token"])
async def test_of_the_others_what_is_issued_later_is_not(
    authenticator: Authenticator, known: Revocations, clock: Clock, subject: str
) -> None:
    named = {"session": "s1", "key": "a1", "token": "j1"}[subject]
    known.take(revoked((digest("one", subject, named), clock.timestamp() - 100)))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(dict(bearer(signed(claims(clock, jti="j1")))))


async def test_a_user_is_no_service_of_the_same_name(
    authenticator: Authenticator, known: Revocations, clock: Clock
) -> None:
    known.take(revoked((digest("one", "user", "u1"), clock.timestamp())))
    service = claims(clock, kind="service", customJson=None, permissions=["a"])
    await authenticator.authenticate(dict(bearer(signed(service))))


async def test_the_edges_tokens_obey(authenticator: Authenticator, known: Revocations, clock: Clock) -> None:
    content = claims(clock, kind="push_app", sub="15", client_id="15", iss="urn:tessera:edge:one", aud="account")
    presented = {EDGE_HEADER: signed(content, EC, "e1", "ES256", typ=EDGE_TYPE)}
    await authenticator.authenticate(presented)
    known.take(revoked((digest("one", "app", "15"), clock.timestamp())))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(presented)


def test_the_latest_of_two_counts_in_either_order(known: Revocations, clock: Clock) -> None:
    now, user = clock.timestamp(), digest("one", "user", "u1")
    for first, second in ((now, now - 50), (now - 50, now)):
        known.take(revoked((user, first)))
        known.take(revoked((user, second)))
        marks = revocations.Marks.of("one", "a1", {"sub": "u1", "iat": now - 10})
        with pytest.raises(Unauthenticated):
            known.check(marks)


def test_what_no_living_token_can_be_of_is_forgotten(known: Revocations, clock: Clock) -> None:
    now = clock.timestamp()
    known.take(revoked((b"1" * 16, now - 90_000), (b"2" * 16, now - 10), (b"3" * 16, now)))
    assert len(known) == 2
    clock.shift(timedelta(days=1, seconds=-5))
    known.take(revoked())
    assert len(known) == 1
    clock.shift(timedelta(seconds=10))
    known.take(revoked())
    assert len(known) == 0


async def test_memory_has_an_end_and_then_power_is_refused(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Revocations(clock, timedelta(hours=1), max_entries=3)
    monkeypatch.setattr(revocations, "_WAIT", timedelta(milliseconds=10))
    now = clock.timestamp()
    known.take(revoked(*((bytes([number]) * 16, now) for number in range(3))))
    await known.need_fresh()
    known.take(revoked((b"x" * 16, now)))
    assert len(known) == 3
    with pytest.raises(Unavailable):
        await known.need_fresh()
    clock.shift(timedelta(days=1, seconds=2))
    known.take(revoked())
    await known.need_fresh()


async def test_the_age_is_that_of_the_last_word_that_was_up_to_date(known: Revocations) -> None:
    known.take(revoked(up_to_date=False))
    with pytest.raises(Unavailable) as caught:
        await known.need_fresh()
    assert "token service" in caught.value.message
    known.take(revoked())
    await known.need_fresh()
    assert known.age < 1
    assert REGISTRY.get_sample_value("tessera_revocations_age_seconds") == pytest.approx(known.age, abs=0.5)


async def test_at_a_start_the_first_word_is_waited_for(known: Revocations) -> None:
    waiting = asyncio.create_task(known.need_fresh())
    await asyncio.sleep(0.05)
    known.take(revoked())
    async with asyncio.timeout(30):
        await waiting


async def test_knowledge_grows_stale(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "_WAIT", timedelta(milliseconds=10))
    known = Revocations(clock, timedelta(milliseconds=50))
    known.take(revoked())
    await known.need_fresh()
    await asyncio.sleep(0.1)
    with pytest.raises(Unavailable):
        await known.need_fresh()


class Told:
    """A source that says its lines one after the other: messages, and what it breaks with."""

    def __init__(self, *lines: Response | Exception) -> None:
        self.lines = list(lines)
        self.cursors: list[str] = []

    async def watch(self, request: Request) -> AsyncGenerator[Response, None]:
        self.cursors.append(request.cursor)
        while self.lines:
            line = self.lines.pop(0)
            if isinstance(line, Exception):
                raise line
            yield line
        await asyncio.Event().wait()


async def follow(source: Told, known: Revocations, entries: Iterable[bytes]) -> None:
    follower = Follower(source.watch, known)
    follower.start()
    async with asyncio.timeout(30):
        while len(known) < len(list(entries)) or source.lines:
            await asyncio.sleep(0.01)
    await follower.close()


async def test_a_follower_comes_back_to_where_it_was(known: Revocations, clock: Clock) -> None:
    now = clock.timestamp()
    source = Told(
        Unavailable("database"),
        revoked((b"1" * 16, now), cursor="first"),
        Unavailable("database"),
        revoked((b"2" * 16, now), cursor="second"),
    )
    await follow(source, known, (b"1", b"2"))
    assert source.cursors == ["", "", "first"]


async def test_a_follower_whose_cursor_expired_begins_anew_and_forgets_nothing(
    known: Revocations, clock: Clock
) -> None:
    now = clock.timestamp()
    source = Told(revoked((b"1" * 16, now), cursor="old"), Unavailable("x"), CursorExpired(), revoked((b"2" * 16, now)))
    await follow(source, known, (b"1", b"2"))
    assert source.cursors == ["", "old", ""]


async def test_a_source_that_says_nothing_is_left(known: Revocations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "_SILENCE", timedelta(milliseconds=50))
    source = Told()
    follower = Follower(source.watch, known)
    follower.start()
    async with asyncio.timeout(30):
        while len(source.cursors) < 3:
            await asyncio.sleep(0.01)
    await follower.close()


async def test_a_token_that_was_verified_is_not_digested_again(
    authenticator: Authenticator, known: Revocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    presented = dict(bearer(signed(claims(clock))))
    await authenticator.authenticate(presented)
    known.take(revoked((b"1" * 16, clock.timestamp())))
    monkeypatch.delattr(revocations, "digest")
    await authenticator.authenticate(presented)
