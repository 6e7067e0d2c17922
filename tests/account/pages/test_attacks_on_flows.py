"""Logons that are under way: sealed cookies, and what comes back from user systems elsewhere.

RFC 9700 sections 4.4 (mix-up), 4.5 (code injection), 4.7 (CSRF); and the CVEs of login states of Keycloak and ZITADEL:
CVE-2026-7507, -15571, -18963, -109372, -119128, -105207.
"""

import base64
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.account.connectors import Wish
from services.account.model import Identity, normalise
from services.account.model.domain_settings import FirstLogon
from services.account.model.user_systems import UserSystem, WechatSettings
from services.account.pages.flow import LIFETIME, Sent
from services.runtime.errors import Unavailable
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting
from tests.account.with_token import unused, unused_mobile
from tests.support.token import ISSUER

ONE, OTHER = "https://one.example.com", "https://other.example.com"
OVER = 400


async def test_a_cookie_that_was_touched_is_none(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    flow_id = sitting.flow_id(page)
    name, sealed = f"__Host-tessera-logon-{flow_id}", sitting.cookie(browser, flow_id)
    raw = bytearray(base64.urlsafe_b64decode(sealed))
    raw[len(raw) // 2] ^= 1
    touched = [
        base64.urlsafe_b64encode(raw).decode(),
        sealed[:-8],
        sealed[:16],
        sealed[:20],
        "",
        "=",
        "AAAA",
        sealed + "AAAA",
        "a" * 5000,
        base64.urlsafe_b64encode(b"\0" * 11).decode(),
        base64.urlsafe_b64encode(b'{"flow_id":"x"}').decode(),
    ]
    for value in touched:
        answer = await browser.get(f"/logon/{flow_id}", {"cookie": f"{name}={value}"})
        assert (answer.status, answer.location) == (OVER, ""), value
    assert (await browser.get(f"/logon/{flow_id}")).status == 200


async def test_ghsa_r9w3_what_is_sealed_is_a_value_all_the_same(sitting: Sitting, browser: Browser) -> None:
    """Who has the key seals anything; in Hydra that was a part of a statement."""
    bad = "' or true; drop table account.link; --"
    flow = sitting.opened(browser, sitting.flow_id(await sitting.begin(browser)))
    assert flow.ask
    sent = Sent(str(sitting.resources.new_id()), Identity("mobile", bad, bad))
    for changed in (
        replace(flow, domain_id=bad),
        replace(flow, ask=replace(flow.ask, client_id=bad)),
        replace(flow, sent=sent),
        replace(flow, ask=None, link=bad),
    ):
        sealed = base64.urlsafe_b64encode(sitting.seal.seal(changed)).decode()
        cookie = {"cookie": f"__Host-tessera-logon-{flow.flow_id}={sealed}"}
        for page in ("", "/code", "/consent"):
            assert (await browser.get(f"/logon/{flow.flow_id}{page}", cookie)).status in (200, 303, 400)
        tried = await browser.post(f"/logon/{flow.flow_id}/code", {"csrf": flow.csrf, "code": "123456"}, cookie)
        assert tried.status in (200, 400)
    await sitting.log_on(browser, unused_mobile())


async def test_a_cookie_is_for_one_flow_and_one_browser(sitting: Sitting, browser: Browser) -> None:
    other = sitting.browser()
    mine, theirs = [sitting.flow_id(await sitting.begin(each)) for each in (browser, other)]
    assert (await browser.get(f"/logon/{theirs}")).status == OVER
    swapped = {"cookie": f"__Host-tessera-logon-{theirs}={sitting.cookie(browser, mine)}"}
    assert (await browser.get(f"/logon/{theirs}", swapped)).status == OVER
    # Without the prefix that keeps a sister domain from setting it, it is not looked at.
    bare = {"cookie": f"tessera-logon-{mine}={sitting.cookie(browser, mine)}"}
    assert (await browser.get(f"/logon/{mine}", bare)).status == OVER


@pytest.mark.parametrize("flow", ["x", "", "..", "%2e%2e", "a%00b", "%ff", "a" * 3000, "<script>", "account%2f..", "*"])
async def test_flows_that_are_none(browser: Browser, flow: str) -> None:
    for path in (f"/logon/{flow}", f"/logon/{flow}/code", f"/logon/{flow}/consent", f"/logon/{flow}/new"):
        page = await browser.get(path)
        assert page.status in (400, 403, 404, 405)
        assert (page.location, page.cookies) == ("", [])


async def test_a_flow_that_took_too_long_is_over(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    flow = sitting.opened(browser, sitting.flow_id(page))
    sealed = base64.urlsafe_b64decode(sitting.cookie(browser, flow.flow_id))
    now = sitting.resources.clock.now()
    assert sitting.seal.open(sealed, flow.flow_id, now + LIFETIME - timedelta(seconds=2)) == flow
    assert sitting.seal.open(sealed, flow.flow_id, now + LIFETIME) is None


async def test_no_step_is_passed_over(sitting: Sitting, browser: Browser) -> None:
    flow_id = sitting.flow_id(await sitting.begin(browser))
    csrf = sitting.opened(browser, flow_id).csrf
    assert (await browser.get(f"/logon/{flow_id}/consent")).location == f"/logon/{flow_id}"
    for path in ("code", "new"):
        assert (await browser.get(f"/logon/{flow_id}/{path}")).status == OVER
        for form in ({"code": "123456"}, {"answer": "create"}, {"answer": "link"}, {}):
            assert (await browser.post(f"/logon/{flow_id}/{path}", {"csrf": csrf} | form)).status == OVER
    allowed = await browser.post(f"/logon/{flow_id}/consent", {"csrf": csrf, "answer": "allow"})
    assert (allowed.status, allowed.location) == (303, f"/logon/{flow_id}?form")
    for empty in ({"code": ""}, {"name": "", "password": ""}, {"address": ""}):
        for way in sitting.ways.values():
            answer = await browser.post(f"/logon/{flow_id}/{way}", {"csrf": csrf} | empty)
            assert answer.status in (400, 404)


async def test_a_browser_keeps_few_flows_and_none_that_is_over(sitting: Sitting, browser: Browser) -> None:
    browser.cookies = {f"__Host-tessera-logon-{number}": "A" * 800 for number in range(12)}
    for _ in range(9):
        page = await sitting.begin(browser, state="s" * 500)
    kept = [name for name in browser.cookies if name.startswith("__Host-tessera-logon-")]
    assert 1 <= len(kept) <= 6
    assert f"__Host-tessera-logon-{sitting.flow_id(page)}" in kept
    cookie = next(each for each in (await browser.get(sitting.ask())).cookies if "Max-Age=0" not in each)
    assert f"Max-Age={int(LIFETIME.total_seconds())}" in cookie


async def test_the_fullest_flows_fit_what_the_gateway_takes(sitting: Sitting, browser: Browser) -> None:
    for _ in range(8):
        answer = await browser.get(sitting.ask(state="s" * 1000, nonce="n" * 1000, login_hint="h" * 200))
        assert answer.location.startswith("/logon/"), answer.location
    assert sum(len(name) + len(value) + 3 for name, value in browser.cookies.items()) < 24_000
    assert all(len(name) + len(value) < 4_000 for name, value in browser.cookies.items())


# What comes back from elsewhere.


async def test_there_and_back(sitting: Sitting, browser: Browser) -> None:
    subject = unused()
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    code = sitting.elsewhere.give(ONE, subject, kept.verifier)
    page = await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))
    assert page.path.endswith("/consent")
    assert await sitting.user_of(normalise("custom", f"{ONE}|{subject}"))


async def test_a_state_is_good_once(sitting: Sitting, browser: Browser) -> None:
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    asked = sitting.elsewhere.asked
    first = await sitting.come_back(browser, "one", state=state, code="none of mine")
    assert (await browser.follow(first)).status == 400
    code = sitting.elsewhere.give(ONE, unused(), kept.verifier)
    again = await sitting.come_back(browser, "one", state=state, code=code)
    assert (again.status, again.location) == (OVER, "")
    assert sitting.elsewhere.asked == asked + 1


@pytest.mark.parametrize("state", ["", "x", "ä", "漢", "\0", "a" * 5000])
async def test_a_state_that_is_none(sitting: Sitting, browser: Browser, state: str) -> None:
    await sitting.leave(browser, await sitting.begin(browser), "one")
    asked = sitting.elsewhere.asked
    answers = [
        await sitting.come_back(browser, "one", state=state, code="c"),
        await sitting.come_back(browser, "one", code="c"),
    ]
    assert [each.status for each in answers] == [OVER, OVER]
    assert sitting.elsewhere.asked == asked


async def test_a_state_of_somebody_elses_browser(sitting: Sitting, browser: Browser) -> None:
    """Logon CSRF: the attacker's code and state, brought to the victim's browser, log nobody on."""
    victim = sitting.browser()
    await sitting.leave(victim, await sitting.begin(victim), "one")
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    code = sitting.elsewhere.give(ONE, unused(), kept.verifier)
    answer = await sitting.come_back(victim, "one", state=state, code=code)
    assert (answer.status, answer.location) == (OVER, "")
    assert not any("session" in name for name in victim.cookies)
    assert (await sitting.come_back(browser, "one", state=state, code=code)).status == 303


async def test_a_code_of_somebody_elses_browser(sitting: Sitting, browser: Browser) -> None:
    """Code injection: the victim's code with the attacker's own state."""
    victim = sitting.browser()
    _, theirs = await sitting.leave(victim, await sitting.begin(victim), "one")
    state, _ = await sitting.leave(browser, await sitting.begin(browser), "one")
    stolen = sitting.elsewhere.give(ONE, unused(), theirs.verifier)
    answer = await sitting.come_back(browser, "one", state=state, code=stolen)
    assert (await browser.follow(answer)).status == 400
    assert not any("session" in name for name in browser.cookies)


async def test_two_flows_of_one_browser_are_not_swapped(sitting: Sitting, browser: Browser) -> None:
    first, second = await sitting.begin(browser), await sitting.begin(browser, state="second")
    state_1, kept_1 = await sitting.leave(browser, first, "one")
    state_2, kept_2 = await sitting.leave(browser, second, "one")
    assert len({state_1, state_2, kept_1.nonce, kept_2.nonce, kept_1.verifier, kept_2.verifier}) == 6
    crossed = sitting.elsewhere.give(ONE, unused(), kept_2.verifier)
    assert (await browser.follow(await sitting.come_back(browser, "one", state=state_1, code=crossed))).status == 400
    right = sitting.elsewhere.give(ONE, unused(), kept_2.verifier)
    answer = await sitting.come_back(browser, "one", state=state_2, code=right)
    assert answer.location.startswith(f"/logon/{sitting.flow_id(second)}")


async def test_what_one_provider_says_is_not_believed_of_another(sitting: Sitting, browser: Browser) -> None:
    """Mix-up, and the confusion of CVE-2026-109372: each has an address of its own, and the flow names it."""
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    asked = sitting.elsewhere.asked
    code = sitting.elsewhere.give(OTHER, unused(), kept.verifier)
    assert (await sitting.come_back(browser, "other", state=state, code=code)).status == OVER
    for way in ("mobile", "ldap"):
        assert (await sitting.come_back(browser, way, state=state, code=code)).status == OVER
    assert sitting.elsewhere.asked == asked
    assert sitting.elsewhere.left[-1][2].endswith(f"/logon/back/{sitting.ways['one']}")
    assert (await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))).status == 400


