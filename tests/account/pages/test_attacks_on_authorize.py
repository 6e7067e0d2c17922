"""The authorization endpoint: what is sent nowhere, what goes back to the app, and what is not let through.

RFC 6749 section 4.1.2.1, RFC 9700 section 4.1 and 4.11, RFC 9207.
"""

import asyncio
import html
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.account.model import normalise
from services.account.pages.languages import LANGUAGES
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database, connected
from tests.account.pages.browsers import Browser, target
from tests.account.pages.sitting import Sitting, serving_pages
from tests.account.running import VAULT
from tests.account.with_token import unused_mobile
from tests.support.admin import update_app
from tests.support.token import ISSUER
from tests.support.token_client import REDIRECT_URI
from tests.token.test_redirect_uris import LOOPBACK_TRICKS, TRICKS

MARK = "<i>mark"


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
async def test_what_is_not_registered_is_sent_nowhere(sitting: Sitting, browser: Browser, trick: str) -> None:
    page = await browser.get(sitting.ask(redirect_uri=trick))
    assert (page.status, page.location, browser.cookies) == (400, "", {})


@pytest.mark.parametrize("trick", LOOPBACK_TRICKS.values(), ids=LOOPBACK_TRICKS)
async def test_of_a_loopback_address_the_port_alone_is_free(sitting: Sitting, browser: Browser, trick: str) -> None:
    app = await sitting.tenant.app(
        admin_pb2.APP_TYPE_NATIVE, redirect_uris=["http://127.0.0.1/callback", "http://[::1]/callback"]
    )
    page = await browser.get(sitting.ask(client_id=app.client_id, redirect_uri=trick))
    assert (page.status, page.location) == (400, "")


@pytest.mark.parametrize(
    "client_id",
    ["", "nobody", "a" * 129, "a\0b", "a\r\nb", "' or 1=1", MARK, "\u202e", "../x", "ünknown"],
    ids=["none", "unknown", "long", "null", "line end", "sql", "mark-up", "override", "path", "not ASCII"],
)
async def test_an_app_that_is_none_is_told_of_on_a_page(sitting: Sitting, browser: Browser, client_id: str) -> None:
    page = await browser.get(sitting.ask(client_id=client_id))
    assert (page.status, page.location) == (400, "")
    assert MARK not in page.text


async def test_an_app_that_is_not_admitted_is_as_unknown_as_none(sitting: Sitting, browser: Browser) -> None:
    app = await sitting.tenant.web_app(admit=False)
    page = await browser.get(sitting.ask(client_id=app.client_id))
    unknown = await browser.get(sitting.ask(client_id="nobody"))
    told = page.text.replace(app.client_id, "nobody")
    assert (page.status, told) == (unknown.status, unknown.text)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_client_or_address_twice_is_sent_nowhere(sitting: Sitting, browser: Browser, name: str) -> None:
    for value in ("https://evil.example.com", sitting.app.client_id, REDIRECT_URI):
        page = await browser.get(f"{sitting.ask()}&{name}={quote(value, safe='')}")
        assert (page.status, page.location) == (400, "")


@pytest.mark.parametrize("name", ["state", "scope", "response_type", "nonce", "code_challenge", "prompt", "unknown"])
async def test_anything_else_twice_goes_back(sitting: Sitting, browser: Browser, name: str) -> None:
    page = await browser.get(f"{sitting.ask(response_type='code')}&{name}=a&{name}=b")
    assert page.answer["error"] == "invalid_request"
    assert page.answer["iss"] == ISSUER


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code code"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example.com"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"code_challenge": "a" * 43}, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "a" * 42, "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": "a" * 42 + "=", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": "a" * 43 + "\n", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"scope": "NOT.OURS"}, "invalid_scope"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"scope": "ACCOUNT.ALL\r\nx: y"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"login_type": "nothing"}, "invalid_request"),
        ({"login_type": "ding"}, "invalid_request"),
        ({"state": "s" * 1025}, "invalid_request"),
        ({"nonce": "n" * 1025}, "invalid_request"),
    ],
    ids=str,
)
async def test_what_else_is_wrong_goes_back_to_the_app(
    sitting: Sitting, browser: Browser, changed: dict[str, str | None], error: str
) -> None:
    page = await browser.get(sitting.ask(**changed))
    assert page.status == 303
    assert page.location.startswith(f"{REDIRECT_URI}?")
    assert (page.answer["error"], page.answer["iss"]) == (error, ISSUER)
    assert "code" not in page.answer
    assert browser.cookies == {}


