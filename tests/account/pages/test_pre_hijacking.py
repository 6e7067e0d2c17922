"""The five ways to have an account before its owner does (Sudhodanan and Paverd, arXiv 2205.10174), and their like.

What holds against all of them: an identity opens an account only where it was proven, and is compared by who says so
and what it is there, never by an address that somebody claims.
"""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.account.model import normalise, shown
from services.account.model.bearers import read_bearer
from services.account.model.domain_settings import FirstLogon
from tests.account.linking import linked
from tests.account.pages.browsers import Browser
from tests.account.pages.sitting import Sitting
from tests.account.with_token import Services, unused, unused_mobile
from tests.support.calls import refused

ONE, OTHER = "https://one.example.com", "https://other.example.com"


async def by_provider(sitting: Sitting, browser: Browser, way: str, issuer: str, subject: str) -> str | None:
    """Log on at a provider; the user that this browser then is."""
    state, kept = await sitting.leave(browser, await sitting.begin(browser, prompt="login"), way)
    code = sitting.elsewhere.give(issuer, subject, kept.verifier)
    await browser.follow(await sitting.come_back(browser, way, state=state, code=code))
    return await who(sitting, browser)


async def who(sitting: Sitting, browser: Browser) -> str | None:
    """The user that a browser is logged on as."""
    presented = read_bearer(browser.cookies.get(f"__Host-tessera-session-{sitting.domain_id}", ""))
    if presented is None:
        return None
    store, now = sitting.resources.store, sitting.resources.clock.now()
    session = await store.select_logon_session(sitting.domain_id, presented[0], now)
    return session.user_id if session else None


async def test_classic_federated_merge(sitting: Sitting) -> None:
    """The attacker has an account that bears the victim's address; the victim comes by a provider that has it, too."""
    attacker, victim = sitting.browser(), sitting.browser()
    address = f"{unused()}@example.com"
    # Not even begun by a code: it goes to the victim.
    page = await sitting.send_code(attacker, await sitting.begin(attacker), address)
    assert page.target.endswith("/code")
    taken = await by_provider(sitting, attacker, "one", ONE, address)
    theirs = await by_provider(sitting, victim, "other", OTHER, address)
    assert taken
    assert theirs
    assert taken != theirs
    await sitting.an_hour_passes()
    await sitting.prove(victim, await sitting.begin(victim, prompt="login"), address)
    assert await who(sitting, victim) not in (taken, theirs)


async def test_unexpired_session(sitting: Sitting) -> None:
    """Who takes an identity away that somebody else put there ends the sessions that were begun with it."""
    attacker, victim, mobile, theirs = sitting.browser(), sitting.browser(), unused_mobile(), unused()
    await sitting.log_on(victim, mobile)
    user_id = await who(sitting, victim)
    assert user_id
    # As if the attacker had been left alone with the victim's browser.
    identity = normalise("custom", f"{ONE}|{theirs}")
    await sitting.resources.store.link_identity(
        sitting.domain_id,
        identity,
        user_id,
        now=sitting.resources.clock.now(),
        event_id=sitting.resources.new_id(),
        actor=user_id,
    )
    assert await by_provider(sitting, attacker, "one", ONE, theirs) == user_id
    code = (await sitting.log_on_again(attacker)).answer["code"]
    token = await sitting.token.redeem(sitting.app, code)
    page = await victim.get(f"/logon/account/{sitting.domain_id}")
    await victim.post(
        f"{page.target}/unlink", {"csrf": page.csrf, "type": "custom", "identity": identity.given, "extra": ""}
    )
    assert await who(sitting, attacker) is None
    assert (await attacker.get(sitting.ask(prompt="none"))).answer["error"] == "login_required"
    await sitting.token_is_told(user_id)
    await refused(sitting.token.refresh(sitting.app, token.refresh_token), "INVALID_REFRESH_TOKEN")
    assert await who(sitting, victim) == user_id


async def test_unexpired_session_where_an_operator_unlinks(sitting: Sitting, services: Services) -> None:
    attacker, subject = sitting.browser(), unused()
    user_id = await by_provider(sitting, attacker, "one", ONE, subject)
    assert user_id
    await services.unlink(user_id, f"{ONE}|{subject}")
    assert await who(sitting, attacker) is None


async def test_trojan_identifier(sitting: Sitting) -> None:
    """The attacker adds the victim's identity to an account of the attacker's: it has to be proven."""
    attacker, victim, mobile = sitting.browser(), sitting.browser(), unused_mobile()
    await sitting.log_on(attacker, unused_mobile())
    mine = await who(sitting, attacker)
    form = await sitting.begin_link(attacker, "mobile")
    code = await attacker.fill(form, address=mobile, country_code="86")
    right = sitting.inbox.code(f"+86{mobile}")
    for guess in range(4):
        wrong = f"{(int(right) + 1 + guess) % 1_000_000:06d}"
        assert (await attacker.post(code.target, {"csrf": code.csrf, "code": wrong})).status == 400
    await sitting.an_hour_passes()
    await sitting.log_on(victim, mobile)
    assert await who(sitting, victim) not in (None, mine)


