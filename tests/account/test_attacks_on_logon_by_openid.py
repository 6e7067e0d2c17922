"""How logging on by an OpenID provider was broken elsewhere, each way tried here: RFC 9700, RFC 9207, CVEs."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from services.account.connectors import Kept, Proven
from services.account.connectors.code_flow import redeem
from services.account.connectors.custom import Custom
from services.account.providers import ProviderKeys, documents, fetch
from services.account.providers.fetch import Reach
from services.account.providers.metadata import MetadataError, read_metadata
from services.account.providers.names import Names
from services.runtime import jws
from services.runtime.clock import Clock
from services.runtime.errors import Unavailable
from tests.account.connecting import NO_WISH, REDIRECT_URI, away, custom, kept, refused
from tests.support.logon_provider import LogonProvider
from tests.support.oidc import new_key, serving

# What a busy machine may need on top.
MORE = 5.0


@pytest_asyncio.fixture
async def connector(names: Names) -> AsyncIterator[Custom]:
    keys = ProviderKeys(names)
    connector = Custom(names, keys, Clock())
    yield connector
    await connector.close()
    await keys.close()


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[LogonProvider]:
    async with running() as provider:
        yield provider


@asynccontextmanager
async def running(algorithm: str = "RS256") -> AsyncIterator[LogonProvider]:
    async with serving(LogonProvider()) as provider:
        provider.keys = [new_key(algorithm)]
        yield provider


async def log_on(
    connector: Custom, provider: LogonProvider, own: Kept | None = None, *, algorithm: str = "RS256", secret: str = ""
) -> Proven:
    """Go there and come back, as a browser does."""
    own = own or kept()
    system = custom(provider.issuer, secret=secret, algorithms=(algorithm,))
    answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
    return await connector.come_back(system, own, REDIRECT_URI, answer)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_good_one(connector: Custom, algorithm: str) -> None:
    """What the others differ from."""
    async with running(algorithm) as provider:
        proven = await log_on(connector, provider, algorithm=algorithm)
        assert proven.identity.key == f"{provider.issuer}|12345"


# The answer in the browser.


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ({}, "refused"),
        ({"code": ""}, "refused"),
        ({"token": "x", "id_token": "x"}, "refused"),
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "access_denied", "code": "x"}, "refused"),
        ({"error": ""}, "refused"),
        ({"error": "server_error", "error_description": "\x1b[2J"}, "refused"),
        ({"error": "\x1b[2J\n" + "é" * 10_000}, "refused"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_a_browser_may_come_back_with(
    connector: Custom, provider: LogonProvider, answer: dict[str, str], key: str
) -> None:
    detail = await refused(connector.come_back(custom(provider.issuer), kept(), REDIRECT_URI, answer), key)
    assert ("server_error" in detail) == (answer.get("error") == "server_error")
    assert provider.redeemed == []


async def test_rfc_9700_4_5_code_injection_at_a_provider_that_passes_over_pkce(
    connector: Custom, provider: LogonProvider
) -> None:
    """A victim's code, brought by the attacker's browser: the nonce is the victim's."""
    provider.checks_pkce = False
    system, victim, thief = custom(provider.issuer), kept(), kept()
    for own, good in ((thief, False), (victim, True)):
        answer = provider.log_on(await connector.leave(system, victim, REDIRECT_URI, NO_WISH))
        come_back = connector.come_back(system, own, REDIRECT_URI, answer)
        if good:
            assert await come_back
        else:
            assert "nonce" in await refused(come_back)


async def test_rfc_9700_4_8_pkce_is_used_with_each_code(connector: Custom, provider: LogonProvider) -> None:
    own = kept()
    url = await connector.leave(custom(provider.issuer), own, REDIRECT_URI, NO_WISH)
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
    assert own.verifier not in url
    await log_on(connector, provider, own)
    (redeemed,) = provider.redeemed
    assert redeemed.form()["code_verifier"] == own.verifier
    assert redeemed.form()["redirect_uri"] == REDIRECT_URI


async def test_rfc_9700_4_4_mix_up(connector: Custom, provider: LogonProvider) -> None:
    """An attacker's provider sends the browser to an honest one, and its answer to us as its own."""
    system, own = custom(provider.issuer), kept()
    async with running() as honest:
        ours = custom(honest.issuer)
        code = honest.log_on(await connector.leave(ours, own, REDIRECT_URI, NO_WISH))
        await refused(connector.come_back(system, own, REDIRECT_URI, code | {"iss": honest.issuer}))
        # Nobody was shown the code.
        assert provider.redeemed == []
    # Where the provider says that it names itself, it must; where it does not, it need not.
    provider.more_metadata = {"authorization_response_iss_parameter_supported": True}
    other = replace(system, user_system_id="s2")
    answer = provider.log_on(await connector.leave(other, own, REDIRECT_URI, NO_WISH))
    await refused(connector.come_back(other, own, REDIRECT_URI, answer))
    assert await connector.come_back(other, own, REDIRECT_URI, answer | {"iss": provider.issuer})


