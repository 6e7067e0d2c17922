"""IdToken: verified with the provider that is registered under the name, and by nothing that the token brings."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import OctKey
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2

from services.account.providers import documents
from tests.account.callers import Domain
from tests.account.open_accounts import Operator
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.oidc import Provider, new_key, running_provider


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with running_provider() as made:
        yield made


@pytest_asyncio.fixture
async def operator(alone: Account, domain: Domain) -> Operator:
    operator = Operator(alone, domain)
    await operator.project()
    return operator


async def invalid(operator: Operator, token: str) -> None:
    refusal = await refused(operator.describe(id_token=token, idp="ALIOS"), "ID_TOKEN_INVALID")
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.message == "The specified IdToken is not valid."


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("key_id", ["k1", None])
async def test_a_good_token_names_its_account(
    operator: Operator, provider: Provider, algorithm: str, key_id: str | None
) -> None:
    provider.keys = [new_key(algorithm, key_id)]
    await operator.register(provider)
    identity_id = await operator.open_account()
    await operator.open_account(open_id="12346")
    for given in ({}, {"project_id": "p1"}, {"identity_id": identity_id}, {"open_id": "12345"}):
        answer = await operator.describe(id_token=provider.token(), idp="ALIOS", **given)
        assert answer.open_account.identity_id == identity_id
    # Asked once, whoever calls.
    assert provider.asked == [provider.discovery, "/keys"]


@pytest.mark.parametrize("source", ["jwks_uri", "jwks"])
async def test_where_keys_may_be(operator: Operator, provider: Provider, source: str) -> None:
    await operator.register(
        provider, **{source: f"{provider.issuer}/keys" if source == "jwks_uri" else provider.jwks()}
    )
    await operator.open_account()
    assert (await operator.describe(id_token=provider.token(), idp="ALIOS")).open_account.open_id == "12345"
    assert provider.asked == (["/keys"] if source == "jwks_uri" else [])


async def test_a_good_token_without_an_account(operator: Operator, provider: Provider) -> None:
    await operator.register(provider)
    identity_id = await operator.open_account(open_id="other")
    await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "NOT_FOUND_OPEN_ACCOUNT")
    refusal = await refused(
        operator.describe(id_token=provider.token(), idp="ALIOS", identity_id=identity_id), "PARAMETERS_DISAGREE"
    )
    assert "IdToken" in refusal.message


async def test_both_must_name_the_same_account(operator: Operator, provider: Provider) -> None:
    await operator.register(provider)
    await operator.open_account()
    other = await operator.open_account(open_id="other")
    token = provider.token()
    await refused(operator.describe(id_token=token, idp="ALIOS", identity_id=other), "PARAMETERS_DISAGREE", "IdToken")
    await refused(operator.describe(id_token=token, idp="ALIOS", open_id="other"), "PARAMETERS_DISAGREE", "OpenId")
    await refused(operator.describe(id_token=token, idp="ALIOS", identity_id="none"), "NOT_FOUND_OPEN_ACCOUNT")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://else.example.com"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": ["a", "b"]},
        {"aud": None},
        {"aud": {"cars-app": 1}},
        {"azp": "another-app"},
        {"aud": ["another-app", "cars-app"]},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"sub": None},
        {"sub": ""},
        {"sub": 12345},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"sub": "\ud800"},
    ],
    ids=str,
)
async def test_what_a_token_must_say(operator: Operator, provider: Provider, changed: dict[str, Any]) -> None:
    await operator.register(provider)
    await operator.open_account()
    await invalid(operator, _signed(provider, provider.claims(**changed)))
    # By the same hand, the good one.
    assert await operator.describe(id_token=_signed(provider, provider.claims()), idp="ALIOS")


@pytest.mark.parametrize(("name", "seconds"), [("exp", -60), ("nbf", 600), ("iat", 600)])
async def test_when_a_token_is_good(operator: Operator, provider: Provider, name: str, seconds: int) -> None:
    await operator.register(provider)
    await operator.open_account()
    await invalid(operator, _signed(provider, provider.claims(**{name: int(time.time()) + seconds})))


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "", None])
async def test_a_token_of_another_type(operator: Operator, provider: Provider, typ: Any) -> None:
    await operator.register(provider)
    await operator.open_account()
    await invalid(operator, _signed(provider, provider.claims(), {"alg": "ES256", "kid": "k1", "typ": typ}))


async def test_an_audience_of_several(operator: Operator, provider: Provider) -> None:
    await operator.register(provider, audiences=["first", "second"])
    await operator.open_account()
    token = provider.token(aud=["api", "second"], azp="first")
    assert await operator.describe(id_token=token, idp="ALIOS")


def _part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _signed(provider: Provider, claims: Any, header: Any = None) -> str:
    """Any content at all, signed by the provider's P-256 key."""
    text = f"{_part(header or {'alg': 'ES256', 'kid': 'k1'})}.{_part(claims)}"
    r, s = decode_dss_signature(provider.keys[0].private_key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{text}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


async def test_alg_none(operator: Operator, provider: Provider) -> None:
    await operator.register(provider)
    await operator.open_account()
    for alg in ("none", "None", "NONE", "", None):
        await invalid(operator, f"{_part({'alg': alg})}.{_part(provider.claims())}.")
        await invalid(operator, _signed(provider, provider.claims(), {"alg": alg, "kid": "k1"}))


async def test_cve_2024_33663_hmac_with_the_public_key(operator: Operator, provider: Provider) -> None:
    provider.keys = [new_key("RS256")]
    await operator.register(provider)
    await operator.open_account()
    text = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(provider.claims())}"
    for secret in (provider.keys[0].as_pem(private=False), provider.keys[0].as_der(private=False)):
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        await invalid(operator, f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


async def test_a_secret_among_the_keys_is_none(operator: Operator, provider: Provider) -> None:
    secret = OctKey.import_key("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", {"kid": "k1", "alg": "HS256"})
    body = json.dumps({"keys": [secret.as_dict(private=True)]}).encode()
    provider.instead["/keys"] = ("200 OK", "", body)
    await operator.register(provider)
    await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "IDP_UNAVAILABLE")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"])
