"""What comes with every page: framing, caching, referrer, cookies (RFC 9700 sections 4.2, 4.3, 4.12, 4.16)."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from google.api import httpbody_pb2

from services.account.pages.languages import LANGUAGES
from services.account.resources import Resources
from services.account.senders.console import ConsoleSender
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting, serving_pages
from tests.account.with_token import unused_mobile
from tests.support.token_client import REDIRECT_URI

NEVER = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}
FLOW = re.compile(r'__Host-tessera-logon-[\w-]{22}="?[\w-]+=*"?; HttpOnly; Max-Age=1800; Path=/; SameSite=lax; Secure')
SESSION = re.compile(r'__Host-tessera-session-\w+="?[\w=-]{64}"?; HttpOnly; Path=/; SameSite=lax; Secure')
KNOWN = re.compile(r'__Host-tessera-known="?[\w-]{64}"?; HttpOnly; Max-Age=15552000; Path=/; SameSite=lax; Secure')
GONE = re.compile(
    r'__Host-tessera-(logon|session)-[\w-]+=""; (expires=[^;]+; )?HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure'
)
LANGUAGE = re.compile(r"tessera-language=zh; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax; Secure")


def guarded(page: Page) -> None:
    """What holds for every answer."""
    assert {name: page.header(name) for name in NEVER} == NEVER
    policy = page.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe|script-src|\*", policy)
    for cookie in page.cookies:
        assert any(kind.fullmatch(cookie) for kind in (FLOW, SESSION, KNOWN, GONE, LANGUAGE)), cookie
    if page.status != 303:
        assert page.content_type == "text/html; charset=utf-8"
        assert not page.header("location")
        assert "<script" not in page.text
        assert not re.search(r"\s(on\w+|style)=", page.text)
        assert not re.search(r"<(iframe|object|embed|base|link[^>]*href=\"http)", page.text)
    for name, value in page.headers:
        assert value.isprintable(), (name, value)


async def test_of_every_page_on_the_way(sitting: Sitting, browser: Browser) -> None:
    mobile = unused_mobile()
    pages = [first := await browser.get(sitting.ask())]
    pages.append(choose := await browser.get(first.location))
    flow_id = sitting.flow_id(choose)
    pages += [form := await browser.get(f"/logon/{flow_id}/{sitting.ways['mobile']}")]
    pages += [await browser.get(f"/logon/{flow_id}/{sitting.ways['ldap']}")]
    pages += [await browser.get(f"/logon/{flow_id}/{sitting.ways['one']}")]
    pages += [sent := await browser.post(form.target, {"csrf": form.csrf, "address": mobile, "country_code": "86"})]
    pages += [code := await browser.get(sent.location)]
    pages += [await browser.post(code.target, {"csrf": code.csrf, "code": "abc"})]
    right = {"csrf": code.csrf, "code": sitting.inbox.code(f"+86{mobile}")}
    pages += [logged_on := await browser.post(code.target, right)]
    pages += [consent := await browser.get(logged_on.location)]
    pages += [answered := await browser.post(consent.target, {"csrf": consent.csrf, "answer": "allow"})]
    pages += [account := await browser.get(f"/logon/account/{sitting.domain_id}")]
    pages += [await browser.get("/logon/device"), await browser.get("/logon/nothing/at/all/here")]
    pages += [await browser.post(f"{account.target}/sign_out", {"csrf": account.csrf, "session": "x"})]
    pages += [await browser.post("/logon/device", {"user_code": "x"}), await browser.get(f"{account.target}/link")]
    pages += [await browser.post("/logon/nothing", {}), await browser.get("/logon/inbox")]
    pages += [await browser.get(target("/logon/language/zh", back="/logon/device"))]
    pages += [await browser.get(sitting.ask(client_id="nobody")), await browser.get(sitting.ask(response_type="token"))]
    for page in pages:
        guarded(page)
        assert page.status in (200, 303, 400, 403, 404, 405)
    # The code is in one place alone: the address of the app.
    code_ = answered.answer["code"]
    others = [page for page in pages if page is not answered]
    assert not any(code_ in page.text or code_ in "".join(page.cookies) for page in others)
    # By no redirect, which browsers hold a form to the policy of its page for: all lead to us alone.
    assert (answered.status, answered.header("location"), answered.text.count(code_)) == (200, "", 2)
    assert answered.location.startswith(f"{REDIRECT_URI}?")
    policies = {page.header("content-security-policy") for page in pages if page.status == 200}
    assert all(policy.endswith("form-action 'self'") for policy in policies)
    # Who is logged on, and let the app have it, came by no form.
    again = await browser.follow(await browser.get(sitting.ask()))
    assert (again.status, again.header("location").startswith(f"{REDIRECT_URI}?")) == (303, True)


@pytest.mark.parametrize(
    ("scheme", "host", "secure"),
    [
        ("https", "id.example.com", True),
        ("http", "id.example.com", True),
        ("https", "localhost:8443", True),
        ("http", "localhost:8080", False),
        ("http", "127.0.0.1:8080", False),
        ("http", "[::1]:8080", False),
        ("http", "localhost.evil.example.com", True),
        ("http", "127.0.0.1.evil.example.com", True),
        ("http", "127.0.0.1@evil.example.com", True),
        ("http", "evil.example.com:127.0.0.1", True),
        ("http", "", True),
    ],
)
async def test_cookies_are_for_tls_alone_but_on_ones_own_machine(
    sitting: Sitting, scheme: str, host: str, *, secure: bool
) -> None:
    (cookie,) = (await sitting.browser(scheme=scheme, host=host).get(sitting.ask())).cookies
    assert ("; Secure" in cookie, cookie.startswith("__Host-")) == (secure, secure)


async def test_a_browser_that_keeps_nothing_is_told_why(sitting: Sitting) -> None:
    browser = sitting.browser(scheme="http", host="192.168.0.2:8080")
    begun = await browser.get(sitting.ask())
    browser.cookies.clear()
    page = await browser.get(begun.location)
    assert (page.status, page.problem) == (400, LANGUAGES["en"].say("error.insecure"))


async def test_what_is_the_same_for_everybody_may_be_kept(browser: Browser) -> None:
    (style,) = re.findall(r'"(/logon/static/style\.css\?[0-9a-f]{16})"', (await browser.get("/logon/device")).text)
    css = "text/css; charset=utf-8"
    for path, kind in (
        (style, css),
        ("/logon/static/accent/00ff00.css", css),
        ("/logon/static/icon.svg", "image/svg+xml"),
    ):
        page = await browser.get(path)
        assert (page.status, page.content_type) == (200, kind)
        assert page.header("cache-control") == "public, max-age=3600"
        assert page.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("color", ["00FF00", "fff", "0000000", "gggggg", "%0d%0a00", "}*{x:y", "00ff0%20"])
async def test_an_accent_is_a_colour(browser: Browser, color: str) -> None:
    assert (await browser.get(f"/logon/static/accent/{color}.css")).status == 404


@pytest.mark.parametrize(
    "accepted", ["", "zh-CN,zh;q=0.9", "*;q=zero", "de;q=1, zh;q=nan", "zh;q=inf", "a" * 8000, "," * 3000, ";;;"]
)
async def test_any_wish_for_a_language_has_an_answer(browser: Browser, accepted: str) -> None:
    page = await browser.get("/logon/device", {"accept-language": accepted} if accepted else {})
    assert page.status == 200
    assert page.header("content-language") in ("en", "zh-Hans", "zh-CN")


async def test_an_app_may_wish_for_a_language_and_its_user_has_chosen(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser, ui_locales="fr zh-CN en")
    assert page.header("content-language") == "zh-Hans"
    browser.cookies["tessera-language"] = "en"
    assert (await browser.get(page.target)).header("content-language") == "en"


async def test_cookies_may_come_one_by_one(sitting: Sitting, browser: Browser) -> None:
    page = await sitting.begin(browser)
    metadata = (
        ("x-tessera-target", page.target),
        ("x-tessera-host", browser.host),
        ("x-forwarded-proto", "https"),
        *(("cookie", f"{name}={value}") for name, value in browser.cookies.items()),
        ("cookie", "tessera-language=zh"),
        ("cookie", "another=1"),
    )
    call = sitting.stub.GetPage(httpbody_pb2.HttpBody(), metadata=metadata)
    assert '<html lang="zh' in (await call).data.decode()
    assert dict(await call.initial_metadata())["x-tessera-status"] == "200"


async def test_a_chosen_language_is_one_that_there_is(browser: Browser) -> None:
    for chosen in ("xx", "../en", "<script>"):
        page = await browser.get("/logon/device", {"cookie": f"tessera-language={chosen}"})
        assert (page.status, page.header("content-language")) == (200, "en")


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("10.0.0.1", 404), ("2001:db8::1", 404), ("", 404)],
)
async def test_the_inbox_is_for_who_is_on_this_machine(
    page_resources: Resources, tmp_path: Path, address: str, status: int
) -> None:
    async with serving_pages(replace(page_resources, console=ConsoleSender(tmp_path))) as stub:
        browser = Browser(stub)
        browser.address = address
        assert (await browser.get("/logon/inbox")).status == status