# The ID token.


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": None},
        {"nonce": ""},
        {"nonce": "of-another-flow"},
        {"nonce": 1},
        {"nonce": ["x"]},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["tessera", "another-client"]},
        {"aud": ["tessera", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"iss": "https://else.example.com"},
        {"iss": None},
        {"exp": None},
        {"exp": 1_600_000_000},
        {"iat": None},
        {"iat": 9_000_000_000},
        {"nbf": 9_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 12345},
        {"sub": "x" * 256},
        {"sub": "x" * 255},
        {"sub": "a\x00b"},
        {"sub": "12345 "},
        {"sub": "e\u0301"},
        {"at_hash": "x"},
        {"at_hash": None, "events": {}},
    ],
    ids=lambda value: str(value)[:60].encode("ascii", "backslashreplace").decode(),
)
async def test_what_a_token_must_say(connector: Custom, provider: LogonProvider, changed: dict[str, Any]) -> None:
    provider.changed = changed
    await refused(log_on(connector, provider))
    provider.changed = {}
    assert await log_on(connector, provider)


async def test_expired_a_minute_ago(connector: Custom, provider: LogonProvider) -> None:
    provider.changed = {"exp": int(time.time()) - 60}
    assert "exp" in await refused(log_on(connector, provider))


@pytest.mark.parametrize(
    "changed", [{"aud": ["tessera"]}, {"aud": ["tessera", "api"], "azp": "tessera"}, {"azp": "tessera"}], ids=str
)
async def test_what_it_may_say(connector: Custom, provider: LogonProvider, changed: dict[str, Any]) -> None:
    provider.changed = changed
    assert await log_on(connector, provider)


async def test_halves_of_surrogate_pairs(connector: Custom, provider: LogonProvider) -> None:
    """JSON can spell them, and nothing else of ours can hold them."""
    system = custom(provider.issuer)
    for name in ("nonce", "sub", "at_hash", "name", "picture"):
        own = kept()
        answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
        claims = provider.claims(aud="tessera", nonce=own.nonce) | {name: "\ud800x"}
        header = jws.encode_json({"alg": "RS256", "kid": "k1"})
        provider.id_token = jws.write(header, claims, "RS256", provider.keys[0].private_key)
        come_back = connector.come_back(system, own, REDIRECT_URI, answer)
        if name in ("name", "picture"):
            proven = await come_back
            assert (proven.display_name, proven.avatar) == ("x" if name == "name" else "", "")
        else:
            await refused(come_back)


async def test_cve_2026_15612_a_nonce_that_is_missing_is_not_this_one(
    connector: Custom, provider: LogonProvider
) -> None:
    provider.changed = {"nonce": None}
    assert "nonce" in await refused(log_on(connector, provider, Kept("", "", secrets.token_urlsafe(32))))
    provider.changed = {"nonce": ""}
    assert "nonce" in await refused(log_on(connector, provider, Kept("", "", secrets.token_urlsafe(32))))


