"""Where a user is logged on, and what is signed in for it: shown, and ended, by that user and by nobody else."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape

import pytest
import pytest_asyncio
from tessera.token.v1 import session_service_pb2, token_pb2

from services.account.config import ClientKey
from services.account.model.bearers import read_bearer
from services.account.outbox import Outbox
from services.account.peers import TokenPeer
from services.account.resources import Resources
from services.runtime.db import connected
from services.runtime.env import Address
from tests.account.pages.browsers import Browser, Page, target
from tests.account.pages.sitting import Sitting, serving_pages
from tests.account.with_token import unused_mobile
from tests.support.calls import refused
from tests.support.ports import free_ports


async def signed_in(sitting: Sitting, browser: Browser, mobile: str, **asked: str) -> token_pb2.Token:
    """Log a browser on, and an app in it."""
    await sitting.an_hour_passes()
    answer = await sitting.log_on(browser, mobile, **asked)
    return await sitting.token.redeem(sitting.app, answer.answer["code"])


async def refresh(sitting: Sitting, token: token_pb2.Token) -> token_pb2.Token:
    return await sitting.token.refresh(sitting.app, token.refresh_token)


async def is_over(sitting: Sitting, token: token_pb2.Token) -> None:
    await refused(refresh(sitting, token), "INVALID_REFRESH_TOKEN")
    assert not (await sitting.token.introspect(sitting.app, token.access_token)).active


async def account(sitting: Sitting, browser: Browser) -> Page:
    return await browser.get(f"/logon/account/{sitting.domain_id}")


def apps(page: Page) -> dict[str, str]:
    """What a page says of each app's session, by the id in its form."""
    rows = [row for row in page.text.split("<li>") if "/sign_out_app" in row]
    return {row.split('name="session" value="')[1].split('"')[0]: _text(row.split("<form")[0]) for row in rows}


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def session_of(sitting: Sitting, browser: Browser) -> str:
    """The id of a browser's session."""
    presented = read_bearer(browser.cookies[f"__Host-tessera-session-{sitting.domain_id}"])
    assert presented
    return str(presented[0])


async def press(sitting: Sitting, browser: Browser, form: str, session: str = "") -> Page:
    page = await account(sitting, browser)
    return await browser.post(f"{page.target}/{form}", {"csrf": page.csrf, "session": session})


async def test_an_app_is_shown_and_signed_out(sitting: Sitting, browser: Browser, mobile: str) -> None:
    tokens = [await signed_in(sitting, browser, mobile, prompt="login") for _ in range(2)]
    newest, oldest = (shown := apps(await account(sitting, browser)))
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(rf"app Since {date} Last used {date}", shown[newest])
    answers = await asyncio.gather(*(press(sitting, browser, "sign_out_app", oldest) for _ in range(2)))
    assert {answer.location for answer in answers} == {f"/logon/account/{sitting.domain_id}"}
    await is_over(sitting, tokens[0])
    await refresh(sitting, tokens[1])
    assert list(apps(await account(sitting, browser))) == [newest]
    rows = await sitting.token.audit(user_id=tokens[0].user_id)
    ended = [
        (row["client_id"], str(row["session_id"]), row["actor"]) for row in rows if row["event"] == "session.revoked"
    ]
    assert ended == [(sitting.app.client_id, oldest, tokens[0].user_id)]


async def test_nobody_signs_somebody_elses_app_out(sitting: Sitting, browser: Browser, mobile: str) -> None:
    other = sitting.browser()
    await signed_in(sitting, browser, mobile)
    theirs = await signed_in(sitting, other, unused_mobile())
    (session,) = apps(await account(sitting, other))
    answers = [await press(sitting, browser, "sign_out_app", each) for each in (session, str(uuid.uuid4()))]
    assert [(answer.status, answer.location, answer.text) for answer in answers] == [
        (303, f"/logon/account/{sitting.domain_id}", "")
    ] * 2
    assert (await press(sitting, browser, "sign_out_app", "x")).status == 400
    await refresh(sitting, theirs)


async def test_a_browser_takes_what_apps_were_given_in_it(sitting: Sitting, browser: Browser, mobile: str) -> None:
    lost = sitting.browser()
    mine, theirs = [await signed_in(sitting, each, mobile) for each in (browser, lost)]
    pending = (await sitting.log_on_again(lost)).answer["code"]
    answer = await press(sitting, browser, "sign_out", session_of(sitting, lost))
    assert answer.location == f"/logon/account/{sitting.domain_id}"
    await is_over(sitting, theirs)
    await refused(sitting.token.redeem(sitting.app, pending), "INVALID_GRANT")
    assert (await account(sitting, lost)).status == 403
    mine = await refresh(sitting, mine)
    # One's own, too; and who logs on again in the same browser begins anew.
    out = await press(sitting, browser, "sign_out", session_of(sitting, browser))
    assert "You are signed out" in (await browser.follow(out)).text
    await is_over(sitting, mine)
    await refresh(sitting, await signed_in(sitting, browser, mobile))


async def test_who_logs_on_as_somebody_else_is_signed_out(sitting: Sitting, browser: Browser, mobile: str) -> None:
    token = await signed_in(sitting, browser, mobile)
    page = await sitting.begin(browser, prompt="consent")
    assert page.path.endswith("/consent")
    await browser.fill(page, answer="other")
    await is_over(sitting, token)


