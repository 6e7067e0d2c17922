"""Codes: tries and limits hold over all replicas, whatever comes at once; nothing tells whether a number is known."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from tessera.account.v1 import logon_service_pb2_grpc

from services.account.actions.logon.find_user import create_user
from services.account.connectors import Proven
from services.account.model import normalise, shown
from services.account.model.logon import (
    AGAIN,
    CODES_PER_ADDRESS,
    CODES_PER_IDENTITY,
    MAX_TRIES,
    PASSWORDS_PER_ADDRESS,
    PASSWORDS_PER_NAME,
    STRANGER,
)
from services.account.pages.languages import LANGUAGES
from services.account.resources import Resources
from services.account.senders import NoSuchCountry
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.errors import Unavailable
from services.runtime.ids import uuid7
from tests.account.callers import Domain
from tests.account.pages.browsers import Browser
from tests.account.pages.sitting import Sitting, serving_pages
from tests.account.running import MASTER_KEY_TEXT
from tests.account.with_token import Services, unused, unused_mobile
from tests.support.processes import processes

CLOCK = Clock()
MAC, OTHER_MAC = b"m" * 32, b"o" * 32


async def begin(store: Store, domain: Domain, address: str = "10.0.0.1", **changed: object) -> tuple[uuid.UUID, str]:
    values = {
        "identity": normalise("mobile", unused_mobile()),
        "browser_id": STRANGER,
        "per_domain": 1000,
        "now": CLOCK.now(),
    } | changed
    code_id = uuid7(CLOCK.now())
    verdict = await store.begin_logon_code(
        domain.id,
        code_id,
        values["identity"],
        address,
        MAC,
        browser_id=values["browser_id"],
        now=values["now"],
        per_domain=values["per_domain"],
    )
    return code_id, verdict


async def test_of_twenty_wrong_tries_at_once_five_are_looked_at(
    store: Store, replica: Resources, domain: Domain
) -> None:
    identity = normalise("mobile", unused_mobile())
    code_id, verdict = await begin(store, domain, identity=identity)
    assert verdict == "begun"
    stores = (store, replica.store) * 10
    verdicts = await asyncio.gather(
        *(each.try_logon_code(domain.id, code_id, identity, OTHER_MAC, CLOCK.now()) for each in stores)
    )
    assert Counter(verdicts) == {"wrong": MAX_TRIES - 1, "over": 20 - MAX_TRIES + 1}
    row = await store._database.fetchrow(
        "select wrong_tries, ended_at from account.logon_code where domain_id = $1 and code_id = $2", domain.id, code_id
    )
    assert row["wrong_tries"] == MAX_TRIES
    assert row["ended_at"]
    assert await store.try_logon_code(domain.id, code_id, identity, MAC, CLOCK.now()) == "over"


async def test_all_of_twenty_right_tries_at_once_are_good_and_none_later(
    store: Store, replica: Resources, domain: Domain
) -> None:
    """Who presses twice has answers of which the browser shows the last."""
    identity = normalise("mobile", unused_mobile())
    code_id, _ = await begin(store, domain, identity=identity)
    stores = (store, replica.store) * 10
    verdicts = await asyncio.gather(
        *(each.try_logon_code(domain.id, code_id, identity, MAC, CLOCK.now()) for each in stores)
    )
    assert Counter(verdicts) == {"good": 20}
    assert await store.try_logon_code(domain.id, code_id, identity, OTHER_MAC, CLOCK.now()) == "over"
    assert await store.try_logon_code(domain.id, code_id, identity, MAC, CLOCK.now() + 2 * AGAIN) == "over"


async def test_a_code_is_good_for_what_it_was_sent_for_alone(
    store: Store, domain: Domain, other_domain: Domain
) -> None:
    identity, other = (normalise("mobile", unused_mobile()) for _ in "ab")
    code_id, _ = await begin(store, domain, identity=identity)
    now = CLOCK.now()
    assert await store.try_logon_code(other_domain.id, code_id, identity, MAC, now) == "over"
    assert await store.try_logon_code(domain.id, code_id, other, MAC, now) == "over"
    assert await store.try_logon_code(domain.id, uuid7(now), identity, MAC, now) == "over"
    assert await store.try_logon_code(domain.id, code_id, identity, MAC, now + timedelta(minutes=6)) == "over"
    assert await store.try_logon_code(domain.id, code_id, identity, MAC, now) == "good"


async def test_of_twenty_codes_for_one_number_at_once_one_is_begun(
    store: Store, replica: Resources, domain: Domain
) -> None:
    identity = normalise("mobile", unused_mobile())
    stores = (store, replica.store) * 10
    verdicts = [
        verdict for _, verdict in await asyncio.gather(*(begin(each, domain, identity=identity) for each in stores))
    ]
    assert Counter(verdicts) == {"begun": 1, "early": 19}


async def test_another_code_is_sent_after_a_minute(store: Store, domain: Domain) -> None:
    identity, now = normalise("mobile", unused_mobile()), CLOCK.now()
    for seconds, expected in ((0, "begun"), (58, "early"), (61, "begun")):
        assert (await begin(store, domain, identity=identity, now=now + timedelta(seconds=seconds)))[1] == expected


async def test_a_number_is_sent_five_an_hour(store: Store, domain: Domain) -> None:
    identity, now = normalise("mobile", unused_mobile()), CLOCK.now()
    for number in range(CODES_PER_IDENTITY):
        await store._database.execute(
            "insert into account.logon_code (domain_id, code_id, type, identity_key, address, mac, expires_at)"
            " values ($1, $2, $3, $4, '', '', $5)",
            domain.id,
            uuid7(now - timedelta(minutes=59 - number)),
            identity.type,
            identity.key,
            now,
        )
    assert (await begin(store, domain, identity=identity))[1] == "identity"
    assert (await begin(store, domain, identity=identity, now=now + timedelta(minutes=2)))[1] == "begun"


async def test_limits_of_address_and_domain_are_exact_over_replicas(
    store: Store, replica: Resources, domain: Domain, other_domain: Domain
) -> None:
    stores = (store, replica.store) * 20
    verdicts = [verdict for _, verdict in await asyncio.gather(*(begin(each, domain) for each in stores))]
    assert Counter(verdicts) == {"begun": CODES_PER_ADDRESS, "address": 40 - CODES_PER_ADDRESS}
    assert (await begin(store, domain, "10.0.0.2"))[1] == "begun"
    verdicts = [
        verdict
        for _, verdict in await asyncio.gather(
            *(begin(each, other_domain, f"10.0.1.{number}", per_domain=7) for number, each in enumerate(stores))
        )
    ]
    assert Counter(verdicts) == {"begun": 7, "domain": 33}


async def test_of_twenty_wrong_passwords_at_once_ten_are_looked_at(sitting: Sitting, replica: Resources) -> None:
    """However the name is written, from whichever networks, before both processes; the right one comes too late."""
    name, browsers = unused(), []
    async with serving_pages(replica) as other:
        for stub in (sitting.stub, other) * 10:
            browser = Browser(stub)
            page = await sitting.begin(browser)
            browsers.append((browser, await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['ldap']}")))
        spellings = (name, name.upper(), f" {name}", f"{name} ", name.title())
        answers = await asyncio.gather(
            *(
                each.post(form.target, {"csrf": form.csrf, "name": spellings[place % 5], "password": f"wrong{place}"})
                for place, (each, form) in enumerate(browsers)
            )
        )
    assert Counter(each.status for each in answers) == {400: PASSWORDS_PER_NAME, 429: 20 - PASSWORDS_PER_NAME}
    browser, form = browsers[0]
    late = await browser.post(form.target, {"csrf": form.csrf, "name": name, "password": "right"})
    assert (late.status, late.location) == (429, "")


async def test_right_passwords_are_not_counted(sitting: Sitting) -> None:
    name = unused()
    for _ in range(PASSWORDS_PER_NAME + 2):
        browser = sitting.browser()
        browser.address = "10.9.9.9"
        page = await sitting.begin(browser)
        form = await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['ldap']}")
        page = await browser.fill(form, name=name, password="right")
        assert page.path.endswith("/consent")


async def test_passwords_of_one_address_are_counted_for_all_names(store: Store, domain: Domain) -> None:
    async def begin_try(number: int, system: str = "s") -> str:
        return await store.begin_password_try(
            domain.id,
            uuid7(CLOCK.now()),
            system,
            f"n{number}",
            browser_id=STRANGER,
            address="10.0.0.1",
            now=CLOCK.now(),
        )

    verdicts = await asyncio.gather(*(begin_try(number) for number in range(PASSWORDS_PER_ADDRESS + 20)))
    assert Counter(verdicts) == {"begun": PASSWORDS_PER_ADDRESS, "address": 20}


async def test_ten_browsers_with_one_new_identity_make_one_user(sitting: Sitting, replica: Resources) -> None:
    identity = normalise("custom", f"https://one.example.com|{unused()}")
    both = (sitting.resources, replica) * 5
    made = await asyncio.gather(
        *(create_user(each, sitting.domain_id, Proven(identity), client_id=sitting.app.client_id) for each in both)
    )
    assert len(set(made)) == 1
    assert await sitting.user_of(identity) == made[0]


async def test_a_code_is_guessed_over_no_number_of_browsers(
    sitting: Sitting, services: Services, account_dsn: str, tmp_path: Path
) -> None:
    """One flow's cookie, taken to many browsers, before two processes of the system's."""
    mobile = unused_mobile()
    browser = sitting.browser()
    page = await sitting.send_code(browser, await sitting.begin(browser), mobile)
    right = sitting.inbox.code(f"+86{mobile}")
    identity = services.token.made["account"]
    settings = {
        "TESSERA_CLIENT_ID": identity["client_id"],
        "TESSERA_CLIENT_KEY": identity["private_key_pem"],
        "TESSERA_MASTER_KEY": MASTER_KEY_TEXT,
        "TESSERA_MOBILE_SENDER": "console",
        "TESSERA_LOG_FORMAT": "console",
    }
    async with (
        processes(2, account_dsn, services.token.settings.listen, tmp_path, "account", **settings) as two,
        AsyncExitStack() as channels,
    ):
        opened = [await channels.enter_async_context(grpc.aio.insecure_channel(str(each))) for each in two.addresses]
        browsers = [Browser(logon_service_pb2_grpc.LogonServiceStub(channel)) for channel in opened * 10]
        for each in browsers:
            each.cookies = dict(browser.cookies)
        guesses = [f"{(int(right) + 1 + number) % 1_000_000:06d}" for number in range(20)]
        answers = await asyncio.gather(
            *(
                each.post(page.target, {"csrf": page.csrf, "code": guess})
                for each, guess in zip(browsers, guesses, strict=True)
            )
        )
    assert {each.status for each in answers} == {400}
    told = Counter(each.problem for each in answers)
    assert sorted(told.values()) == [MAX_TRIES - 1, 20 - MAX_TRIES + 1]
    late = await browser.post(page.target, {"csrf": page.csrf, "code": right})
    assert (late.status, late.location) == (400, "")


async def test_who_presses_eight_times_is_logged_on(sitting: Sitting, browser: Browser, mobile: str) -> None:
    page = await sitting.send_code(browser, await sitting.begin(browser), mobile)
    form = {"csrf": page.csrf, "code": sitting.inbox.code(f"+86{mobile}")}
    answers = await asyncio.gather(*(browser.post(page.target, form) for _ in range(8)))
    assert {(each.status, each.location.partition("?")[0]) for each in answers} == {
        (303, page.target.replace("code", "consent"))
    }
    # And where the answer to the first was heard before the next was sent.
    assert 'value="allow"' in (await browser.fill(page, code="000000")).text
    assert 'value="allow"' in (await browser.follow(await browser.get(page.target))).text


async def test_what_could_not_be_sent_does_not_count(sitting: Sitting, browser: Browser, mobile: str) -> None:
    begun, say = await sitting.begin(browser), LANGUAGES["en"].say
    sitting.inbox.fails = Unavailable("sender of codes")
    page = await sitting.send_code(browser, begun, mobile)
    assert (page.status, page.problem) == (503, say("error.unavailable"))
    sitting.inbox.fails = NoSuchCountry("sender of codes")
    page = await browser.fill(page, address=mobile, country_code="86")
    assert (page.status, page.problem) == (400, say("error.country"))
    sent = await browser.fill(page, address=mobile, country_code="86")
    assert sent.path.endswith("/code")
    early = await browser.fill(page, address=mobile, country_code="86")
    assert (early.status, early.problem) == (429, say("error.early"))
    assert f'href="{sent.target}"' in early.text


async def test_a_code_is_its_flows(sitting: Sitting, browser: Browser) -> None:
    """The code that the victim was sent for a flow of its own opens nothing in the attacker's."""
    attacker, mobile = sitting.browser(), unused_mobile()
    theirs = await sitting.send_code(browser, await sitting.begin(browser), mobile)
    mine = await sitting.send_code(attacker, await sitting.begin(attacker), unused_mobile())
    code = sitting.inbox.code(f"+86{mobile}")
    flow_id = sitting.flow_id(mine)
    flow, victims = sitting.opened(attacker, flow_id), sitting.opened(browser, sitting.flow_id(theirs))
    assert flow.sent
    assert victims.sent
    assert flow.sent.code_id != victims.sent.code_id
    assert (await attacker.post(mine.target, {"csrf": mine.csrf, "code": code})).status == 400
    assert (await browser.post(theirs.target, {"csrf": theirs.csrf, "code": code})).status == 303