async def test_an_app_of_a_type_that_redeems_no_codes_is_none(sitting: Sitting, browser: Browser) -> None:
    app = await sitting.token.app(admin_pb2.APP_TYPE_SERVICE, redirect_uris=[REDIRECT_URI])
    page = await browser.get(sitting.ask(client_id=app.client_id))
    assert (page.status, page.location) == (400, "")


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("FILE.ALL,ACCOUNT.ALL", ["FILE.ALL", "ACCOUNT.ALL"]),
        ("FILE.ALL ACCOUNT.ALL,FILE.ALL", ["FILE.ALL", "ACCOUNT.ALL"]),
        ("FILE.ALL,all", ["ACCOUNT.ALL", "FILE.ALL", "VIEW.ALL"]),
        ("all", ["ACCOUNT.ALL", "FILE.ALL", "VIEW.ALL"]),
        (None, ["ACCOUNT.ALL", "FILE.ALL", "VIEW.ALL"]),
    ],
)
async def test_scopes_as_the_vendors_clients_write_them(
    sitting: Sitting, browser: Browser, scope: str | None, asked: list[str]
) -> None:
    app = await sitting.token.web_app(scopes=("ACCOUNT.ALL", "FILE.ALL", "VIEW.ALL"))
    page = await sitting.begin(browser, client_id=app.client_id, scope=scope)
    ask = sitting.opened(browser, sitting.flow_id(page)).ask
    assert ask
    assert list(ask.scopes) == asked


async def test_what_an_operator_says_is_not_asked(sitting: Sitting, browser: Browser, mobile: str) -> None:
    app = await sitting.token.web_app(skip_consent=True)
    answer = await sitting.prove(browser, await sitting.begin(browser, client_id=app.client_id), mobile)
    assert "code" in answer.answer
    assert "code" in (await browser.get(sitting.ask(client_id=app.client_id, prompt="none"))).answer
    # Nor is it taken for what the user said, should the app be asked about one day.
    user_id = await sitting.user_of(normalise("mobile", mobile))
    assert user_id
    store = sitting.resources.store
    assert await store.select_consent(sitting.domain_id, user_id, app.client_id) == frozenset()


async def test_an_address_that_is_taken_off_meanwhile_gets_nothing(
    sitting: Sitting, browser: Browser, mobile: str
) -> None:
    app = await sitting.token.web_app(logo="https://example.com/logo.png")
    page = await sitting.prove(browser, await sitting.begin(browser, client_id=app.client_id), mobile)
    assert '<img class="app" src="https://example.com/logo.png" alt="">' in page.text
    await update_app(sitting.token, app, "redirect_uris", redirect_uris=["https://app.example.com/other"])
    for answer in (
        await browser.get(page.target),
        await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"}),
        await browser.post(page.target, {"csrf": page.csrf, "answer": "deny"}),
    ):
        assert (answer.status, answer.location) == (400, "")


@pytest.mark.parametrize("name", ["unknown", "id_token_hint"])
async def test_what_is_not_looked_at_may_be_long(sitting: Sitting, browser: Browser, name: str) -> None:
    assert (await browser.get(f"{sitting.ask()}&{name}={'x' * 3_000}")).location.startswith("/logon/")


@pytest.mark.parametrize(
    "query", ["state=%ff", "&".join(f"x{number}=1" for number in range(60))], ids=["utf-8", "many"]
)
async def test_what_cannot_be_read_is_sent_nowhere(sitting: Sitting, browser: Browser, query: str) -> None:
    page = await browser.get(f"{sitting.ask()}&{query}")
    assert (page.status, page.problem) == (400, LANGUAGES["en"].say("error.malformed"))


async def test_a_form_asks_as_a_query_does(sitting: Sitting, browser: Browser) -> None:
    path, _, query = sitting.ask().partition("?")
    page = await browser.post(path, query.encode(), {"sec-fetch-site": "cross-site"})
    assert (page.status, page.location) == (303, sitting.ask())
    assert (await browser.follow(await browser.get(page.location))).status == 200
    assert (await browser.post(path, b"state=" + b"x" * 20_000)).status == 400
    assert (await browser.post(path, query.encode(), content_type="text/plain")).status == 403


