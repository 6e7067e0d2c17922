"""Who guesses keeps nobody out who is known, and does not go on for long (docs/adr/0085)."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from services.account.model import Identity, normalise
from services.account.model.logon import (
    BROWSERS,
    CODES_PER_ADDRESS,
    CODES_PER_IDENTITY,
    GUESSES,
    MAX_TRIES,
    PASSWORDS_PER_NAME,
    STRANGER,
    name_key,
)
from services.account.resources import Resources
from services.account.store import Store
from services.account.store.logon import GUESSED
from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting, serving_pages
from tests.account.with_token import unused, unused_mobile

CLOCK = Clock()
KNOWN = "__Host-tessera-known"
MAC, OTHER_MAC = b"m" * 32, b"o" * 32


async def were_sent(sitting: Sitting, identity: Identity, codes: int, browser_id: UUID = STRANGER) -> None:
    """Some minutes ago."""
    await sitting.resources.store._database.execute(
        "insert into account.logon_code"
        " (domain_id, code_id, type, identity_key, address, mac, expires_at, browser_id)"
        " select $1, unnest($2::uuid[]), $3, $4, '', '', now(), $5",
        sitting.domain_id,
        [uuid7(CLOCK.now() - timedelta(minutes=2)) for _ in range(codes)],
        *(identity.type, identity.key, browser_id),
    )


async def were_wrong(sitting: Sitting, way: str, name: str, wrong: int, browser_id: UUID = STRANGER) -> None:
    await sitting.resources.store._database.execute(
        "insert into account.guess (domain_id, way, name, period, browser_id, wrong) values ($1, $2, $3, $4, $5, $6)",
        *(sitting.domain_id, way, name, GUESSED.start(CLOCK.now()), browser_id, wrong),
    )


async def wrong(sitting: Sitting, name: str) -> dict[UUID, int]:
    """How many are counted for a name, by browser."""
    rows = await sitting.resources.store._database.fetch(
        "select browser_id, wrong from account.guess where domain_id = $1 and name = $2", sitting.domain_id, name
    )
    return {row["browser_id"]: row["wrong"] for row in rows}


async def begin(
    sitting: Sitting,
    identity: Identity,
    browser_id: UUID = STRANGER,
    after: timedelta = timedelta(0),
    address: str = "",
) -> str:
    return await sitting.resources.store.begin_logon_code(
        *(sitting.domain_id, uuid7(CLOCK.now()), identity, address, MAC),
        browser_id=browser_id,
        now=CLOCK.now() + after,
        per_domain=1_000_000,
    )


async def log_on(sitting: Sitting, identity: Identity) -> tuple[Browser, UUID]:
    """A browser that an identity knows, and by what."""
    browser = sitting.browser()
    await sitting.log_on(browser, identity.given)
    browser.cookies = {KNOWN: browser.cookies[KNOWN]}
    await sitting.an_hour_passes()
    return browser, uuid7(CLOCK.now())


async def ask(sitting: Sitting, browser: Browser, address: str) -> Page:
    return await sitting.send_code(browser, await sitting.begin(browser), address)


async def test_strangers_use_up_what_is_theirs(sitting: Sitting, replica: Resources) -> None:
    identity = normalise("mobile", unused_mobile())
    known, _ = await log_on(sitting, identity)
    await were_sent(sitting, identity, CODES_PER_IDENTITY - 1)
    stranger = sitting.browser()
    assert (await ask(sitting, stranger, identity.given)).status == 200
    assert (await ask(sitting, stranger, identity.given)).status == 429
    # Neither waits for the minute of the other, nor has what it may; whichever process is asked.
    async with serving_pages(replica) as other:
        elsewhere = Browser(other)
        elsewhere.cookies = known.cookies
        page = await sitting.prove(elsewhere, await sitting.begin(elsewhere), identity.given)
    assert page.path.endswith("/consent")
    assert (await ask(sitting, stranger, identity.given)).status == 429


async def test_known_browsers_have_each_their_own_and_all_have_an_end(sitting: Sitting) -> None:
    identity = normalise("mobile", unused_mobile())
    _, first = await log_on(sitting, identity)
    await were_sent(sitting, identity, CODES_PER_IDENTITY, first)
    assert await begin(sitting, identity, first) == "identity"
    assert await begin(sitting, identity) == "begun"
    for number in range(BROWSERS - 2):
        await were_sent(sitting, identity, CODES_PER_IDENTITY, uuid7(CLOCK.now() + timedelta(seconds=number)))
    assert await begin(sitting, identity, uuid7(CLOCK.now())) == "begun"
    await were_sent(sitting, identity, CODES_PER_IDENTITY - 2, UUID(int=1))
    assert await begin(sitting, identity, uuid7(CLOCK.now())) == "identity"


async def test_who_shares_an_address_with_strangers_is_known_all_the_same(sitting: Sitting) -> None:
    identity, address = normalise("mobile", unused_mobile()), unused()
    _, known = await log_on(sitting, identity)
    for _ in range(CODES_PER_ADDRESS):
        assert await begin(sitting, normalise("mobile", unused_mobile()), address=address) == "begun"
    assert await begin(sitting, identity, address=address) == "address"
    assert await begin(sitting, identity, known, address=address) == "begun"


@pytest.mark.parametrize("who", ["another identity", "unlinked", "linked anew", "nobody"])
async def test_who_is_a_stranger_all_the_same(sitting: Sitting, who: str) -> None:
    """Whose the identity is no more has no codes and no guesses of its own, however often it was proven there."""
    mobile = unused_mobile()
    identity = normalise("mobile", mobile)
    browser, _ = await log_on(sitting, identity)
    store, user_id = sitting.resources.store, await sitting.user_of(identity)
    assert user_id
    if who == "another identity":
        mobile = unused_mobile()
        await sitting.log_on(sitting.browser(), mobile)
        await sitting.an_hour_passes()
    elif who == "nobody":
        mobile = unused_mobile()
    else:
        await store.unlink_identity(
            sitting.domain_id, identity, user_id, now=CLOCK.now(), event_id=uuid7(CLOCK.now()), actor=""
        )
        if who == "linked anew":
            again = sitting.browser()
            await sitting.prove(again, await sitting.begin(again), mobile)
            await sitting.an_hour_passes()
    await were_sent(sitting, normalise("mobile", mobile), CODES_PER_IDENTITY)
    assert (await ask(sitting, browser, mobile)).status == 429


async def test_a_cookie_is_its_domains_and_not_a_hosts_sister(sitting: Sitting, own_sitting: Sitting) -> None:
    identity = normalise("mobile", unused_mobile())
    browser, _ = await log_on(sitting, identity)
    await own_sitting.log_on(own_sitting.browser(), identity.given)
    await own_sitting.an_hour_passes()
    await were_sent(own_sitting, identity, CODES_PER_IDENTITY)
    assert (await ask(own_sitting, browser, identity.given)).status == 429
    await were_sent(sitting, identity, CODES_PER_IDENTITY)
    planted = sitting.browser()
    planted.cookies = {"tessera-known": browser.cookies[KNOWN]}
    assert (await ask(sitting, planted, identity.given)).status == 429
    assert (await ask(sitting, browser, identity.given)).status == 200


async def test_a_copy_has_no_more_than_a_stranger_and_ends_with_the_next_logon(sitting: Sitting) -> None:
    identity = normalise("mobile", unused_mobile())
    browser, _ = await log_on(sitting, identity)
    thief = sitting.browser()
    thief.cookies = dict(browser.cookies)
    page = await sitting.prove(browser, await sitting.begin(browser), identity.given)
    assert page.path.endswith("/consent")
    # It is counted as the browser was from which it was taken, and that one by itself from now on.
    assert (await ask(sitting, thief, identity.given)).status == 429
    browser.cookies = {KNOWN: browser.cookies[KNOWN]}
    assert (await ask(sitting, browser, identity.given)).status == 200


async def test_of_guesses_at_once_a_hundred_are_looked_at(sitting: Sitting, replica: Resources) -> None:
    """Over several codes, before two processes; then not the right one either, but in a known browser."""
    identity = normalise("mobile", unused_mobile())
    _, known = await log_on(sitting, identity)
    await were_wrong(sitting, "mobile", identity.key, GUESSES - 3)
    codes: dict[UUID, UUID] = {}
    for browser_id in (STRANGER, STRANGER, STRANGER, STRANGER, known):
        code_id = uuid7(CLOCK.now())
        codes[code_id] = browser_id
        await sitting.resources.store._database.execute(
            "insert into account.logon_code"
            " (domain_id, code_id, type, identity_key, address, mac, expires_at, browser_id)"
            " values ($1, $2, $3, $4, '', $5, now() + interval '5 minutes', $6)",
            *(sitting.domain_id, code_id, identity.type, identity.key, MAC, browser_id),
        )

    async def attempt(store: Store, code_id: UUID, mac: bytes) -> str:
        return await store.try_logon_code(sitting.domain_id, code_id, identity, mac, CLOCK.now())

    strangers = [code_id for code_id, browser_id in codes.items() if browser_id == STRANGER]
    stores = (sitting.resources.store, replica.store)
    told = Counter(
        await asyncio.gather(
            *(attempt(stores[number % 2], strangers[number % 4], OTHER_MAC) for number in range(4 * MAX_TRIES))
        )
    )
    assert told == {"wrong": 3, "guessed": 4 * MAX_TRIES - 3}
    assert await wrong(sitting, identity.key) == {STRANGER: GUESSES}
    for code_id, browser_id in codes.items():
        assert await attempt(stores[0], code_id, MAC) == ("guessed" if browser_id == STRANGER else "good")


async def test_strangers_are_refused_until_the_period_ends(sitting: Sitting) -> None:
    """The same page in both languages, known or not; who is known goes on."""
    identity, nobody = normalise("mobile", unused_mobile()), normalise("mobile", unused_mobile())
    known, known_id = await log_on(sitting, identity)
    texts = set()
    for each in (identity, nobody):
        await were_wrong(sitting, "mobile", each.key, GUESSES)
        for language in ("en", "zh"):
            stranger = sitting.browser()
            stranger.headers["accept-language"] = language
            page = await ask(sitting, stranger, each.given)
            assert page.status == 429
            texts.add(page.problem)
    assert len(texts) == 2
    assert all(len(text) > 20 for text in texts)
    assert (await ask(sitting, known, identity.given)).status == 200
    await were_wrong(sitting, "mobile", identity.key, GUESSES * (BROWSERS - 1), known_id)
    assert await begin(sitting, identity, uuid7(CLOCK.now())) == "guessed"
    ends = GUESSED.start(CLOCK.now()) + GUESSED.span
    assert await begin(sitting, identity, after=ends - CLOCK.now()) == "begun"


async def test_passwords_are_counted_alike(sitting: Sitting) -> None:
    name, way = unused(), sitting.ways["ldap"]

    async def form_in(browser: Browser) -> Page:
        flow_id = sitting.flow_id(await sitting.begin(browser))
        return await browser.get(f"/logon/{flow_id}/{way}")

    known, stranger = sitting.browser(), sitting.browser()
    forms = {browser: await form_in(browser) for browser in (known, stranger)}

    async def enter(browser: Browser, password: str) -> int:
        form = {"csrf": forms[browser].csrf, "name": name.upper(), "password": password}
        return (await browser.post(forms[browser].target, form)).status

    assert await enter(known, "right") == 303
    # A right one leaves nothing.
    assert await wrong(sitting, name_key(name)) == {}
    assert [await enter(stranger, "wrong") for _ in range(PASSWORDS_PER_NAME + 1)] == [400] * PASSWORDS_PER_NAME + [429]
    assert await enter(known, "wrong") == 400
    assert await enter(known, "right") == 303
    assert sorted((await wrong(sitting, name_key(name))).values()) == [1, PASSWORDS_PER_NAME]
    await sitting.resources.store._database.execute("delete from account.guess where name = $1", name_key(name))
    await were_wrong(sitting, way, name_key(name), GUESSES)
    store = sitting.resources.store
    await store._database.execute("delete from account.password_try where name_key = $1", name_key(name))
    assert await enter(stranger, "right") == 429
    assert await enter(known, "right") == 303


async def test_of_passwords_at_once_a_hundred_are_looked_at(sitting: Sitting, replica: Resources) -> None:
    name, way, now = unused(), sitting.ways["ldap"], CLOCK.now()
    await were_wrong(sitting, way, name, GUESSES - 3)

    async def attempt(store: Store) -> str:
        return await store.begin_password_try(
            sitting.domain_id, uuid7(CLOCK.now()), way, name, browser_id=STRANGER, address=unused(), now=now
        )

    told = Counter(await asyncio.gather(*(attempt(each) for each in (sitting.resources.store, replica.store) * 5)))
    assert told == {"begun": 3, "guessed": 7}


async def test_codes_of_devices_are_counted_by_who_enters_them(sitting: Sitting) -> None:
    app = await sitting.token.native_app(device_flow=True)
    begun = await sitting.token.device(app)
    page_of = target("/logon/device", user_code=begun.user_code, domain_id=sitting.domain_id)
    guess = target("/logon/device", user_code="BBBB-BBBB", domain_id=sitting.domain_id)
    guesser, owner = sitting.browser(), sitting.browser()
    # Who is nobody is told of no code whether there is one.
    for either in (page_of, guess):
        page = await owner.get(either)
        assert (page.status, page.location.startswith("/logon/")) == (303, True)
    for browser in (guesser, owner):
        await sitting.log_on(browser, unused_mobile())
    # A link that somebody laid out for them takes none of their tries.
    for _ in range(PASSWORDS_PER_NAME):
        page = await guesser.get(guess, {"sec-fetch-site": "cross-site"})
        assert (page.status, page.problem) == (200, "")
    assert 'value="BBBB-BBBB"' in page.text
    told = [(await guesser.get(guess)).problem for _ in range(PASSWORDS_PER_NAME + 1)]
    assert sorted(Counter(told).values()) == [1, PASSWORDS_PER_NAME]
    # Not the right one either; but somebody else, of the same office, too.
    assert (await guesser.get(page_of)).problem == told[-1]
    owner.address = guesser.address
    assert (await owner.follow(await owner.get(page_of))).path.endswith("/consent")
