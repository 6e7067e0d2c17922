import asyncio
import base64
import hashlib
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.runtime import jws
from tests.support.calls import refusal_in, refused
from tests.support.token import CLIENT_ASSERTION, DOMAIN, ISSUER, JWT_BEARER, Running, serving, settings_of
from tests.support.token_client import App, basic, new_p256, public_pem

CREDENTIALS = "client_credentials"


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


@pytest.fixture
async def signer(service: Running) -> App:
    """A service that proves itself by a key."""
    return await service.app(admin_pb2.APP_TYPE_SERVICE, key=new_p256())


def _assertion(service: Running, app: App, **changed: Any) -> dict[str, str]:
    claims = service.claims(app.client_id, sub=app.client_id, aud=ISSUER) | changed
    return {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": app.sign(claims, "ES256")}


async def test_a_secret_in_the_body(service: Running, app: App) -> None:
    await service.token(CREDENTIALS, client_id=app.client_id, client_secret=app.secret)


async def test_a_secret_in_the_header(service: Running, app: App) -> None:
    header = [("authorization", basic(app.client_id, app.secret))]
    await service.token(CREDENTIALS, metadata=header)
    await service.token(CREDENTIALS, client_id=app.client_id, metadata=header)


async def test_the_header_is_form_encoded_within(service: Running, app: App) -> None:
    encoded = "".join(f"%{ord(char):02x}" for char in app.client_id), "".join(f"%{ord(c):02X}" for c in app.secret)
    await service.token(CREDENTIALS, metadata=[("authorization", basic(*encoded))])


async def test_unknown_clients_and_wrong_secrets_are_told_the_same(service: Running, app: App) -> None:
    wrong = [
        {"client_id": app.client_id, "client_secret": "wrong"},
        {"client_id": "unknown", "client_secret": app.secret},
        {"client_id": "unknown", "client_secret": "wrong"},
        {"client_id": "a\0b", "client_secret": "wrong"},
        {"client_id": "", "client_secret": app.secret},
        {"client_id": app.client_id},
        {"client_id": "unknown"},
        {},
    ]
    messages = {(await refused(service.token(CREDENTIALS, **each), "INVALID_CLIENT")).message for each in wrong}
    assert len(messages) == 1


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic x",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        basic("a", ""),
        basic("", "b"),
    ],
)
async def test_headers_that_prove_nothing(service: Running, header: str) -> None:
    await refused(service.token(CREDENTIALS, metadata=[("authorization", header)]), "INVALID_CLIENT")


async def test_blanks_and_signs_in_the_header(service: Running) -> None:
    """RFC 6749 section 2.3.1: `+` is a blank, and what is no letter may be escaped."""
    app = await service.web_app()
    secret = "a b+c%d:e/é"
    async with service.database() as database:
        await database.execute(
            "update token.app set secret_hashes = array[sha256(convert_to($1, 'UTF8'))] where client_id = $2",
            secret,
            app.client_id,
        )
    await until_taken(service, App(app.client_id, secret))
    for encoded in ("a+b%2Bc%25d%3Ae%2F%C3%A9", "a%20b%2bc%25d:e/%c3%a9"):
        await service.token(CREDENTIALS, metadata=[("authorization", basic(app.client_id, encoded))])
    for wrong in ("a+b+c%25d%3Ae%2F%C3%A9", "a b c%d:e/é"):
        header = [("authorization", basic(app.client_id, wrong))]
        await refused(service.token(CREDENTIALS, metadata=header), "INVALID_CLIENT")


async def test_an_assertion_without_its_type(service: Running, signer: App) -> None:
    """Fail closed on a field that is missing."""
    assertion = {"client_assertion": _assertion(service, signer)["client_assertion"]}
    await refused(service.token(CREDENTIALS, **assertion), "INVALID_REQUEST")
    assert (await service.audit(client_id=signer.client_id))[-1]["event"] != "client_credentials.issued"


async def test_a_type_without_an_assertion_proves_nothing(service: Running, signer: App) -> None:
    call = service.token(CREDENTIALS, client_id=signer.client_id, client_assertion_type=CLIENT_ASSERTION)
    await refused(call, "INVALID_CLIENT")


async def test_a_public_app_has_no_secret_to_bring(service: Running) -> None:
    native = await service.native_app()
    call = service.token("refresh_token", client_id=native.client_id, client_secret="x", refresh_token="x")
    await refused(call, "INVALID_CLIENT")


