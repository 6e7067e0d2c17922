"""Logging on by mobile number, as a browser without JavaScript does, through the gateway."""

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.world import World


@pytest_asyncio.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http() as client:
        yield client


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def follow(browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The page to which an answer leads, as far as it is one of ours."""
    while answer.status_code == 303 and answer.headers["location"].startswith("/logon/"):
        answer = await browser.get(answer.headers["location"])
    return answer


async def test_from_an_apps_redirect_to_its_token(
    world: World, browser: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = world.demo
    asked = {
        "client_id": demo["client_id"],
        "redirect_uri": demo["redirect_uri"],
        "response_type": "code",
        "login_type": "mobile",
        "scope": "openid,profile" if False else "all",
        "state": "a b&c",
    }
    page = await follow(browser, await browser.get("/v2/oauth/authorize", params=asked))
    assert page.status_code == 200, page.text
    print(page.headers, page.text)
    sent = await browser.post(
        str(page.url), data={"csrf": csrf(page), "country_code": "86", "address": "139 0000 4711"}
    )
    page = await follow(browser, sent)
    assert page.status_code == 200, page.text
    inbox = await browser.get("/logon/inbox")
    print(inbox.text)
    out = capsys.readouterr().out
    print(out)
    code = re.findall(r"\+8613900004711: ([0-9]{6})", out)[-1]
    wrong = await browser.post(str(page.url), data={"csrf": csrf(page), "code": f"{(int(code) + 1) % 1000000:06d}"})
    assert wrong.status_code == 400
    page = await follow(browser, await browser.post(str(page.url), data={"csrf": csrf(page), "code": code}))
    assert page.status_code == 200, page.text
    print(page.text)
    answer = await browser.post(str(page.url), data={"csrf": csrf(page), "answer": "allow"})
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    told = parse_qs(location.query)
    assert told["state"] == ["a b&c"]
    token = await browser.post(
        "/v2/oauth/token",
        data={
            "grant_type": "authorization_code",
            "client_id": demo["client_id"],
            "client_secret": demo["client_secret"],
            "redirect_uri": demo["redirect_uri"],
            "code": told["code"][0],
        },
    )
    assert token.status_code == 200, token.text
    print(token.json())
    assert token.json()["is_first_login"]