async def test_unexpired_identifier_change(sitting: Sitting) -> None:
    """The attacker begins to add the victim's number, and ends it when the victim has it."""
    attacker, victim, mobile = sitting.browser(), sitting.browser(), unused_mobile()
    await sitting.log_on(attacker, unused_mobile())
    form = await sitting.begin_link(attacker, "mobile")
    pending = await attacker.fill(form, address=mobile, country_code="86")
    code = sitting.inbox.code(f"+86{mobile}")
    theirs = await by_provider(sitting, victim, "one", ONE, unused())
    assert theirs
    await sitting.resources.store.link_identity(
        sitting.domain_id,
        normalise("mobile", mobile),
        theirs,
        now=sitting.resources.clock.now(),
        event_id=sitting.resources.new_id(),
        actor=theirs,
    )
    late = await attacker.post(pending.target, {"csrf": pending.csrf, "code": code})
    assert (late.status, await sitting.user_of(normalise("mobile", mobile))) == (403, theirs)
    again = await attacker.post(pending.target, {"csrf": pending.csrf, "code": code})
    assert (again.status, await sitting.user_of(normalise("mobile", mobile))) == (403, theirs)


async def test_a_change_that_is_begun_ends_with_its_session(sitting: Sitting) -> None:
    attacker, mobile = sitting.browser(), unused_mobile()
    await sitting.log_on(attacker, unused_mobile())
    form = await sitting.begin_link(attacker, "mobile")
    pending = await attacker.fill(form, address=mobile, country_code="86")
    user_id = await who(sitting, attacker)
    assert user_id
    await sitting.resources.store.end_logon_sessions(sitting.domain_id, user_id, sitting.resources.clock.now())
    code = sitting.inbox.code(f"+86{mobile}")
    assert (await attacker.post(pending.target, {"csrf": pending.csrf, "code": code})).status == 403
    assert await sitting.user_of(normalise("mobile", mobile)) is None


async def test_non_verifying_provider(sitting: Sitting) -> None:
    """A provider that lets anybody claim an address gives nobody the account of who has it here, or at another one."""
    owner, attacker = sitting.browser(), sitting.browser()
    address = f"{unused()}@example.com"
    await sitting.log_on(owner, address)
    account = await who(sitting, owner)
    sitting.elsewhere.display_name = address
    try:
        for way, issuer in (("one", ONE), ("other", OTHER)):
            assert await by_provider(sitting, attacker, way, issuer, address) not in (None, account)
    finally:
        sitting.elsewhere.display_name = ""


async def test_an_identity_is_linked_where_both_sides_are_proven(own_sitting: Sitting) -> None:
    await own_sitting.set(first_logon=FirstLogon.LINK)
    sitting, browser, subject, mobile = own_sitting, own_sitting.browser(), unused(), unused_mobile()
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    code = sitting.elsewhere.give(ONE, subject, kept.verifier)
    page = await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))
    assert page.target.endswith("/new")
    assert (await browser.post(page.target, {"csrf": page.csrf, "answer": "create"})).status == 403
    page = await browser.fill(page, answer="link")
    # Another identity that nobody has is no account to link to.
    unknown = await sitting.prove(browser, page, mobile)
    assert unknown.status == 403
    assert await sitting.user_of(normalise("custom", f"{ONE}|{subject}")) is None


async def test_who_is_new_and_not_let_in_is_told_of(own_sitting: Sitting) -> None:
    await own_sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    sitting, browser, subject = own_sitting, own_sitting.browser(), unused()
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    code = sitting.elsewhere.give(ONE, subject, kept.verifier)
    page = await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))
    identity, now = normalise("custom", f"{ONE}|{subject}"), sitting.resources.clock.now()
    assert await linked(sitting.resources.store, sitting.domain_id, identity, "somebody", now)
    with capture_logs() as logs:
        assert (await browser.post(page.target, {"csrf": page.csrf, "answer": "create"})).status == 403
    (told,) = (each for each in logs if each["event"] == "not let in")
    assert (told["type"], told["reason"]) == ("custom", "taken")


@pytest.mark.parametrize("status", ["disabled", "deleted"])
async def test_who_may_not_log_on_any_more_does_nothing(sitting: Sitting, browser: Browser, status: str) -> None:
    """Lockout holds when something is redeemed, and not only when it is begun (CVE-2026-16103)."""
    mobile = unused_mobile()
    page = await sitting.prove(browser, await sitting.begin(browser), mobile)
    account = await browser.get(f"/logon/account/{sitting.domain_id}")
    user_id = await who(sitting, browser)
    assert user_id
    if status == "disabled":
        await sitting.token.set_status(user_id, "disabled")
    else:
        await sitting.token.delete_user(user_id)
    link = {"csrf": account.csrf, "way": sitting.ways["one"]}
    assert (await browser.get(account.target)).status == 403
    assert (await browser.post(f"{account.target}/link", link)).status == 403
    answer = await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})
    assert answer.status in (303, 403)
    assert "code=" not in answer.location


async def test_who_is_gone_is_logged_on_nowhere(sitting: Sitting, browser: Browser) -> None:
    """Its id may be another user's one day."""
    await sitting.log_on(browser, unused_mobile())
    user_id = await who(sitting, browser)
    assert user_id
    await sitting.token.delete_user(user_id)
    async with asyncio.timeout(30):
        while await who(sitting, browser):
            await asyncio.sleep(0.1)
    store = sitting.resources.store
    assert await store.select_consent(sitting.domain_id, user_id, sitting.app.client_id) == frozenset()


async def test_who_is_new_is_told_so_where_there_is_one_way_alone(own_sitting: Sitting) -> None:
    """What is about to be added to an account is said before one logs on to it."""
    sitting, browser, mobile = own_sitting, own_sitting.browser(), unused_mobile()
    await sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    page = await sitting.prove(browser, await sitting.begin(browser, login_type="mobile"), mobile)
    page = await browser.fill(page, answer="link")
    assert shown(normalise("mobile", mobile)) in page.text