async def test_cve_2026_9090_what_brings_keys_along_is_refused(
    operator: Operator, provider: Provider, name: str
) -> None:
    await operator.register(provider)
    await operator.open_account()
    stranger = new_key()
    header = {"alg": "ES256", "kid": "k1", name: stranger.as_dict(private=False)}
    await invalid(operator, _signed(provider, provider.claims(), header))
    # A stranger's key, even under the id of a good one.
    await invalid(operator, provider.token(stranger))


async def test_an_algorithm_that_the_provider_may_not_use(operator: Operator, provider: Provider) -> None:
    await operator.register(provider, algorithms=["RS256", "EdDSA"])
    await operator.open_account()
    await invalid(operator, provider.token())
    # Refused before anybody was asked.
    assert provider.asked == []


async def test_what_is_no_token(operator: Operator, provider: Provider) -> None:
    await operator.register(provider)
    await operator.open_account()
    good = provider.token()
    head, claims, signature = good.split(".")
    twice = '{"sub":"0","sub":"12345",' + json.dumps(provider.claims())[1:]
    for text in (
        "eyJ",
        "..",
        good + ".",
        good + "=",
        f"{head}.{claims}.{signature[:-4]}",
        f"{head}.{_part(provider.claims(sub='0'))}.{signature}",
        _signed(provider, twice),
        _signed(provider, provider.claims(), '{"alg":"ES256","alg":"ES256","kid":"k1"}'),
        _signed(provider, provider.claims(padding="x" * 10_000)),
        _signed(provider, "[]"),
        "x" * 60_000,
    ):
        await invalid(operator, text)
    assert await operator.describe(id_token=good, idp="ALIOS")


async def test_cve_2026_109372_the_provider_is_the_registered_one_and_never_one_that_the_token_names(
    operator: Operator, provider: Provider
) -> None:
    async with running_provider() as other:
        await operator.register(provider)
        await operator.register(other, idp="OTHER")
        await operator.open_account()
        await operator.open_account(idp="OTHER")
        await invalid(operator, other.token())
        await invalid(operator, other.token(iss=provider.issuer))
        assert other.asked == []
        answer = await operator.describe(id_token=other.token(), idp="OTHER")
        assert answer.open_account.idp == "OTHER"
    await refused(operator.describe(id_token=provider.token(), idp="NONE"), "IDP_NOT_REGISTERED")
    await refused(operator.describe(id_token=provider.token(), idp="AL:IOS"), "IDP_NOT_REGISTERED")


async def test_providers_of_one_name_are_told_apart_by_project(operator: Operator, provider: Provider) -> None:
    await operator.project("p2")
    async with running_provider() as other:
        await operator.register(provider)
        await operator.register(other, project_id="p2")
        ours, theirs = await operator.open_account(), await operator.open_account(project_id="p2")
        await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "FIELD_MISSING", "ProjectId")
        for project, each, wanted in (("p1", provider, ours), ("p2", other, theirs)):
            answer = await operator.describe(id_token=each.token(), idp="ALIOS", project_id=project)
            assert answer.open_account.identity_id == wanted
    await refused(operator.describe(id_token="x", idp="ALIOS", project_id="p3"), "IDP_NOT_REGISTERED")


async def test_another_domains_provider_does_not_exist(
    operator: Operator, provider: Provider, alone: Account, other_domain: Domain
) -> None:
    await operator.register(provider)
    await operator.open_account()
    stranger = Operator(alone, other_domain)
    await refused(stranger.describe(id_token=provider.token(), idp="ALIOS"), "IDP_NOT_REGISTERED")