async def test_everywhere_is_all_but_this_browser(sitting: Sitting, browser: Browser, mobile: str) -> None:
    lost, somebody = sitting.browser(), sitting.browser()
    tokens = [await signed_in(sitting, each, mobile) for each in (browser, lost)]
    theirs = await signed_in(sitting, somebody, unused_mobile())
    pending = (await sitting.log_on_again(lost)).answer["code"]
    page = await browser.follow(await press(sitting, browser, "sign_out_everywhere"))
    assert (page.status, apps(page), page.text.count('/sign_out"')) == (200, {}, 1)
    assert "No apps are signed in." in page.text
    for token in tokens:
        await is_over(sitting, token)
    await refused(sitting.token.redeem(sitting.app, pending), "INVALID_GRANT")
    assert (await account(sitting, lost)).status == 403
    await refresh(sitting, theirs)
    rows = await sitting.token.audit(user_id=tokens[0].user_id)
    assert [row["actor"] for row in rows if row["event"] == "session.all_of_user_revoked"] == [tokens[0].user_id]


async def test_a_code_that_is_made_while_its_browser_is_signed_out_is_given_to_nobody(
    sitting: Sitting, browser: Browser, mobile: str
) -> None:
    lost = sitting.browser()
    for each in (browser, lost):
        await signed_in(sitting, each, mobile)
    begun, page = await lost.get(sitting.ask()), await account(sitting, browser)
    waiting = "select exists (select from pg_locks where relation = $1::text::regclass and not granted)"
    async with connected(sitting.token.settings.dsn) as connection, asyncio.timeout(30):
        async with connection.transaction():
            await connection.execute("lock table token.authorization_code in share mode")
            given = asyncio.ensure_future(lost.get(begun.location))
            while not await connection.fetchval(waiting, "token.authorization_code"):
                await asyncio.sleep(0.01)
            out = {"csrf": page.csrf, "session": session_of(sitting, lost)}
            assert (await browser.post(f"{page.target}/sign_out", out)).status == 303
        answer = await given
    assert (answer.status, answer.location) == (403, "")


@pytest_asyncio.fixture
async def away(page_resources: Resources, sitting: Sitting) -> AsyncIterator[Sitting]:
    """The same pages without token."""
    identity = sitting.token.made["account"]
    peer = TokenPeer(
        (Address("127.0.0.1", free_ports(1)[0]),),
        client_id=identity["client_id"],
        client_key=ClientKey(identity["private_key_pem"]).private_key,
        domain_id=sitting.domain_id,
        clock=sitting.token.clock,
    )
    outbox = Outbox(page_resources.store, peer, page_resources.clock)
    async with serving_pages(replace(page_resources, token=peer, outbox=outbox)) as stub:
        yield replace(sitting, stub=stub)
    await peer.close()


async def test_while_token_is_away_browsers_are_signed_out_and_apps_are_later(
    sitting: Sitting, away: Sitting, browser: Browser, mobile: str
) -> None:
    lost, here = sitting.browser(), away.browser()
    tokens = [await signed_in(sitting, each, mobile) for each in (browser, lost)]
    here.cookies = dict(browser.cookies)
    page = await account(away, here)
    assert (page.status, apps(page), page.text.count('/sign_out"')) == (200, {}, 2)
    assert "Signed-in apps cannot be shown right now." in page.text
    assert (await press(away, here, "link")).status == 503
    assert (await press(away, here, "sign_out_app", str(uuid.uuid4()))).status == 503
    answers = await asyncio.gather(
        press(away, here, "sign_out", session_of(sitting, lost)), press(away, here, "sign_out_everywhere")
    )
    said = "The browsers are signed out. The apps will be signed out as soon as possible."
    assert [(answer.status, answer.problem) for answer in answers] == [(503, said)] * 2
    assert (await account(sitting, lost)).status == 403
    assert (await account(sitting, browser)).status == 200
    await sitting.token_is_told(tokens[0].user_id)
    for token in tokens:
        await is_over(sitting, token)


async def test_who_is_disabled_signs_out_all_the_same(sitting: Sitting, browser: Browser, mobile: str) -> None:
    token = await signed_in(sitting, browser, mobile)
    page = await account(sitting, browser)
    await sitting.token.set_status(token.user_id, "disabled")
    session = {"csrf": page.csrf, "session": session_of(sitting, browser)}
    assert (await browser.post(f"{page.target}/sign_out", session)).status == 303
    await sitting.token.set_status(token.user_id, "enabled")
    await is_over(sitting, token)


@pytest.mark.parametrize("ended", ["revoked", "disabled and enabled"])
async def test_whose_sessions_an_operator_ended_logs_on_anew(sitting: Sitting, browser: Browser, ended: str) -> None:
    mobile = unused_mobile()
    token = await signed_in(sitting, browser, mobile)
    page, other = await account(sitting, browser), await sitting.begin(browser, prompt="consent")
    begun = await sitting.token.device(await sitting.token.native_app(device_flow=True))
    device = await browser.follow(await browser.get(target("/logon/device", user_code=begun.user_code)))
    kept = dict(browser.cookies)
    if ended == "revoked":
        request = session_service_pb2.RevokeUserSessionsRequest(user_id=token.user_id)
        await sitting.token.sessions.RevokeUserSessions(request, metadata=await sitting.token.operator())
    else:
        await sitting.token.set_status(token.user_id, "disabled")
        assert (await browser.get(sitting.ask(prompt="none"))).answer["error"] == "login_required"
        await sitting.token.set_status(token.user_id, "enabled")
    for answered in (other, device):
        browser.cookies = dict(kept)
        answer = await browser.post(answered.target, {"csrf": answered.csrf, "answer": "allow"})
        assert answer.location == answered.target.partition("/consent")[0] + "?form"
    browser.cookies = dict(kept)
    assert (await browser.get(page.target)).status == 403
    browser.cookies = dict(kept)
    assert (await browser.get(sitting.ask(prompt="none"))).answer["error"] == "login_required"
    await sitting.an_hour_passes()
    assert "code" in (await sitting.prove(browser, await sitting.begin(browser), mobile)).answer