async def test_a_public_app_brings_a_challenge(sitting: Sitting, browser: Browser) -> None:
    app = await sitting.tenant.native_app()
    page = await browser.get(sitting.ask(client_id=app.client_id))
    assert page.answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    "state",
    [
        "a b&c=d",
        "x&code=stolen&iss=https://evil.example.com",
        "\r\nlocation: https://evil.example.com",
        "\r\n\r\n<script>",
        "#fragment",
        "%0d%0a",
        "漢字\u2028\0",
        "'\"<>\\",
    ],
)
async def test_a_state_comes_back_as_it_was_and_adds_nothing(sitting: Sitting, browser: Browser, state: str) -> None:
    page = await browser.get(sitting.ask(state=state, response_type="token"))
    assert page.location.isascii()
    assert page.location.isprintable()
    assert page.answer["state"] == state
    assert set(page.answer) == {"state", "error", "error_description", "iss"}
    assert urlsplit(page.location).fragment == ""


async def test_too_many_parameters_and_ones_that_are_no_text(sitting: Sitting, browser: Browser) -> None:
    for query in ("&" + "&".join(f"p{number}=1" for number in range(60)), "&state=%ff%fe", "&%ff=1"):
        page = await browser.get(sitting.ask() + query)
        assert (page.status, page.location) == (400, "")


async def test_what_no_cookie_holds_goes_back(sitting: Sitting, browser: Browser) -> None:
    page = await browser.get(sitting.ask(state="漢" * 1000, nonce="字" * 1000))
    assert page.answer["error"] == "invalid_request"
    assert browser.cookies == {}


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.example.com/callback?a=b%20c&d=%2F;e",
        "https://app.example.com/call;v=1/back~x",
        "com.example.app:/callback",
        "com.example.app://callback",
        "com.example.app:///callback",
        "https://app.example.com",
    ],
)
async def test_what_an_app_registered_stays_as_it_is(sitting: Sitting, browser: Browser, redirect_uri: str) -> None:
    app = await sitting.tenant.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=[redirect_uri])
    page = await browser.get(sitting.ask(client_id=app.client_id, redirect_uri=redirect_uri, response_type="token"))
    assert page.location.startswith(redirect_uri + ("&" if "?" in redirect_uri else "?"))


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
async def test_who_is_to_be_proven_anew_cannot_pass_the_page_over(
    sitting: Sitting, browser: Browser, mobile: str, changed: dict[str, str]
) -> None:
    await sitting.log_on(browser, mobile)
    page = await sitting.begin(browser, **changed)
    flow_id = sitting.flow_id(page)
    assert not page.path.endswith("/consent")
    skipped = await browser.get(f"/logon/{flow_id}/consent")
    assert (skipped.status, skipped.location) == (303, f"/logon/{flow_id}")
    answered = await browser.post(f"/logon/{flow_id}/consent", {"csrf": "x", "answer": "allow"})
    assert answered.location == f"/logon/{flow_id}?form"


async def test_without_a_page_nothing_is_shown_and_nothing_is_let_that_was_not(
    sitting: Sitting, browser: Browser, mobile: str
) -> None:
    await sitting.log_on(browser, mobile, scope="ACCOUNT.ALL")
    silent = await browser.get(sitting.ask(prompt="none", scope="ACCOUNT.ALL"))
    assert "code" in silent.answer
    more = await browser.get(sitting.ask(prompt="none", scope="FILE.ALL"))
    assert more.answer["error"] == "consent_required"


async def test_a_state_that_is_too_long_comes_back_whole_or_not_at_all(sitting: Sitting, browser: Browser) -> None:
    whole = await browser.get(sitting.ask(state="s" * 4096))
    assert (whole.answer["error"], whole.answer["state"]) == ("invalid_request", "s" * 4096)
    gone = await browser.get(sitting.ask(state="s" * 4097))
    assert (gone.answer["error"], "state" in gone.answer) == ("invalid_request", False)


async def test_what_was_let_is_kept_where_the_app_gets_a_code(sitting: Sitting, mobile: str, browser: Browser) -> None:
    """The app may have one of the scopes no more by the time that its user says yes."""
    app = await sitting.token.web_app(scopes=("ACCOUNT.ALL", "FILE.ALL"))
    asked = {"client_id": app.client_id, "scope": "ACCOUNT.ALL FILE.ALL"}
    page = await sitting.prove(browser, await sitting.begin(browser, **asked), mobile)
    await update_app(sitting.token, app, "scopes", scopes=["ACCOUNT.ALL"])
    answer = await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})
    assert (answer.answer["error"], answer.answer["state"]) == ("invalid_scope", "the state")
    user_id = await sitting.user_of(normalise("mobile", mobile))
    assert user_id
    store = sitting.resources.store
    assert await store.select_consent(sitting.domain_id, user_id, app.client_id) == frozenset()