async def test_an_answer_with_something_twice_is_none(sitting: Sitting, browser: Browser) -> None:
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    code = sitting.elsewhere.give(ONE, unused(), kept.verifier)
    back = target(f"/logon/back/{sitting.ways['one']}", state=state, code=code)
    asked = sitting.elsewhere.asked
    for more in ("&state=x", "&code=x", f"&code={code}", "&iss=a&iss=b", "&" + "&".join(f"a{n}=1" for n in range(60))):
        assert (await browser.get(back + more)).status == 400
    assert sitting.elsewhere.asked == asked
    assert (await browser.get(back)).status == 303


async def test_who_chose_another_way_meanwhile_does_not_come_back(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    state, kept = await sitting.leave(browser, page, "one")
    await sitting.send_code(browser, page, unused_mobile())
    code = sitting.elsewhere.give(ONE, unused(), kept.verifier)
    assert (await sitting.come_back(browser, "one", state=state, code=code)).status == OVER


@pytest.mark.parametrize("host", ["evil.example.com", "bj1.example.com:8443", "localhost", "a b", "a@b", "", "x" * 300])
async def test_a_host_that_nobody_declared_is_led_nowhere(sitting: Sitting, host: str) -> None:
    browser = sitting.browser(host=host)
    page = await browser.get(sitting.ask())
    if page.status == 303:
        left = len(sitting.elsewhere.left)
        answer = await browser.get(f"{page.location}/{sitting.ways['one']}")
        assert (answer.status, answer.location) == (404, "")
        assert len(sitting.elsewhere.left) == left


async def test_who_comes_back_comes_to_the_declared_host(sitting: Sitting, browser: Browser) -> None:
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    assert sitting.elsewhere.left[-1][2] == f"{ISSUER}/logon/back/{sitting.ways['one']}"
    code, browser.host = sitting.elsewhere.give(ONE, unused(), kept.verifier), "evil.example.com"
    answer = await sitting.come_back(browser, "one", state=state, code=code)
    assert (answer.status, answer.location, code in sitting.elsewhere.given) == (404, "", True)


@pytest.mark.parametrize("path", ["/logon/device/", "/v2/oauth/authorize/", "/logon/account/", "/logon/inbox/"])
async def test_a_slash_too_many_leads_to_no_host(sitting: Sitting, path: str) -> None:
    """A host in a request is whose it likes, and no way on is made of it (CVE-2026-29067)."""
    page = await sitting.browser(host="evil.example.com").get(path)
    assert (page.status, page.location) in ((400, ""), (404, ""))


async def test_a_user_system_that_is_away_leaves_a_choice(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    sitting.elsewhere.fails = Unavailable("user system")
    answers = [await browser.get(f"{page.target}/{sitting.ways['one']}")]
    state, _ = await sitting.leave(browser, page, "one")
    sitting.elsewhere.fails = Unavailable("user system")
    answers += [back := await browser.follow(await sitting.come_back(browser, "one", state=state, code="c"))]
    # Loaded again, and in another language, it is the same page.
    answers += [await browser.get(back.target)]
    speak = await browser.get(target("/logon/language/zh", back=back.target))
    answers += [await browser.get(speak.location)]
    assert {each.status for each in answers} == {503}
    assert all(each.problem and sitting.ways["other"] in each.text for each in answers)


# Off, and for linking alone (CVE-2026-16442, ZITADEL CVE-2025-64717).


async def change(sitting: Sitting, way: str, **changed: bool) -> None:
    store = sitting.resources.store
    system = await store.select_user_system(sitting.domain_id, UUID(sitting.ways[way]))
    await store.update_user_system(replace(system, **changed), sitting.resources.clock.now(), new_secret=False)


@pytest.mark.parametrize("changed", [{"enabled": False}, {"link_only": True}], ids=str)
async def test_a_way_that_is_off_is_off_on_every_path(own_sitting: Sitting, changed: dict[str, bool]) -> None:
    sitting, mobile = own_sitting, unused_mobile()
    browsers = [sitting.browser() for _ in range(5)]
    at_code, at_form, away, at_password, newcomer = browsers
    code_page = await sitting.send_code(at_code, await sitting.begin(at_code), mobile)
    flow_id = sitting.flow_id(await sitting.begin(at_form))
    form = await at_form.get(f"/logon/{flow_id}/{sitting.ways['mobile']}")
    state, kept = await sitting.leave(away, await sitting.begin(away), "one")
    password_id = sitting.flow_id(await sitting.begin(at_password))
    password = await at_password.get(f"/logon/{password_id}/{sitting.ways['ldap']}")
    await sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    new = await sitting.prove(newcomer, await sitting.begin(newcomer), unused_mobile())
    for way in ("mobile", "one", "ldap"):
        await change(sitting, way, **changed)
    sent, asked = len(sitting.inbox.messages), sitting.elsewhere.asked
    code = sitting.inbox.code(f"+86{mobile}")
    given = sitting.elsewhere.give(ONE, unused(), kept.verifier)
    answers = [
        await at_code.post(code_page.target, {"csrf": code_page.csrf, "code": code}),
        await at_form.post(form.target, {"csrf": form.csrf, "address": mobile, "country_code": "86"}),
        await at_form.get(form.target),
        await sitting.come_back(away, "one", state=state, code=given),
        await at_password.post(password.target, {"csrf": password.csrf, "name": "ann", "password": "right"}),
        await newcomer.post(new.target, {"csrf": new.csrf, "answer": "create"}),
        await at_form.get(sitting.ask(login_type="mobile")),
    ]
    assert [each.status for each in answers[:-1]] == [OVER, 404, 404, 404, 404, OVER]
    assert answers[-1].answer["error"] == "invalid_request"
    assert (len(sitting.inbox.messages), sitting.elsewhere.asked) == (sent, asked)
    for each in browsers:
        assert not any("session" in name for name in each.cookies)
    shown = (await at_form.follow(await at_form.get(sitting.ask()))).text
    assert all(sitting.ways[way] not in shown for way in ("mobile", "one", "ldap"))
    assert sitting.ways["email"] in shown


async def log_on_by(sitting: Sitting, browser: Browser, way: str, page: Page) -> Page:
    """Log a browser on by a provider."""
    state, kept = await sitting.leave(browser, page, way)
    code = sitting.elsewhere.give({"one": ONE, "other": OTHER}[way], unused(), kept.verifier)
    return await browser.follow(await sitting.come_back(browser, way, state=state, code=code))


@pytest.mark.parametrize("off", ["disabled", "link only", "deleted", "of a release before"])
async def test_who_was_let_in_by_a_way_that_is_off_is_logged_on_nowhere(own_sitting: Sitting, off: str) -> None:
    """Also where another one of the same type lets people in."""
    sitting, browser, store = own_sitting, own_sitting.browser(), own_sitting.resources.store
    ask = await log_on_by(sitting, browser, "one", await sitting.begin(browser))
    account = await browser.get(f"/logon/account/{sitting.domain_id}")
    device_app = await sitting.tenant.native_app(device_flow=True)
    begun = await sitting.token.device(device_app)
    at_device = target("/logon/device", user_code=begun.user_code, domain_id=sitting.domain_id)
    device = await browser.follow(await browser.get(at_device))
    assert 'value="allow"' in ask.text
    assert 'value="allow"' in device.text
    await browser.post(ask.target, {"csrf": ask.csrf, "answer": "allow"})
    again = await sitting.begin(browser, prompt="consent")
    assert "code" in (await browser.get(sitting.ask(prompt="none"))).answer
    if off == "deleted":
        await store.delete_user_system(sitting.domain_id, UUID(sitting.ways["one"]), None)
    elif off == "of a release before":
        await store._database.execute(
            "update account.logon_session set user_system_id = null where domain_id = $1", sitting.domain_id
        )
        await change(sitting, "one", enabled=False)
        assert "code" in (await browser.get(sitting.ask(prompt="none"))).answer
        await change(sitting, "other", enabled=False)
    else:
        await change(sitting, "one", **({"enabled": False} if off == "disabled" else {"link_only": True}))
    assert (await browser.get(sitting.ask(prompt="none"))).answer["error"] == "login_required"
    for page in (again, device):
        flow = page.target.partition("/consent")[0]
        allowed = await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})
        for answer in (await browser.get(page.target), allowed):
            assert answer.location.partition("?")[0] == flow
    for answer in (await browser.get(sitting.ask()), await browser.get(at_device)):
        assert not answer.location.partition("?")[0].endswith("/consent")
    assert (await browser.get(account.target)).status == 403
    assert (await browser.post(f"{account.target}/link", {"csrf": account.csrf})).status == 403


