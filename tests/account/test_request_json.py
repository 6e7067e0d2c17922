"""Requests to addresses that a tenant named: what is sent, what is read, and what is kept to ourselves."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.certificates import issue, make_authority
from services.account.providers import fetch
from services.account.providers.fetch import Answer, FetchError, Reach, request_json
from services.account.providers.names import Names


class Peer:
    """A server that keeps what it is sent, and answers the same each time, or nothing."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.heads: list[str] = []
        self.bodies: list[str] = []
        self.status, self.headers, self.body = "200 OK", "", b"{}"
        self.breaks = False
        self.seconds = 0.0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            length = next((line.split(":")[1] for line in head.lower().splitlines() if "content-length:" in line), "0")
            self.bodies.append((await reader.readexactly(int(length))).decode())
            await asyncio.sleep(self.seconds)
            if not self.breaks:
                headers = f"{self.headers}content-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
                writer.write(f"HTTP/1.1 {self.status}\r\n{headers}".encode() + self.body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has gone
        finally:
            writer.close()


@asynccontextmanager
async def running(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A peer that serves on loopback."""
    peer = Peer()
    server = await asyncio.start_server(peer.answer, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()


@pytest.fixture
def reach() -> Iterator[Reach]:
    """Any name is here: first at an address where nobody listens, then at loopback."""

    def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        addresses = ["127.0.0.2", "127.0.0.1"] if host == "two.test" else ["127.0.0.1"]
        return [(None, None, None, "", (address, port)) for address in addresses]

    names = Names(look_up)
    yield Reach(names, "d1", private_addresses=True)
    names.close()


async def test_a_form_is_sent_with_a_client_s_own_credentials(reach: Reach) -> None:
    async with running() as peer:
        peer.body = b'{"access_token":"t"}'
        answer = await request_json(
            "POST",
            f"http://name.test:{peer.port}/token?a=b",
            reach,
            form={"code": "a&b", "grant_type": "authorization_code"},
            headers={"X-Own": "1", "Host": "other.test"},
            auth=("client:1", "s ecret%"),
        )
        assert answer == Answer(200, {"access_token": "t"}, '{"access_token":"t"}')
        (head,) = peer.heads
        assert head.startswith("POST /token?a=b HTTP/1.1\r\n")
        lines = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}
        assert lines["host"] == f"name.test:{peer.port}"
        assert lines["x-own"] == "1"
        assert lines["content-type"] == "application/x-www-form-urlencoded"
        # RFC 6749 section 2.3.1: encoded as in a form, so that a colon is no end of the id.
        assert base64.b64decode(lines["authorization"].removeprefix("Basic ")) == b"client%3A1:s+ecret%25"
        assert peer.bodies == ["code=a%26b&grant_type=authorization_code"]


async def test_json_is_sent(reach: Reach) -> None:
    async with running() as peer:
        await request_json("POST", f"http://name.test:{peer.port}/", reach, json={"name": "张"})
        assert peer.bodies == ['{"name":"张"}']
        assert "content-type: application/json\r\n" in peer.heads[0].lower()


@pytest.mark.parametrize(
    ("status", "headers", "body", "parsed"),
    [
        ("400 Bad Request", "", b'{"error":"invalid_grant"}', {"error": "invalid_grant"}),
        ("200 OK", "", b"a=b", None),
        ("200 OK", "", b"\xff" + b"[" * 100_000, None),
        ("200 OK", "", b"[" * 100_000, None),
        ("302 Found", "location: http://127.0.0.1/\r\n", b"", None),
        ("200 OK", "set-cookie: a=b\r\ncontent-encoding: identity\r\n", b"[]", []),
    ],
    ids=["error", "no-json", "no-text", "deep", "redirect", "cookie"],
)
async def test_any_answer_is_read_and_none_followed(
    reach: Reach, status: str, headers: str, body: bytes, parsed: object
) -> None:
    async with running() as peer:
        peer.status, peer.headers, peer.body = status, headers, body
        for _ in range(2):
            answer = await request_json("GET", f"http://name.test:{peer.port}/", reach)
            assert (answer.status, answer.body) == (int(status[:3]), parsed)
        assert len(peer.heads) == 2
        assert "cookie" not in peer.heads[1].lower()


async def test_an_answer_is_bounded(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as peer:
        url = f"http://name.test:{peer.port}/"
        peer.body = b" " * (fetch.MAX_BYTES + 1)
        with pytest.raises(FetchError, match="more than"):
            await request_json("GET", url, reach)
        peer.headers, peer.body = "content-encoding: gzip\r\n", b"\x1f\x8b"
        with pytest.raises(FetchError, match="encoded"):
            await request_json("GET", url, reach)
        monkeypatch.setattr(fetch, "REQUEST_SECONDS", 0.2)
        peer.seconds = 60
        with pytest.raises(FetchError, match="TimeoutError"):
            await request_json("GET", url, reach)


async def test_where_nobody_listens_the_next_address_is_asked(reach: Reach) -> None:
    async with running() as peer:
        answer = await request_json("POST", f"http://two.test:{peer.port}/", reach, form={"code": "1"})
        assert answer.status == 200
        assert peer.bodies == ["code=1"]


async def test_what_may_have_been_done_is_not_asked_again(reach: Reach) -> None:
    async with running() as peer:
        peer.breaks = True
        for method, times in (("POST", 1), ("GET", 2)):
            peer.heads.clear()
            with pytest.raises(FetchError):
                await request_json(method, f"http://name.test:{peer.port}/", reach)
            assert len(peer.heads) == times


async def test_no_proxy_is_asked(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as peer, running() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await request_json("GET", f"http://name.test:{peer.port}/", reach)
        assert (len(peer.heads), len(proxy.heads)) == (1, 0)


async def test_the_certificate_is_that_of_the_name(
    reach: Reach, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Though the connection goes to an address."""
    believed = make_authority()
    own = issue(believed, "known.test")
    (tmp_path / "key").write_text(own.key)
    (tmp_path / "certificate").write_text(own.certificate)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    public = Reach(reach.names, "d1", private_addresses=False)
    async with running(serving) as peer:
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            await request_json("GET", f"https://known.test:{peer.port}/", reach)
        monkeypatch.setattr(fetch, "_TLS", ssl.create_default_context(cadata=believed.certificate))
        assert (await request_json("GET", f"https://known.test:{peer.port}/", reach)).body == {}
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            await request_json("GET", f"https://other.test:{peer.port}/", reach)
        with pytest.raises(FetchError, match="not a public address"):
            await request_json("POST", f"https://known.test:{peer.port}/", public)
        assert len(peer.heads) == 1


async def test_errors_hold_no_secret(reach: Reach) -> None:
    async with running() as peer:
        peer.breaks = True
        base = f"name.test:{peer.port}"
        for url, header in (
            (f"http://user:secret@{base}/path?corpsecret=secret#secret", "1"),
            (f"ftp://user:secret@{base}/path?corpsecret=secret", "1"),
            ("http://user:secret@127.0.0.2:1/path?secret", "1"),
            ("http://name.test:secret/?secret", "1"),
            (f"http://{base}/", "Bearer secret\n"),
            (f"http://{base}/", "Bearer secret\u4e2d"),
        ):
            with pytest.raises(FetchError) as caught:
                await request_json(
                    "POST", url, reach, form={"secret": "secret"}, headers={"x": header}, auth=("id", "secret")
                )
            error = caught.value
            assert "secret" not in str(error)
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None
    assert "secret" not in repr(Answer(200, {"access_token": "secret"}, "secret"))


async def test_what_our_name_server_knows_is_not_told() -> None:
    """A name that it does not know, one of ours, and one that has an address of ours among others: all the same."""
    known = {"ours.test": ["10.1.2.3"], "both.test": ["8.8.8.8", "10.1.2.3"]}

    def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(None, None, None, "", (address, port)) for address in known[host]]

    names = Names(look_up)
    told = set()
    for host in ("ours.test", "both.test", "unknown.test"):
        with pytest.raises(FetchError) as caught:
            await request_json("GET", f"https://{host}/", Reach(names, "d1", private_addresses=False))
        told.add(str(caught.value).replace(host, "host"))
    names.close()
    assert told == {"https://host/: host is not a public address"}
