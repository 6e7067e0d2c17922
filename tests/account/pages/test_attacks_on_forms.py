"""Forms: none is taken but from our own page, shown to that person in that browser (RFC 9700 section 4.7)."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from services.account.model import normalise
from services.account.model.domain_settings import FirstLogon
from tests.account.pages.browsers import Browser, Page
from tests.account.pages.sitting import Sitting
from tests.account.pages.test_typing import wide
from tests.account.with_token import unused_mobile

Filled = tuple[Page, dict[str, str]]
"""A page with a form, and what is filled in."""


async def address_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await sitting.begin(browser)
    page = await browser.follow(await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['mobile']}"))
    return page, {"address": unused_mobile(), "country_code": "86"}


async def password_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await sitting.begin(browser)
    page = await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['ldap']}")
    return page, {"name": unused_mobile(), "password": "right"}


async def code_form(sitting: Sitting, browser: Browser) -> Filled:
    mobile = unused_mobile()
    page = await sitting.send_code(browser, await sitting.begin(browser), mobile)
    return page, {"code": sitting.inbox.code(f"+86{mobile}")}


async def consent_form(sitting: Sitting, browser: Browser) -> Filled:
    return await sitting.prove(browser, await sitting.begin(browser), unused_mobile()), {"answer": "allow"}


async def account_page(sitting: Sitting, browser: Browser) -> Page:
    mobile = unused_mobile()
    await sitting.log_on(browser, mobile)
    return await browser.get(f"/logon/account/{sitting.domain_id}")


async def link_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await account_page(sitting, browser)
    return replace(page, target=f"{page.target}/link"), {"way": sitting.ways["email"]}


async def sign_out_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await account_page(sitting, browser)
    session = page.text.split('name="session" value="')[1].split('"')[0]
    return replace(page, target=f"{page.target}/sign_out"), {"session": session}


async def sign_out_app_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await account_page(sitting, browser)
    return replace(page, target=f"{page.target}/sign_out_app"), {"session": str(uuid.uuid4())}


async def sign_out_everywhere_form(sitting: Sitting, browser: Browser) -> Filled:
    page = await account_page(sitting, browser)
    return replace(page, target=f"{page.target}/sign_out_everywhere"), {}


async def unlink_form(sitting: Sitting, browser: Browser) -> Filled:
    await account_page(sitting, browser)
    # Another one, since the last is kept.
    form, email = await sitting.begin_link(browser, "email"), f"{unused_mobile()}@example.com"
    code = await browser.fill(form, address=email)
    page = await browser.fill(code, code=sitting.inbox.code(email))
    (identity,) = re.findall(r'name="identity" value="([0-9]+)"', page.text)
    return replace(page, target=f"{page.target}/unlink"), {"type": "mobile", "identity": identity, "extra": "86"}


FORMS: dict[str, Callable[[Sitting, Browser], Awaitable[Filled]]] = {
    "address": address_form,
    "password": password_form,
    "code": code_form,
    "consent": consent_form,
    "link": link_form,
    "sign_out": sign_out_form,
    "sign_out_app": sign_out_app_form,
    "sign_out_everywhere": sign_out_everywhere_form,
    "unlink": unlink_form,
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Callable[[Sitting, Browser], Awaitable[Filled]]:
    return FORMS[request.param]


async def test_a_form_is_taken_from_its_own_page_alone(
    sitting: Sitting, browser: Browser, form: Callable[[Sitting, Browser], Awaitable[Filled]]
) -> None:
    other = sitting.browser()
    page, fields = await form(sitting, browser)
    foreign, _ = await form(sitting, other)
    mine = {"csrf": page.csrf} | fields
    sent = len(sitting.inbox.messages)
    before = dict(browser.cookies)
    refused = {
        "without a token": await browser.post(page.target, fields),
        "with an empty one": await browser.post(page.target, fields | {"csrf": ""}),
        "with another flow's": await browser.post(page.target, fields | {"csrf": foreign.csrf}),
        "with a part of it": await browser.post(page.target, fields | {"csrf": page.csrf[:-1]}),
        "in its query": await browser.post(f"{page.target}?csrf={page.csrf}", fields),
        "from another site": await browser.post(page.target, mine, {"sec-fetch-site": "cross-site"}),
        "from a sister": await browser.post(page.target, mine, {"sec-fetch-site": "same-site"}),
        "as JSON": await browser.post(page.target, json.dumps(mine).encode(), content_type="application/json"),
        "as text": await browser.post(
            page.target, "&".join(map("=".join, mine.items())).encode(), content_type="text/plain"
        ),
        "as nothing": await browser.post(page.target, mine, content_type=""),
        "as letters of another kind": await browser.post(page.target, mine, content_type="ünknown/漢"),
        "as parts": await browser.post(page.target, _parts(mine), content_type="multipart/form-data; boundary=b"),
        "as parts without end": await browser.post(page.target, b"--b", content_type="multipart/form-data"),
        "as no form": await browser.post(page.target, b"\xff\xfe%zz&&&=&csrf"),
        "empty": await browser.post(page.target, b""),
    }
    assert {name: answer.status for name, answer in refused.items()} == dict.fromkeys(refused, 403)
    # Where the browser of somebody else is not known at all, neither is the form.
    stranger = await other.post(page.target, mine)
    assert stranger.status in (400, 403)
    assert len(sitting.inbox.messages) == sent
    assert browser.cookies == before
    taken = await browser.post(page.target, mine, {"sec-fetch-site": "same-origin"})
    assert taken.status in (200, 303), taken.text


def _parts(fields: dict[str, str]) -> bytes:
    parts = "".join(
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return f"{parts}--b--\r\n".encode()


async def test_a_form_of_who_is_new_is_held_the_same_way(own_sitting: Sitting) -> None:
    await own_sitting.set(first_logon=FirstLogon.LINK_OR_CREATE)
    browser, other, mobile = own_sitting.browser(), own_sitting.browser(), unused_mobile()
    page = await own_sitting.prove(browser, await own_sitting.begin(browser), mobile)
    foreign = await own_sitting.prove(other, await own_sitting.begin(other), unused_mobile())
    assert page.target.endswith("/new")
    for token in ("", foreign.csrf):
        assert (await browser.post(page.target, {"csrf": token, "answer": "create"})).status == 403
    assert await own_sitting.user_of(normalise("mobile", mobile)) is None
    # What is answered with neither is answered with no.
    assert (await browser.post(page.target, {"csrf": page.csrf})).status == 403
    assert (await browser.post(page.target, {"csrf": page.csrf, "answer": "allow"})).status == 403
    assert await own_sitting.user_of(normalise("mobile", mobile)) is None
    assert (await browser.fill(page, answer="create")).path.endswith("/consent")


async def test_an_answer_counts_for_the_user_who_was_asked(sitting: Sitting, browser: Browser) -> None:
    """Two tabs: while the one shows what an app may have of Ann, Ben logs on in the other."""
    first, fields = await consent_form(sitting, browser)
    assert fields == {"answer": "allow"}
    await sitting.prove(browser, await sitting.begin(browser, prompt="login"), unused_mobile())
    answer = await browser.post(first.target, {"csrf": first.csrf, "answer": "allow"})
    assert (answer.status, answer.location) == (403, "")
    assert "code" in (await browser.fill(await browser.get(first.target), answer="allow")).answer


@pytest.mark.parametrize("name", ["address", "password", "code", "consent"])
async def test_cve_2026_49448_an_empty_form_is_no_step(sitting: Sitting, browser: Browser, name: str) -> None:
    page, _ = await FORMS[name](sitting, browser)
    before = {kept for kept in browser.cookies if "session" in kept}
    answer = await browser.post(page.target, {"csrf": page.csrf})
    assert (answer.status, answer.location) == (400, "")
    assert {kept for kept in browser.cookies if "session" in kept} == before


@pytest.mark.parametrize("answer", ["", "ALLOW", "yes", "allow ", "deny,allow"])
async def test_consent_that_is_neither_yes_nor_no_is_none(sitting: Sitting, browser: Browser, answer: str) -> None:
    page, _ = await consent_form(sitting, browser)
    said = await browser.post(page.target, {"csrf": page.csrf, "answer": answer})
    assert (said.status, said.location) == (400, "")


async def test_fields_that_stand_twice_or_are_long_or_odd(sitting: Sitting, browser: Browser) -> None:
    page, fields = await code_form(sitting, browser)
    right = fields["code"]
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for code in (
        "",
        " ",
        right[:5],
        f"{right}0",
        "٠١٢٣٤٥",
        "0x1234",
        "a" * 100_000,
        "\0" * 6,
    ):
        answer = await browser.post(page.target, {"csrf": page.csrf, "code": code})
        assert answer.status == 400
    twice = await browser.post(page.target, f"csrf={page.csrf}&code={right}&code={wrong}".encode())
    assert twice.status == 400
    many = b"&".join(b"x=1" for _ in range(2_000))
    assert (await browser.post(page.target, many)).status in (400, 403, 404)
    # What keyboards and address books make of it: full width, a dash, blanks of any kind, marks that nobody sees.
    assert (await browser.fill(page, code=f"\u202d{wide(right[:3])}-\xa0{right[3:]}\t\u3000")).path.endswith("/consent")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "mobile", "identity": "\0", "extra": ""},
        {"type": "nothing", "identity": "x", "extra": ""},
        {"type": "custom", "identity": "https://one.example.com|ann", "extra": ""},
        {"type": "mobile", "identity": "", "extra": ""},
        {},
    ],
    ids=["null", "no type", "another's", "empty", "nothing"],
)
async def test_only_what_is_ones_own_is_taken_away(sitting: Sitting, browser: Browser, fields: dict[str, str]) -> None:
    page, _ = await unlink_form(sitting, browser)
    assert (await browser.post(page.target, {"csrf": page.csrf} | fields)).status == 400


async def test_nobody_signs_somebody_else_out(sitting: Sitting, browser: Browser) -> None:
    other = sitting.browser()
    page, mine = await sign_out_form(sitting, browser)
    _, theirs = await sign_out_form(sitting, other)
    for session in (theirs["session"], "x", "", "\0"):
        await browser.post(page.target, {"csrf": page.csrf, "session": session})
    assert (await other.get(f"/logon/account/{sitting.domain_id}")).status == 200
    out = await browser.post(page.target, {"csrf": page.csrf} | mine)
    assert out.status == 303
    assert not any("session" in name for name in browser.cookies)
    # The cookie that a thief has kept is worth nothing either.
    assert (await browser.get(f"/logon/account/{sitting.domain_id}")).status == 403


async def test_two_tabs_leave_one_identity(sitting: Sitting, browser: Browser) -> None:
    """Each was shown two, and has one taken away; neither is done before both are under way."""
    page, mobile = await unlink_form(sitting, browser)
    email = {"type": "email", "identity": re.findall(r'name="identity" value="(.+@.+)"', page.text)[0], "extra": ""}
    user_id = await sitting.user_of(normalise("email", email["identity"]))
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.TaskGroup() as tabs, sitting.resources.store.transaction() as other:
        lock = "select pg_advisory_xact_lock(account.user_lock($1, $2))"
        await other._database.execute(lock, sitting.domain_id, user_id)
        sent = [tabs.create_task(browser.post(page.target, {"csrf": page.csrf} | each)) for each in (mobile, email)]
        while await sitting.resources.store._database.fetchval(waiting) < len(sent):
            await asyncio.sleep(0.02)
    assert sorted(each.result().status for each in sent) == [303, 400]
    left = (await browser.get(f"/logon/account/{sitting.domain_id}")).text
    assert left.partition('id="devices"')[0].count("<li>") == 1