@pytest.mark.parametrize(
    ("since", "good"),
    [(0, True), (-5, True), (-11, False), (-3600, False), (None, False), ("now", False), (True, False)],
    ids=str,
)
async def test_who_is_to_be_proven_anew_is(
    connector: Custom, provider: LogonProvider, since: float | str | None, good: bool
) -> None:
    """A provider that goes by a session of its own, and one that says nothing, or no time (OpenID Connect Core)."""
    now = time.time()
    asked = parse_qs(
        urlsplit(await connector.leave(custom(provider.issuer), Kept.fresh(now), REDIRECT_URI, NO_WISH)).query
    )
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    told = now + since if isinstance(since, int) and not isinstance(since, bool) else since
    provider.changed = {} if told is None else {"auth_time": told}
    if good:
        assert await log_on(connector, provider, Kept.fresh(now))
    else:
        assert "auth_time" in await refused(log_on(connector, provider, Kept.fresh(now)), "not_anew")
    # Nobody has to be: what it says of that is not looked at.
    assert await log_on(connector, provider)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_the_access_token_is_the_one_that_came_with_it(connector: Custom, algorithm: str) -> None:
    """RFC 9700 section 4.6, where the provider says which."""
    digest = (hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256)(b"an-access-token").digest()
    async with running(algorithm) as provider:
        provider.changed = {"at_hash": encoded(digest[: len(digest) // 2])}
        assert await log_on(connector, provider, algorithm=algorithm)
        for beside in ({"access_token": "another"}, {"access_token": None}, {"access_token": ["an-access-token"]}):
            provider.beside = beside
            assert "at_hash" in await refused(log_on(connector, provider, algorithm=algorithm))


async def test_alg_none(connector: Custom, provider: LogonProvider) -> None:
    system = custom(provider.issuer)
    for alg in ("none", "None", "", None):
        own = kept()
        answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
        claims = provider.claims(aud="tessera", nonce=own.nonce)
        provider.id_token = f"{part({'alg': alg})}.{part(claims)}."
        assert "alg" in await refused(connector.come_back(system, own, REDIRECT_URI, answer))


async def test_cve_2024_37568_hmac_with_a_public_key_or_with_the_clients_secret(
    connector: Custom, provider: LogonProvider
) -> None:
    key = provider.keys[0]
    known = (key.as_pem(private=False), key.as_der(private=False), provider.jwks().encode(), b"our-secret", b"")
    system = custom(provider.issuer, secret="our-secret")
    for secret in known:
        for header in ({"alg": "HS256", "kid": "k1"}, {"alg": "HS256"}, {"alg": "RS256", "kid": "k1"}):
            own = kept()
            answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
            text = f"{part(header)}.{part(provider.claims(aud='tessera', nonce=own.nonce))}"
            provider.id_token = f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
            await refused(connector.come_back(system, own, REDIRECT_URI, answer))


async def test_an_algorithm_that_the_settings_do_not_take(connector: Custom) -> None:
    async with running("ES256") as provider:
        assert "alg" in await refused(log_on(connector, provider, algorithm="RS256"))
        # Refused before anybody was asked for keys.
        assert "/keys" not in provider.asked


async def test_cve_2026_109372_another_issuers_key_of_the_same_id(connector: Custom, provider: LogonProvider) -> None:
    async with running() as other:
        assert other.keys[0].kid == provider.keys[0].kid
        assert await log_on(connector, other)
        own = kept()
        system = custom(provider.issuer)
        for issuer in (provider.issuer, other.issuer):
            answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
            provider.id_token = other.token(iss=issuer, aud="tessera", nonce=own.nonce)
            await refused(connector.come_back(system, own, REDIRECT_URI, answer))


async def test_cve_2026_9090_a_key_that_the_token_brings_along(connector: Custom, provider: LogonProvider) -> None:
    stranger, system = new_key("RS256"), custom(provider.issuer)
    headers: list[dict[str, Any]] = [{}, {"jwk": stranger.as_dict(private=False)}, {"jku": f"{provider.issuer}/keys2"}]
    for header in headers:
        own = kept()
        answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
        provider.id_token = provider.token(stranger, header, aud="tessera", nonce=own.nonce)
        await refused(connector.come_back(system, own, REDIRECT_URI, answer))
    assert "/keys2" not in provider.asked


async def test_unknown_keys_are_looked_for_at_a_bounded_rate(
    connector: Custom, provider: LogonProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 1.0)
    assert await log_on(connector, provider)
    await asyncio.sleep(1.1)
    provider.keys = [new_key("RS256", "k2")]
    assert await log_on(connector, provider)
    assert provider.asked.count("/keys") == 2
    good, provider.keys = provider.keys, [new_key("RS256", "k3")]
    published, provider.instead["/keys"] = "/keys", ("200 OK", "", jwks_of(good))
    started = time.monotonic()
    while time.monotonic() - started < 1.5:
        await refused(log_on(connector, provider))
    assert provider.asked.count(published) <= 2 + 1 + (time.monotonic() - started)


async def test_a_name_and_a_picture_that_no_page_could_show(connector: Custom, provider: LogonProvider) -> None:
    for name, picture, shown in (
        ("<b>Ada</b>\u202e\x1b[2J\n" + "x" * 1000, "javascript:alert(1)", "<b>Ada</b> [2J " + "x" * 113),
        (["Ada"], "http://pictures.example.com/ada.png", ""),
        (7, "https://ada:secret@pictures.example.com/", ""),
        ("  ", 'https://pictures.example.com/"onerror="x y', ""),
        ("王\u3000小明", "https://" + "x" * 3000, "王 小明"),
        (None, ["https://pictures.example.com/"], ""),
    ):
        provider.changed = {"name": name, "picture": picture}
        proven = await log_on(connector, provider)
        assert (proven.display_name, proven.avatar) == (shown, "")


# What the provider is asked for.


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        ("200 OK", b"{}", "no id_token"),
        ("200 OK", b'{"id_token":{}}', "no id_token"),
        ("200 OK", b"<html>", "no id_token"),
        ("200 OK", b"[" * 100_000, "no id_token"),
        ("200 OK", b" " * 300_000, "more than"),
        ("401 Unauthorized", b'{"error":"invalid_client"}', "invalid_client"),
        ("400 Bad Request", b'{"error":["invalid_grant"]}', "of no known form"),
        ("400 Bad Request", b'{"error":"\\u001b[2J\\ud800' + b"x" * 1000 + b'"}', "of no known form"),
        ("307 Temporary Redirect", b"", "status 307"),
        ("500 Oops", b'{"id_token":"x"}', "status 500"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_answer_of_a_token_endpoint(
    connector: Custom, provider: LogonProvider, status: str, body: bytes, said: str
) -> None:
    headers = f"location: {provider.issuer}/stolen\r\n" if status.startswith("307") else ""
    provider.instead["/token_endpoint"] = (status, headers, body)
    detail = await away(log_on(connector, provider, secret="our-secret"))
    assert said in detail
    assert "our-secret" not in detail
    assert "/stolen" not in provider.asked


@pytest.mark.parametrize("text", ["", "x", "x.y.z", "." * 50, "x" * 200_000, "e30.e30.", "e30.e30.e30"])
async def test_what_is_no_id_token(connector: Custom, provider: LogonProvider, text: str) -> None:
    provider.beside = {"id_token": text}
    await refused(log_on(connector, provider))


@pytest.mark.parametrize(
    "answer",
    [
        ("302 Found", "location: /elsewhere\r\n", b""),
        ("200 OK", "", b'{"issuer": "https://else.example.com"}'),
        ("200 OK", "", b"[]"),
        ("200 OK", "", b"{"),
        ("200 OK", "", b'{"issuer": "' + b"x" * 300_000 + b'"}'),
        ("404 Not Found", "", b""),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_discovery_document(connector: Custom, provider: LogonProvider, answer: Any) -> None:
    provider.instead[provider.discovery] = answer
    system = custom(provider.issuer)
    await away(connector.leave(system, kept(), REDIRECT_URI, NO_WISH))
    await away(connector.come_back(system, kept(), REDIRECT_URI, {"code": "x"}))
    # At a bounded rate.
    assert provider.asked == [provider.discovery]
    # Who tries the settings sees them as they are now.
    (problem,) = await connector.test(system)
    assert problem.endswith(".")
    provider.instead.clear()
    assert await connector.test(system) == []


@pytest.mark.parametrize("ours", ["/", "//", "/x/..", "?", "#", "/.well-known"])
async def test_an_issuer_is_compared_letter_by_letter(connector: Custom, provider: LogonProvider, ours: str) -> None:
    await away(connector.leave(custom(provider.issuer + ours), kept(), REDIRECT_URI, NO_WISH))
    if ours == "/":
        # With its slash at both sides it is another issuer, and a good one.
        provider.issuer += "/"
        provider.more_metadata = {
            name: provider.issuer.rstrip("/") + path
            for name, path in (
                ("authorization_endpoint", "/authorization_endpoint"),
                ("token_endpoint", "/token_endpoint"),
                ("jwks_uri", "/keys"),
            )
        }
        system, own = replace(custom(provider.issuer), user_system_id="s2"), kept()
        answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
        proven = await connector.come_back(system, own, REDIRECT_URI, answer)
        assert proven.identity.key == f"{provider.issuer}|12345"


@pytest.mark.parametrize("private", [False, True])
def test_addresses_that_nobody_may_be_sent_to(names: Names, private: bool) -> None:
    good = {
        "issuer": "https://id.example.com",
        "authorization_endpoint": "https://id.example.com/auth?tenant=7",
        "token_endpoint": "https://id.example.com/token",
        "jwks_uri": "https://id.example.com/keys",
    }
    reach = Reach(names, "d1", private)
    assert read_metadata(good, good["issuer"], reach).authorization_endpoint == good["authorization_endpoint"]
    bad: list[Any] = [
        "javascript:alert(document.domain)//https://",
        "data:text/html,x",
        "file:///etc/passwd",
        "//id.example.com/auth",
        "/auth",
        "https:",
        "https://user:password@id.example.com/",
        "https://id.example.com/#x",
        "https://[/",
        "https://id.example.com\\@else.example.com/",
        "https://else.example.com\\.id.example.com/",
        "https://id.example.com /",
        " https://id.example.com/",
        'https://id.example.com/"x',
        "https://ïd.example.com/",
        "https://id.example.com/" + "x" * 3000,
        "",
        None,
        7,
    ]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        for each in bad if private else [*bad, "http://id.example.com/"]:
            with pytest.raises(MetadataError) as caught:
                read_metadata(good | {name: each}, good["issuer"], reach)
            assert len(str(caught.value)) < 400
            assert str(caught.value).isascii()


async def test_ssrf_private_addresses_are_not_even_connected_to(
    connector: Custom, names: Names, provider: LogonProvider
) -> None:
    """Not for discovery, not for codes; not by a name that a tenant's name server answers for."""
    https = provider.issuer.replace("http:", "https:")
    for issuer in (provider.issuer, https, https.replace("127.0.0.1", "localhost"), "https://169.254.169.254"):
        system = replace(custom(issuer), private_addresses=False)
        await away(connector.leave(system, kept(), REDIRECT_URI, NO_WISH))
        (problem,) = await connector.test(system)
        assert "cannot be had" in problem
    for url in (provider.issuer, https):
        call = redeem(
            f"{url}/token_endpoint",
            Reach(names, "d1", private_addresses=False),
            ({}, None),
            code="a-code",
            redirect_uri=REDIRECT_URI,
            verifier="a-verifier",
        )
        with pytest.raises(Unavailable) as caught:
            await call
        assert "a-code" not in str(caught.value.detail)
    assert provider.asked == []


async def test_a_provider_that_is_slow_holds_up_nobody_else(
    connector: Custom, provider: LogonProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.hangs = True
    slow = custom(provider.issuer)
    started = time.monotonic()
    waiting = [
        asyncio.create_task(timed(away(connector.leave(slow, kept(), REDIRECT_URI, NO_WISH)))) for _ in range(50)
    ]
    while not provider.asked:
        await asyncio.sleep(0.01)
    async with running() as other:
        system, own = replace(custom(other.issuer), user_system_id="s2"), kept()
        answer = other.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
        assert await connector.come_back(system, own, REDIRECT_URI, answer)
    assert not any(task.done() for task in waiting)
    assert all(took < documents.SECONDS + MORE for took in await asyncio.gather(*waiting))
    # One request for all.
    assert provider.asked == [provider.discovery]
    assert time.monotonic() - started < documents.SECONDS + MORE
    # And a token endpoint that hangs has its bound, too.
    monkeypatch.setattr(fetch, "REQUEST_SECONDS", 0.5)
    async with running() as other:
        other.slow = {"/token_endpoint": 60.0}
        assert await timed(away(log_on(connector, other))) < 0.5 + MORE


async def test_a_provider_that_is_away_is_known_for_a_while(
    connector: Custom, provider: LogonProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(documents, "FRESH_SECONDS", 0.0)
    assert await log_on(connector, provider)
    provider.instead[provider.discovery] = ("500 Oops", "", b"")
    for _ in range(3):
        assert await log_on(connector, provider)
        await asyncio.sleep(0.1)
    assert provider.asked.count(provider.discovery) > 2
    monkeypatch.setattr(documents, "STALE_SECONDS", 0.0)
    await away(log_on(connector, provider))


async def test_two_issuers_and_subjects_are_never_one_identity(connector: Custom, provider: LogonProvider) -> None:
    """`a|b` and `c`, `a` and `b|c`."""
    provider.changed = {"sub": "b|c"}
    assert (await log_on(connector, provider)).identity.key == f"{provider.issuer}|b|c"
    provider.changed = {}
    system, own = custom(f"{provider.issuer}/a|b"), kept()
    inner = f"/a|b{provider.discovery}"
    metadata = provider.metadata() | {"issuer": f"{provider.issuer}/a|b"}
    for path in (inner, inner.replace("|", "%7C")):
        provider.instead[path] = ("200 OK", "", json.dumps(metadata).encode())
    answer = provider.log_on(await connector.leave(system, own, REDIRECT_URI, NO_WISH))
    provider.changed = {"iss": f"{provider.issuer}/a|b"}
    await refused(connector.come_back(system, own, REDIRECT_URI, answer))


async def timed(call: Awaitable[Any]) -> float:
    """How long it takes, in seconds."""
    started = time.monotonic()
    await call
    return time.monotonic() - started


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def part(value: Any) -> str:
    return encoded(json.dumps(value).encode())


def jwks_of(keys: list[Any]) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()