async def test_two_ways_at_once(service: Running, app: App, signer: App) -> None:
    header = [("authorization", basic(app.client_id, app.secret))]
    both = service.token(CREDENTIALS, metadata=header, client_id=app.client_id, client_secret=app.secret)
    await refused(both, "INVALID_REQUEST")
    await refused(service.token(CREDENTIALS, client_secret="x", **_assertion(service, signer)), "INVALID_REQUEST")
    await refused(service.token(CREDENTIALS, metadata=header, **_assertion(service, signer)), "INVALID_REQUEST")


async def test_two_clients_at_once(service: Running, app: App, signer: App) -> None:
    header = [("authorization", basic(app.client_id, app.secret))]
    await refused(service.token(CREDENTIALS, metadata=header, client_id="other"), "INVALID_REQUEST")
    mixed = service.token(CREDENTIALS, client_id=app.client_id, **_assertion(service, signer))
    await refused(mixed, "INVALID_REQUEST")


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/v2/oauth/token", DOMAIN])
async def test_a_signed_assertion(service: Running, signer: App, audience: str) -> None:
    await service.token(CREDENTIALS, **_assertion(service, signer, aud=audience))


async def test_an_assertion_is_used_once(service: Running, signer: App) -> None:
    assertion = _assertion(service, signer)
    await service.token(CREDENTIALS, **assertion)
    await refused(service.token(CREDENTIALS, **assertion), "INVALID_CLIENT")


@pytest.mark.parametrize(
    "changed",
    [{"iss": "other"}, {"sub": "other"}, {"aud": "https://other"}, {"aud": [ISSUER, "x"]}, {"exp": 1}, {"jti": ""}],
    ids=str,
)
async def test_assertions_that_prove_nothing(service: Running, signer: App, changed: dict[str, Any]) -> None:
    await refused(service.token(CREDENTIALS, **_assertion(service, signer, **changed)), "INVALID_CLIENT")


async def test_an_assertion_lives_an_hour_at_the_most(service: Running, signer: App) -> None:
    """As long as clients of others' making let theirs live; an assertion for a grant a quarter of that."""
    now = service.clock.timestamp()
    await service.token(CREDENTIALS, **_assertion(service, signer, exp=now + 3600))
    await refused(service.token(CREDENTIALS, **_assertion(service, signer, exp=now + 3700)), "INVALID_CLIENT")


async def test_an_assertion_of_another_kind(service: Running, signer: App) -> None:
    assertion = _assertion(service, signer) | {"client_assertion_type": "urn:x"}
    await refused(service.token(CREDENTIALS, **assertion), "INVALID_REQUEST")
    garbage = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": "x.y.z"}
    await refused(service.token(CREDENTIALS, **garbage), "INVALID_CLIENT")


async def test_somebody_elses_key(service: Running, signer: App) -> None:
    forged = App(signer.client_id, key=new_p256())
    await refused(service.token(CREDENTIALS, **_assertion(service, forged)), "INVALID_CLIENT")


async def test_an_app_with_a_secret_does_not_go_without(service: Running, app: App) -> None:
    user_id = await service.user()
    answer = await service.redeem(app, await service.code(app, user_id))
    await refused(service.refresh(App(app.client_id), answer.refresh_token), "INVALID_CLIENT")


async def test_an_app_that_is_not_admitted(service: Running) -> None:
    app = await service.web_app(admit=False)
    await refused(service.by_secret(app), "UNAUTHORIZED_CLIENT")
    await refused(service.by_secret(App(app.client_id, "wrong")), "INVALID_CLIENT")
    (_, row) = await service.audit(client_id=app.client_id)
    assert (row["event"], row["detail"]) == ("grant.refused", f"{app.client_id} is not admitted")


async def test_grants_that_are_not_there(service: Running, app: App) -> None:
    for grant in ("password", "implicit", "urn:openid:params:grant-type:ciba", "x" * 3000):
        call = service.token(grant, client_id=app.client_id, client_secret=app.secret)
        await refused(call, "UNSUPPORTED_GRANT_TYPE")
    await refused(service.token(""), "FIELD_MISSING", "grant_type")
    await refused(service.token("x" * 5000), "FIELD_INVALID", "grant_type")