@pytest.mark.parametrize("network", ["2001:db8:1:2::{n:x}", "2001:db8:1:2:{n:x}::1"])
async def test_who_has_a_network_has_one_address(own_sitting: Sitting, network: str) -> None:
    sitting = own_sitting

    async def ask(number: int) -> int:
        browser = sitting.browser()
        browser.address = network.format(n=number)
        return (await sitting.send_code(browser, await sitting.begin(browser), unused_mobile())).status

    assert await ask(1) == 200
    for _ in range(CODES_PER_ADDRESS - 2):
        await begin(sitting.resources.store, Domain(sitting.domain_id), "2001:db8:1:2::/64")
    assert [await ask(2), await ask(3)] == [200, 429]


async def test_nothing_tells_whether_a_number_is_known(sitting: Sitting) -> None:
    """The same page, by the same statements: whose a number is is looked up when its code was right, and not before."""
    known = unused_mobile()
    await sitting.log_on(sitting.browser(), known)
    await sitting.an_hour_passes()
    texts = []
    for mobile in (known, unused_mobile()):
        browser = sitting.browser()
        page = await sitting.begin(browser, login_type="mobile")
        sent = await browser.post(page.target, {"csrf": page.csrf, "address": mobile, "country_code": "86"})
        code_page = await browser.follow(sent)
        flow = sitting.opened(browser, sitting.flow_id(page))
        wrong = await browser.post(code_page.target, {"csrf": code_page.csrf, "code": "wrong"})
        told = (
            (code_page.text + wrong.text)
            .replace(shown(normalise("mobile", mobile)), "")
            .replace(flow.flow_id, "")
            .replace(flow.csrf, "")
        )
        texts.append((sent.status, wrong.status, told))
    assert texts[0] == texts[1]


async def test_a_refused_number_is_told_the_same_way_known_or_not(sitting: Sitting) -> None:
    known, unknown = unused_mobile(), unused_mobile()
    await sitting.log_on(sitting.browser(), known)
    texts = []
    for mobile in (known, unknown):
        first, second = sitting.browser(), sitting.browser()
        if mobile == unknown:
            await sitting.send_code(first, await sitting.begin(first), mobile)
        page = await sitting.send_code(second, await sitting.begin(second), mobile)
        assert page.status == 429
        flow_id = sitting.flow_id(page)
        texts.append(
            page.text.replace(mobile, "").replace(flow_id, "").replace(sitting.opened(second, flow_id).csrf, "")
        )
    assert texts[0] == texts[1]