async def test_while_token_or_database_does_not_answer_the_app_is_told(
    sitting: Sitting, browser: Browser, mobile: str, account_dsn: str
) -> None:
    await sitting.log_on(browser, mobile)
    page = await sitting.begin(browser, prompt="consent")
    allowed = {"csrf": page.csrf, "answer": "allow"}
    async with connected(sitting.token.settings.dsn) as connection, connection.transaction():
        await connection.execute("lock table token.authorization_code in share mode")
        answers = await asyncio.gather(browser.get(sitting.ask(prompt="none")), browser.post(page.target, allowed))
    closed = Database(account_dsn, service="closed", pool_size=1, statement_timeout=timedelta(seconds=1), clock=Clock())
    async with serving_pages(replace(sitting.resources, store=Store(closed, VAULT))) as stub:
        answers.append(await Browser(stub).get(sitting.ask()))
    for answer in answers:
        told = [answer.answer[name] for name in ("error", "state", "iss")]
        assert told == ["temporarily_unavailable", "the state", ISSUER]


async def test_a_program_of_this_machine_is_let_anew_each_time(sitting: Sitting, browser: Browser, mobile: str) -> None:
    """Whoever listens on a port may be another one than the app that was let (RFC 8252 section 8.6)."""
    app = await sitting.tenant.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=["http://127.0.0.1/callback"])
    asked = {
        "client_id": app.client_id,
        "redirect_uri": "http://127.0.0.1:1234/callback",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    page = await sitting.prove(browser, await sitting.begin(browser, **asked), mobile)
    page = await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})
    assert "code" in page.answer
    assert (await browser.get(sitting.ask(prompt="none", **asked))).answer["error"] == "consent_required"
    assert (await sitting.begin(browser, **asked)).path.endswith("/consent")


@pytest.mark.parametrize("answer", ["deny", "allow"])
async def test_both_answers_name_who_answers(sitting: Sitting, browser: Browser, mobile: str, answer: str) -> None:
    page = await sitting.prove(browser, await sitting.begin(browser), mobile)
    page = await browser.post(page.target, {"csrf": page.csrf, "answer": answer})
    assert page.status == 200
    assert page.answer["iss"] == ISSUER
    assert page.answer["state"] == "the state"
    assert ("code" in page.answer) is (answer == "allow")


@pytest.mark.parametrize(
    "back",
    [
        "",
        "https://evil.example.com",
        "//evil.example.com",
        "/\\evil.example.com",
        "/logon//evil.example.com",
        "/logon/\\evil.example.com",
        "/logon",
        "/logonevil",
        "\\logon/",
        "javascript:alert(1)",
        "/logon/x\r\nset-cookie: a=b",
        "/\t/evil.example.com",
        "/v2/oauth/authorized",
        "/v2/oauth/token",
    ],
)
async def test_the_choice_of_a_language_leads_to_our_own_pages(browser: Browser, back: str) -> None:
    page = await browser.get(target("/logon/language/en", back=back))
    if page.status == 303:
        assert page.location.startswith("/logon/")
        assert page.location.isprintable()
        assert "//" not in page.location
    else:
        assert (page.status, page.location) == (404, "")
    assert not any("a=b" in cookie for cookie in page.cookies)


async def test_a_page_of_what_is_wrong_is_shown_in_another_language(browser: Browser) -> None:
    back = target("/v2/oauth/authorize", client_id="nobody", redirect_uri="https://evil.example.com")
    page = await browser.get(back)
    assert page.status == 400
    link = re.search(r'href="(/logon/language/zh[^"]*)"', page.text)
    assert link
    chosen = await browser.get(html.unescape(link[1]))
    assert (chosen.status, chosen.location) == (303, back)
    again = await browser.get(chosen.location)
    assert (again.status, again.header("content-language")) == (400, "zh-Hans")


async def test_languages_are_those_that_there_are(browser: Browser) -> None:
    for tag in ("xx", "en%0d%0aset-cookie:%20a=b", "en;%20domain=example.com", "..%2f..%2fetc"):
        page = await browser.get(f"/logon/language/{tag}?back=/logon/device")
        assert page.status == 404
        assert not page.cookies


@pytest.mark.parametrize("hidden", ["True", "true", "1"])
async def test_no_address_hides_what_a_user_is_asked(sitting: Sitting, browser: Browser, hidden: str) -> None:
    page = await sitting.prove(browser, await sitting.begin(browser, hide_consent=hidden), unused_mobile())
    assert page.path.endswith("/consent")
    assert 'value="allow"' in page.text