async def test_a_new_key_is_looked_for_at_a_bounded_rate(
    operator: Operator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 1.0)
    await operator.register(provider)
    await operator.open_account()
    assert await operator.describe(id_token=provider.token(), idp="ALIOS")
    await asyncio.sleep(1.1)
    provider.keys.append(new_key("ES256", "k2"))
    tokens = [provider.token(provider.keys[1]) for _ in range(20)]
    await asyncio.gather(*(operator.describe(id_token=token, idp="ALIOS") for token in tokens))
    # One fetch for all of them.
    assert provider.asked == [provider.discovery, "/keys"] * 2
    stranger = new_key("ES256", "k3")
    started = time.monotonic()
    while (took := time.monotonic() - started) < 2.5:
        await invalid(operator, provider.token(stranger))
    assert len(provider.asked) <= 4 + 2 * (1 + took)


async def test_keys_outlive_the_provider_for_a_while(
    operator: Operator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "ASK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(documents, "FRESH_SECONDS", 0.0)
    await operator.register(provider)
    await operator.open_account()
    assert await operator.describe(id_token=provider.token(), idp="ALIOS")
    for path in (provider.discovery, "/keys"):
        provider.instead[path] = ("500 Oops", "", b"")
    for _ in range(3):
        assert await operator.describe(id_token=provider.token(), idp="ALIOS")
        await asyncio.sleep(0.1)
    assert len(provider.asked) > 2
    # Whether an unknown key is the provider's nobody can say now.
    await refused(operator.describe(id_token=provider.token(new_key("ES256", "k2")), idp="ALIOS"), "IDP_UNAVAILABLE")
    monkeypatch.setattr(documents, "STALE_SECONDS", 0.0)
    await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "IDP_UNAVAILABLE")
    provider.instead.clear()
    monkeypatch.setattr(documents, "STALE_SECONDS", 60.0)
    assert await operator.describe(id_token=provider.token(), idp="ALIOS")


async def test_a_provider_that_hangs_holds_up_nobody_else(operator: Operator, provider: Provider) -> None:
    provider.hangs = True
    async with running_provider() as other:
        await operator.register(provider)
        await operator.register(other, idp="OTHER")
        await operator.open_account(idp="OTHER")
        started = time.monotonic()
        waiting = [
            asyncio.create_task(refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "IDP_UNAVAILABLE"))
            for _ in range(50)
        ]
        while not provider.asked:
            await asyncio.sleep(0.01)
        assert await operator.describe(id_token=other.token(), idp="OTHER")
        assert not any(task.done() for task in waiting)
        refusals = await asyncio.gather(*waiting)
        assert refusals[0].code == grpc.StatusCode.UNAVAILABLE
        assert "Idp" in refusals[0].message
        assert time.monotonic() - started < 30
        # One request for all; and who comes next is told at once.
        assert provider.asked == [provider.discovery]
        await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "IDP_UNAVAILABLE")
        assert provider.asked == [provider.discovery]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("discovery", ("302 Found", "location: /keys\r\n", b"")),
        (
            "discovery",
            ("200 OK", "", b'{"issuer": "https://else.example.com", "jwks_uri": "https://else.example.com"}'),
        ),
        ("discovery", ("200 OK", "", b"[]")),
        ("discovery", ("200 OK", "", b"{")),
        ("discovery", ("404 Not Found", "", b"")),
        ("/keys", ("307 Temporary Redirect", "location: /keys2\r\n", b"")),
        ("/keys", ("200 OK", "", b'{"keys": []}')),
        ("/keys", ("200 OK", "", b'{"keys": [' + b" " * 300_000 + b"]}")),
        ("/keys", ("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b")),
        (
            "/keys",
            ("200 OK", "", b'{"keys": [{"kty": "EC"}, {"kty": 1}, 1, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}'),
        ),
        ("/keys", ("200 OK", "", b"[" * 100_000)),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_answer(operator: Operator, provider: Provider, path: str, answer: Any) -> None:
    provider.instead[provider.discovery if path == "discovery" else path] = answer
    await operator.register(provider)
    await refused(operator.describe(id_token=provider.token(), idp="ALIOS"), "IDP_UNAVAILABLE")
    assert "/keys2" not in provider.asked


async def test_keys_of_a_provider_that_is_set_up_anew(operator: Operator, provider: Provider) -> None:
    await operator.register(provider, jwks=json.dumps({"keys": [new_key().as_dict(private=False)]}))
    await operator.open_account()
    await invalid(operator, provider.token())
    changed = operator.provider(jwks=provider.jwks())
    request = admin_pb2.UpdateProviderRequest(provider=changed)
    request.update_mask.paths.append("jwks")
    await operator.account.admin.UpdateProvider(request, metadata=operator.caller)
    assert await operator.describe(id_token=provider.token(), idp="ALIOS")