async def test_who_is_logged_on_by_another_way_than_the_app_wants_is_not(sitting: Sitting, browser: Browser) -> None:
    await sitting.log_on(browser, unused_mobile())
    assert "code" in (await browser.get(sitting.ask(prompt="none", login_type="mobile"))).answer
    silent = await browser.get(sitting.ask(prompt="none", login_type="email"))
    assert silent.answer["error"] == "login_required"
    page = await sitting.begin(browser, login_type="email")
    assert page.target.endswith(sitting.ways["email"])
    skipped = await browser.get(f"/logon/{sitting.flow_id(page)}/consent")
    assert skipped.location == f"/logon/{sitting.flow_id(page)}"


@pytest.mark.parametrize(
    ("asked", "anew"),
    [({}, False), ({"prompt": "login"}, True), ({"prompt": "select_account"}, True), ({"max_age": "60"}, True)],
    ids=str,
)
async def test_what_a_provider_is_told_to_do(
    sitting: Sitting, browser: Browser, asked: dict[str, str], anew: bool
) -> None:
    page = await sitting.begin(browser, login_hint="ada@example.com", **asked)
    await sitting.leave(browser, page, "one")
    _, kept, _, wish = sitting.elsewhere.left[-1]
    assert (bool(kept.anew_from), wish) == (anew, Wish("ada@example.com"))


