"""Attacks on logon that only the whole shows: what a browser may send that no gRPC client of ours would."""

import re
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.world import World

GUARDS = {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@pytest_asyncio.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http() as client:
        yield client


def ask(world: World, **changed: str) -> dict[str, str]:
    return {
        "client_id": world.demo["client_id"],
        "redirect_uri": world.demo["redirect_uri"],
        "response_type": "code",
    } | changed


def guarded(answer: httpx.Response) -> None:
    assert {name: answer.headers.get(name) for name in GUARDS} == GUARDS
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith(("x-tessera-", "grpc-", "x-envoy-"))]


LETTERS = ["ünïcödé", "漢字", "\u202e", "a\u0301"]


@pytest.mark.parametrize("letters", LETTERS)
@pytest.mark.parametrize(
    "name", ["user-agent", "accept-language", "cookie", "content-type", "origin", "sec-fetch-site"]
)
async def test_headers_in_any_letters(browser: httpx.AsyncClient, name: str, letters: str) -> None:
    value = letters if name != "cookie" else f"tessera-logon-x={letters}; {letters}={letters}"
    for answer in (
        await browser.get("/logon/device", headers=[(name.encode(), value.encode())]),
        await browser.post("/logon/x/y", headers=[(name.encode(), value.encode())], content=b"a=b"),
    ):
        assert answer.status_code in (200, 400, 403)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        guarded(answer)


async def test_a_sealed_cookie_in_any_letters_is_none(world: World, browser: httpx.AsyncClient) -> None:
    page = await browser.get("/v2/oauth/authorize", params=ask(world))
    path = page.headers["location"]
    name = next(iter(browser.cookies))
    browser.cookies.clear()
    for value in ("ünknown", "漢" * 20, '"' * 30, "\\", "a" * 3_000):
        answer = await browser.get(path, headers=[(b"cookie", f"{name}={value}".encode())])
        assert (answer.status_code, answer.headers.get("location")) == (400, None)


@pytest.mark.parametrize(
    "target",
    [
        b"/logon/../v2/account/get_link_info",
        b"/logon/%2e%2e/v2/oauth/token",
        b"/logon/x/%2e%2e/inbox",
        b"//logon/device",
        b"/logon//device",
        b"/LOGON/device",
        b"/logon/device/",
        b"/logon/device;x",
        b"/logon/\xff\xfe",
        b"/logon/\xe6\xbc\xa2",
        b"/logon/device?user_code=\xff",
        b"/logon/device?\xe6\xbc\xa2=\xe6\xbc\xa2",
        b"/v2/oauth/authorize/",
        b"/v2/oauth/authorize?client_id=%ff",
        b"/v2/oauth/authorize?client_id=\xff",
        b"/v2/oauth/authorize#client_id=x",
        b"/logon/" + b"a" * 8_000,
        b"/logon/device?user_code=" + b"A" * 8_000,
    ],
    ids=lambda target: target[:30].decode("latin-1"),
)
async def test_odd_addresses_have_an_answer_of_ours(world: World, target: bytes) -> None:
    host, _, port = world.gateway.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nhost: " + host.encode() + b"\r\nconnection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    status = int(received.split()[1])
    assert status in (200, 303, 400, 404, 431), received[:500]
    assert b"Traceback" not in received
    # Who entered a code is to log on.
    locations = re.findall(rb"(?im)^location: (\S+)", received)
    assert all(re.fullmatch(rb"/logon/[\w-]{22}", location) for location in locations)
    assert bool(locations) == (status == 303)


async def test_hosts_that_are_none(world: World) -> None:
    host, _, port = world.gateway.removeprefix("http://").partition(":")
    query = "&".join(f"{name}={value}" for name, value in ask(world).items())
    for name in ("evil.example.com/x", "a@b", "a b", "漢.example", "", "a\\b", "x" * 300):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"GET /v2/oauth/authorize?{query} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n".encode()
            )
            received = b""
            while piece := connection.recv(65_536):
                received += piece
        head = received.partition(b"\r\n\r\n")[0].decode("latin-1")
        location = re.search(r"(?im)^location: (.*)$", head)
        assert location is None or location[1].startswith("/logon/")
        assert head.split()[1] in ("303", "400", "403", "404"), head


async def test_line_ends_reach_no_header(world: World, browser: httpx.AsyncClient) -> None:
    bad = "x\r\nset-cookie: stolen=1\r\nlocation: https://evil.example.com\r\n\r\n<script>"
    for path, params in (
        ("/v2/oauth/authorize", ask(world, response_type="token", state=bad)),
        ("/v2/oauth/authorize", ask(world, state=bad, nonce=bad, login_hint=bad, scope="all")),
        ("/v2/oauth/authorize", ask(world, client_id=bad)),
        ("/v2/oauth/authorize", ask(world, redirect_uri=bad)),
        ("/logon/language/zh", {"back": f"/logon/{bad}"}),
        ("/logon/device", {"user_code": bad}),
        ("/logon/account", {"client_id": bad}),
        ("/logon/back/x", {"state": bad, "code": bad, "error": bad}),
    ):
        answer = await browser.get(path, params=params)
        assert answer.status_code in (200, 303, 400, 403, 404)
        assert "stolen" not in "".join(answer.headers.get_list("set-cookie"))
        assert not answer.headers.get("location", "/").startswith("https://evil")
        assert "<script" not in answer.text


async def test_neither_is_kept_nor_framed(world: World, browser: httpx.AsyncClient) -> None:
    first = await browser.get("/v2/oauth/authorize", params=ask(world))
    page = await browser.get(first.headers["location"])
    problem = await browser.get("/v2/oauth/authorize", params=ask(world, client_id="nobody"))
    missing = await browser.get("/logon/no/such/page")
    refused = await browser.request("PUT", "/logon/device")
    for answer in (first, page, problem, missing, refused):
        assert answer.headers["cache-control"] == "no-store"
        guarded(answer)


async def test_addresses_of_others_are_not_ones_own(world: World, browser: httpx.AsyncClient) -> None:
    """The inbox, where there is one, is for who sits at this machine, whatever a header claims."""
    answer = await browser.get("/logon/inbox", headers={"x-tessera-peer": "10.0.0.1", "x-forwarded-for": "10.0.0.1"})
    assert answer.status_code in (200, 404)
    assert "10.0.0.1" not in answer.text
