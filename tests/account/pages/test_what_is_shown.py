"""Every value that a page shows, made of mark-up: it is shown as the letters that it is, and runs nothing.

CVE-2026-29191 (ZITADEL) and GO-2026-4861 (Hydra): one value on a page of logon that is not escaped is an account.
"""

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.account.model import normalise
from services.account.model.domain_settings import FirstLogon, LogonPage
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting
from tests.account.with_token import unused, unused_mobile
from tests.support.calls import refused

BAD = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{1234567*3}}${1234567*3}"
ONE = "https://one.example.com"


class Tags(HTMLParser):
    """The tags of a page, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def harmless(*pages: Page) -> None:
    """Nothing of it is mark-up, nor within an attribute."""
    for page in pages:
        if page.status == 303:
            continue
        tags = Tags(page.text)
        assert not {"script", "iframe", "object", "embed", "base", "style"} & {tag for tag, _ in tags.found}
        assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
        assert "x" not in [attributes.get("src") for _, attributes in tags.found]
        assert "3703701" not in page.text
        assert "script-src" not in page.header("content-security-policy")
        assert page.header("content-security-policy").startswith("default-src 'none'; ")


async def test_of_an_app(sitting: Sitting, browser: Browser) -> None:
    app = await sitting.tenant.web_app()
    changed = admin_pb2.App(client_id=app.client_id, name=BAD[:64], description=BAD)
    request = admin_pb2.UpdateAppRequest(app=changed)
    await sitting.tenant.admin.UpdateApp(request, metadata=await sitting.tenant.operator())
    first = await sitting.begin(browser, client_id=app.client_id)
    consent = await sitting.prove(browser, first, unused_mobile())
    assert "&lt;script&gt;" in consent.text
    harmless(first, consent)


async def test_of_a_domain(own_sitting: Sitting) -> None:
    sitting, browser = own_sitting, own_sitting.browser()
    await sitting.set(page=LogonPage(BAD, "https://example.com/\"onerror='alert(1)'.png", "#123456"))
    page = await sitting.begin(browser)
    assert "&lt;script&gt;" in page.text
    harmless(page)


async def test_of_a_user_system(own_sitting: Sitting) -> None:
    sitting, browser = own_sitting, own_sitting.browser()
    store, now = sitting.resources.store, sitting.resources.clock.now()
    found = await store.select_logon_systems(sitting.domain_id)
    for system in found.systems:
        await store.update_user_system(replace(system, display_name=BAD), now, new_secret=False)
    page = await sitting.begin(browser)
    flow_id = sitting.flow_id(page)
    forms = [await browser.get(f"/logon/{flow_id}/{sitting.ways[way]}") for way in ("mobile", "email", "ldap")]
    assert "&lt;script&gt;" in page.text
    harmless(page, *forms)


async def test_of_who_logs_on(own_sitting: Sitting) -> None:
    sitting, browser = own_sitting, own_sitting.browser()
    await sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
    sitting.elsewhere.display_name = BAD
    try:
        code = sitting.elsewhere.give(ONE, unused() + BAD, kept.verifier)
        new = await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))
    finally:
        sitting.elsewhere.display_name = ""
    assert new.target.endswith("/new")
    assert "&lt;script&gt;" in new.text
    ways = await browser.fill(new, answer="link")
    assert "&lt;script&gt;" in ways.text
    consent = await browser.fill(await browser.get(new.target), answer="create")
    browser.headers["user-agent"] = BAD
    account = await browser.get(f"/logon/account/{sitting.domain_id}")
    # The name, as its own letters, and what it stands for.
    assert account.text.count("&lt;script&gt;") > 1
    harmless(new, ways, consent, account)


async def test_an_identity_has_the_name_that_it_was_proven_with(own_sitting: Sitting) -> None:
    """As its provider has it now, and beside what the domain calls that."""
    sitting, browser, subject = own_sitting, own_sitting.browser(), unused()
    store, now = sitting.resources.store, sitting.resources.clock.now()
    found = await store.select_logon_systems(sitting.domain_id)
    system = next(each for each in found.systems if each.user_system_id == sitting.ways["other"])
    await store.update_user_system(replace(system, display_name="Shop"), now, new_secret=False)
    try:
        for sitting.elsewhere.display_name in ("Ann Lee", "Ann Smith"):
            state, kept = await sitting.leave(browser, await sitting.begin(browser, prompt="login"), "other")
            code = sitting.elsewhere.give("https://other.example.com", subject, kept.verifier)
            await browser.follow(await sitting.come_back(browser, "other", state=state, code=code))
            page = await browser.get(f"/logon/account/{sitting.domain_id}")
            assert f'{sitting.elsewhere.display_name}</strong> <span class="hint">(Shop)<' in page.text
    finally:
        sitting.elsewhere.display_name = ""
    await browser.fill(await sitting.begin_link(browser, "ldap"), name=f"n{subject}", password="right")
    page = await browser.get(f"/logon/account/{sitting.domain_id}")
    assert f'n{subject}</strong> <span class="hint">(Company directory)<' in page.text


@pytest.mark.parametrize("agent", [BAD, f"Firefox {BAD}", "", "A" * 8000], ids=["bad", "known", "none", "long"])
async def test_of_a_browser(sitting: Sitting, browser: Browser, agent: str) -> None:
    browser.headers["user-agent"] = agent
    await sitting.log_on(browser, unused_mobile())
    harmless(await browser.get(f"/logon/account/{sitting.domain_id}"))


async def test_of_a_device(sitting: Sitting, browser: Browser) -> None:
    # Who a device belongs to is asked, whatever its app is let.
    app = await sitting.token.native_app(device_flow=True, skip_consent=True)
    begun = await sitting.token.device(app, device_name=BAD[:64])
    page = await browser.follow(
        await browser.get(target("/logon/device", user_code=begun.user_code.lower().replace("-", " ")))
    )
    consent = await sitting.prove(browser, page, unused_mobile())
    assert begun.user_code in consent.text
    assert "&lt;script&gt;" in consent.text
    # In no sentence of ours.
    assert re.search(r"<p[^>]*>Device name: <bdi>[^<]*</bdi></p>", consent.text)
    assert consent.text.count("&lt;script&gt;") == 1
    harmless(consent)
    harmless(await browser.fill(consent, answer="deny"))
    await refused(sitting.token.poll(app, begun.device_code), "ACCESS_DENIED")


async def test_the_page_of_devices_looks_like_its_domain(own_sitting: Sitting) -> None:
    await own_sitting.set(page=LogonPage("Shop & Co", "https://example.com/logo.png", "#123456"))
    named, at_its_host = own_sitting.browser(), own_sitting.browser(host=f"{own_sitting.domain_id}.example.com")
    for browser, query in (
        (named, {"domain_id": own_sitting.domain_id}),
        (at_its_host, {}),
        (at_its_host, {"user_code": "x" * 21}),
    ):
        page = await browser.get(target("/logon/device", **query))
        for shown in ("Shop &amp; Co", "https://example.com/logo.png", "accent/123456.css"):
            assert shown in page.text
    for query, status in (({}, 200), ({"domain_id": "nobody"}, 404), ({"domain_id": "a b"}, 404)):
        page = await named.get(target("/logon/device", **query))
        assert (page.status, "Shop" in page.text) == (status, False)


@pytest.mark.parametrize(
    "template",
    [
        "/logon/device?user_code={bad}",
        "/logon/device?{bad}={bad}",
        "/logon/account?client_id={bad}",
        "/logon/account/{bad}",
        "/logon/language/en?back={bad}",
        "/logon/language/{bad}?back=/logon/device",
        "/logon/static/accent/{bad}.css",
        "/logon/back/{bad}?state={bad}&error={bad}&error_description={bad}",
        "/logon/{bad}",
        "/logon/{bad}/{bad}/{bad}",
        "/logon/inbox?{bad}",
        "/v2/oauth/authorize?client_id={bad}",
        "/v2/oauth/authorize?{bad}",
    ],
)
async def test_of_an_address(browser: Browser, template: str) -> None:
    for bad in (quote(BAD, safe=""), quote("\"onmouseover='alert(1)'x=\"", safe=""), "%00", "%ff%fe", "%e2%80%ae"):
        page = await browser.get(template.format(bad=bad))
        harmless(page)
        assert page.status in (200, 303, 400, 403, 404, 405)


async def test_of_an_ask(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser, login_hint=BAD, state=BAD, nonce=BAD)
    flow_id = sitting.flow_id(page)
    forms = [await browser.get(f"/logon/{flow_id}/{sitting.ways[way]}") for way in ("mobile", "email", "ldap")]
    # Where it is no number and no address it may still be a name.
    assert ["&lt;script&gt;" in each.text for each in forms] == [True, False, True]
    again = []
    for way, fields in (
        ("mobile", {"address": BAD, "country_code": BAD}),
        ("email", {"address": BAD}),
        ("ldap", {"name": BAD, "password": BAD}),
    ):
        form = await browser.get(f"/logon/{flow_id}/{sitting.ways[way]}")
        again.append(await browser.post(form.target, {"csrf": form.csrf} | fields))
    assert [each.status for each in again] == [400, 400, 400]
    harmless(page, *forms, *again)


async def test_attributes_are_read_as_they_are_meant(sitting: Sitting, browser: Browser) -> None:
    """What a template says of a field reaches the browser: no password is offered where a code belongs."""
    page = await sitting.send_code(browser, await sitting.begin(browser), unused_mobile())
    flow_id = sitting.flow_id(page)
    password = await browser.get(f"/logon/{flow_id}/{sitting.ways['ldap']}")
    fields = {
        attributes.get("name"): attributes
        for each in (page, password)
        for tag, attributes in Tags(each.text).found
        if tag == "input"
    }
    assert fields["code"]["autocomplete"] == "one-time-code"
    assert fields["code"]["inputmode"] == "numeric"
    assert fields["password"]["autocomplete"] == "current-password"
    assert fields["password"]["type"] == "password"


async def test_of_an_address_that_a_code_went_to(sitting: Sitting, browser: Browser) -> None:
    address = f"o'{unused()}&x@example.com"
    page = await sitting.send_code(browser, await sitting.begin(browser), address)
    assert page.target.endswith("/code")
    assert "o'" not in page.text
    assert "o&#39;" in page.text


async def test_what_is_refused_shows_no_secret(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    form = await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['ldap']}")
    refused = await browser.post(form.target, {"csrf": form.csrf, "name": "ann", "password": "s3cret-word"})
    assert refused.status == 400
    assert "s3cret-word" not in refused.text
    mobile = unused_mobile()
    code_page = await sitting.send_code(browser, page, mobile)
    right = sitting.inbox.code(f"+86{mobile}")
    assert right not in code_page.text
    wrong = await browser.post(
        code_page.target, {"csrf": code_page.csrf, "code": f"{(int(right) + 1) % 1_000_000:06d}"}
    )
    assert right not in wrong.text
    flow = sitting.opened(browser, sitting.flow_id(page))
    assert flow.sent
    assert flow.sent.identity == normalise("mobile", mobile, "86")