async def test_wecoms_own_app_is_told_of(own_sitting: Sitting) -> None:
    sitting, browser = own_sitting, own_sitting.browser()
    way = UserSystem(sitting.domain_id, str(sitting.resources.new_id()), WechatSettings("corp", "1000002"))
    assert await sitting.resources.store.insert_user_system(way, sitting.resources.clock.now())
    for login_type, in_app in (("wechat_app", True), ("wechat", False)):
        begun = await browser.follow(await browser.get(sitting.ask(login_type=login_type)))
        assert begun.location.startswith("https://wechat.example.com/")
        assert sitting.elsewhere.left[-1][3].in_app is in_app


# To add an identity.


async def test_an_identity_is_added_to_who_began_it(sitting: Sitting, browser: Browser) -> None:
    """Somebody else is logged on in this browser by the time that the provider sends it back."""
    subject, ann, ben = unused(), unused_mobile(), unused_mobile()
    await sitting.log_on(browser, ann)
    away = await sitting.begin_link(browser, "one")
    kept = sitting.elsewhere.left[-1][1]
    await sitting.log_on(browser, ben, prompt="login")
    code = sitting.elsewhere.give(ONE, subject, kept.verifier)
    answer = await sitting.come_back(browser, "one", state=away.answer["state"], code=code)
    assert answer.status == 403
    assert await sitting.user_of(normalise("custom", f"{ONE}|{subject}")) is None