async def test_two_live_secrets(own: Running) -> None:
    """While one replaces the other, both are good."""
    app = await own.web_app()
    async with own.database() as database:
        await database.execute(
            "update token.app set secret_hashes = secret_hashes || sha256('second'::bytea) where client_id = $1",
            app.client_id,
        )
    await until_taken(own, App(app.client_id, "second"))
    await own.by_secret(app)


async def until_taken(service: Running, app: App) -> None:
    """Try a secret until it is good: a process remembers an app for a moment."""
    async with asyncio.timeout(15):
        while True:
            try:
                await service.by_secret(app)
            except grpc.aio.AioRpcError as error:
                assert refusal_in(error).reason == "INVALID_CLIENT"  # noqa: PT017 tried again
                await asyncio.sleep(0.05)
            else:
                return


async def test_what_is_signed_with_the_secret_is_no_assertion(service: Running, app: App) -> None:
    """`client_secret_jwt`, and whatever else is keyed with what is no private key."""
    claims = service.claims(app.client_id, sub=app.client_id, aud=ISSUER)
    for secret in (app.secret, hashlib.sha256(app.secret.encode()).hexdigest(), "x" * 32):
        signed = jwt.encode(claims, secret, "HS256")
        asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signed}
        await refused(service.token(CREDENTIALS, **asked), "INVALID_CLIENT")


async def test_the_public_key_as_an_hmac_secret(service: Running, signer: App) -> None:
    claims = service.claims(signer.client_id, sub=signer.client_id, aud=ISSUER)
    public = signer.key.public_key()
    pem = public_pem(signer.key).encode()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = ".".join(jws.encode_json(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    for secret in (pem, pem.strip(), der, base64.b64encode(der), b" " + pem, b""):
        signature = jws.encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
        asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": f"{signed}.{signature}"}
        await refused(service.token(CREDENTIALS, **asked), "INVALID_CLIENT")
    unsigned = ".".join(jws.encode_json(part) for part in ({"alg": "none"}, claims))
    asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": f"{unsigned}."}
    await refused(service.token(CREDENTIALS, **asked), "INVALID_CLIENT")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "authorization-grant+jwt"},
        {"jwk": {"kty": "EC"}},
        {"jku": "https://evil.example.com"},
        {"crit": ["exp"], "exp": 1},
        {"kid": "' or true --"},
        {"kid": "x" * 5000},
    ],
    ids=lambda header: str(header)[:40],
)
async def test_assertions_of_another_make(service: Running, signer: App, header: dict[str, Any]) -> None:
    claims = service.claims(signer.client_id, sub=signer.client_id, aud=ISSUER)
    signed = jws.write(jws.encode_json({"alg": "ES256", "typ": "JWT"} | header), claims, "ES256", signer.key)
    asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signed}
    await refused(service.token(CREDENTIALS, **asked), "INVALID_CLIENT")


async def test_an_access_token_proves_no_client(service: Running, app: App) -> None:
    """`sub` of a client's own token is the client; its key is the domain's."""
    own = (await service.by_secret(app)).access_token
    asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": own}
    await refused(service.token(CREDENTIALS, **asked), "INVALID_CLIENT")


async def test_an_assertion_for_a_user_proves_no_client(service: Running) -> None:
    """What an app signs of a user is not what it signs of itself, nor the other way round."""
    app = await service.jwt_app(new_p256())
    for_user = service.claims(app.client_id, sub=await service.user(), sub_type="user")
    asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": app.sign(for_user, "ES256")}
    await refused(service.token(JWT_BEARER, assertion="x", **asked), "INVALID_CLIENT")
    for_itself = service.claims(app.client_id, sub=app.client_id, aud=ISSUER)
    grant = service.token(JWT_BEARER, client_id=app.client_id, assertion=app.sign(for_itself, "ES256"))
    await refused(grant, "INVALID_GRANT")


async def test_an_assertion_proves_a_client_once_over_two_replicas(own: Running, tmp_path: Path) -> None:
    signer = await own.app(admin_pb2.APP_TYPE_SERVICE, key=new_p256())
    settings = replace(own.settings, listen=settings_of("", tmp_path).listen)
    async with serving(settings, own.made) as other:
        for _ in range(5):
            asked = _assertion(own, signer)
            calls = (replica.token(CREDENTIALS, **asked) for replica in (own, other) * 5)
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