async def test_what_was_proven_long_ago_changes_no_identity(sitting: Sitting, browser: Browser) -> None:
    """CVE-2026-105207: a session alone is no proof of the account to which an identity is added."""
    mobile = unused_mobile()
    await sitting.log_on(browser, mobile)
    page = await browser.get(f"/logon/account/{sitting.domain_id}")
    store, now = sitting.resources.store, sitting.resources.clock.now()
    user_id = await sitting.user_of(normalise("mobile", mobile))
    assert user_id
    await store._database.execute(
        "update account.logon_session set proven_at = $3 where domain_id = $1 and user_id = $2",
        sitting.domain_id,
        user_id,
        now - timedelta(minutes=16),
    )
    for what, fields in (
        ("link", {"way": sitting.ways["one"]}),
        ("unlink", {"type": "mobile", "identity": mobile, "extra": "86"}),
    ):
        answer = await browser.post(f"{page.target}/{what}", {"csrf": page.csrf} | fields)
        assert answer.status == 303
        confirm = await browser.follow(answer)
        flow = sitting.opened(browser, sitting.flow_id(confirm))
        assert (flow.link, flow.ask) == ("", None)
        assert "Confirm that it is you" in confirm.text
        # A provider does not go by a session of its own.
        before = now.timestamp()
        await browser.get(f"/logon/{flow.flow_id}/{sitting.ways['one']}")
        assert sitting.elsewhere.left[-1][1].anew_from >= before
    assert await sitting.user_of(normalise("mobile", mobile)) == user_id


async def test_a_state_of_linking_is_good_for_nothing_else(sitting: Sitting, browser: Browser) -> None:
    await sitting.log_on(browser, unused_mobile())
    away = await sitting.begin_link(browser, "one")
    kept, subject = sitting.elsewhere.left[-1][1], unused()
    victim = sitting.browser()
    await sitting.log_on(victim, unused_mobile())
    code = sitting.elsewhere.give(ONE, subject, kept.verifier)
    assert (await sitting.come_back(victim, "one", state=away.answer["state"], code=code)).status == OVER
    assert await sitting.user_of(normalise("custom", f"{ONE}|{subject}")) is None
    linked = await sitting.come_back(browser, "one", state=away.answer["state"], code=code)
    assert linked.location == f"/logon/account/{sitting.domain_id}"
    assert await sitting.user_of(normalise("custom", f"{ONE}|{subject}")) is not None


# Sessions.


async def test_a_session_that_was_there_before_is_worth_nothing(sitting: Sitting, browser: Browser) -> None:
    """Session fixation: what an attacker put into the victim's browser is replaced, and stays the attacker's."""
    attacker, name = sitting.browser(), f"__Host-tessera-session-{sitting.domain_id}"
    await sitting.log_on(attacker, unused_mobile())
    for planted in (attacker.cookies[name], "A" * 64, ""):
        browser.cookies, ben = {name: planted}, unused_mobile()
        await sitting.prove(browser, await sitting.begin(browser, prompt="login"), ben)
        assert browser.cookies[name] != planted
        thief = sitting.browser()
        thief.cookies = {name: planted}
        assert ben not in (await thief.get(f"/logon/account/{sitting.domain_id}")).text


async def test_a_session_ends_after_twelve_hours(sitting: Sitting, browser: Browser) -> None:
    mobile = unused_mobile()
    await sitting.log_on(browser, mobile)
    store, user_id = sitting.resources.store, await sitting.user_of(normalise("mobile", mobile))
    (session,) = await store.select_logon_sessions(sitting.domain_id, user_id, sitting.resources.clock.now())
    for hours, found in ((12, True), (12.01, False)):
        at = session.proven_at + timedelta(hours=hours) - timedelta(seconds=1)
        assert bool(await store.select_logon_session(sitting.domain_id, session.session_id, at)) is found
        assert bool(await store.select_logon_sessions(sitting.domain_id, user_id, at)) is found


async def test_a_session_is_its_domains(sitting: Sitting, own_sitting: Sitting, browser: Browser) -> None:
    await sitting.log_on(browser, unused_mobile())
    value = browser.cookies[f"__Host-tessera-session-{sitting.domain_id}"]
    other = sitting.browser()
    other.cookies = {f"__Host-tessera-session-{own_sitting.domain_id}": value}
    assert (await other.get(f"/logon/account/{own_sitting.domain_id}")).status == 403
    assert not (await other.get(own_sitting.ask())).location.endswith("/consent")


@pytest.mark.parametrize("domain_id", ["nobody", "a%00b", "..", "%2e%2e", "*", "a" * 300, "<b>"])
async def test_accounts_of_domains_that_are_none(browser: Browser, domain_id: str) -> None:
    assert (await browser.get(f"/logon/account/{domain_id}")).status in (400, 403, 404)


async def test_a_session_that_was_touched_is_none(sitting: Sitting, browser: Browser) -> None:
    await sitting.log_on(browser, unused_mobile())
    name = f"__Host-tessera-session-{sitting.domain_id}"
    value = browser.cookies[name]
    swapped = value[:-4] + ("AAAA" if value[-4:] != "AAAA" else "BBBB")
    for touched in (swapped, value[:-4], "", value * 2, value.swapcase()):
        browser.cookies[name] = touched
        assert (await browser.get(f"/logon/account/{sitting.domain_id}")).status == 403
