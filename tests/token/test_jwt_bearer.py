import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from services.runtime import jws
from services.runtime.vault import Vault
from services.token.jwk import read_trusted_key
from services.token.store import Store
from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, JWT_BEARER, Running, serving, settings_of
from tests.support.token_client import RSA_KEY, App, content, new_p256, public_pem


@pytest.fixture
async def app(service: Running) -> App:
    return await service.jwt_app()


@pytest.fixture
async def user_id(service: Running) -> str:
    return await service.user()


def _grant(service: Running, app: App, assertion: str) -> Any:
    return service.token(JWT_BEARER, client_id=app.client_id, assertion=assertion)


def _json(value: Any) -> str:
    return jws.encode(json.dumps(value).encode())


async def test_a_user_is_spoken_for(service: Running, app: App, user_id: str) -> None:
    answer = await service.by_assertion(app, user_id)
    claims = content(answer.access_token)
    assert (claims["kind"], claims["sub"], claims["userId"]) == ("user", user_id, user_id)
    assert claims["client_id"] == app.client_id
    assert answer.HasField("refresh_token")
    assert answer.is_first_login
    assert not (await service.by_assertion(app, user_id)).is_first_login


@pytest.mark.parametrize(("make", "algorithm"), [(new_p256, "ES256"), (ed25519.Ed25519PrivateKey.generate, "EdDSA")])
async def test_other_kinds_of_key(service: Running, user_id: str, make: Any, algorithm: str) -> None:
    app = await service.jwt_app(make())
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    await _grant(service, app, app.sign(claims, algorithm))


@pytest.mark.parametrize("audience", [DOMAIN, ISSUER, [DOMAIN]])
async def test_who_it_is_meant_for(service: Running, app: App, user_id: str, audience: Any) -> None:
    await service.by_assertion(app, user_id, aud=audience)


async def test_a_key_may_be_named_by_its_thumbprint(service: Running, user_id: str) -> None:
    key = new_p256()
    app = await service.jwt_app(key)
    numbers = key.public_key().public_numbers()
    members = {"crv": "P-256", "kty": "EC", "x": jws.encode(numbers.x.to_bytes(32, "big"))}
    members["y"] = jws.encode(numbers.y.to_bytes(32, "big"))
    kid = jws.encode(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    await _grant(service, app, app.sign(claims, "ES256", {"kid": kid}))


async def test_an_unknown_user_is_made_where_it_is_asked_for(service: Running, app: App) -> None:
    await refused(service.by_assertion(app, "new-comer"), "INVALID_GRANT")
    await refused(service.by_assertion(app, "new-comer", auto_create=False), "INVALID_GRANT")
    await refused(service.by_assertion(app, "new-comer", auto_create="true"), "INVALID_GRANT")
    answer = await service.by_assertion(app, "new-comer", auto_create=True)
    assert (answer.user_id, answer.role, answer.is_first_login) == ("new-comer", "user", True)


async def test_a_users_id_is_never_a_clients(service: Running, app: App) -> None:
    await refused(service.by_assertion(app, app.client_id, auto_create=True), "INVALID_GRANT")
    await refused(service.by_assertion(app, "a\0b", auto_create=True), "INVALID_GRANT")


async def test_the_domain_itself_is_spoken_for(service: Running) -> None:
    app = await service.jwt_app(permissions=["account.describe"])
    claims = service.claims(app.client_id, sub=DOMAIN, sub_type="service")
    assertion = app.sign(claims)
    answer = await _grant(service, app, assertion)
    said = content(answer.access_token)
    assert (said["kind"], said["sub"], said["permissions"]) == ("service", DOMAIN, ["account.describe"])
    assert not answer.HasField("refresh_token")
    await refused(_grant(service, app, assertion), "INVALID_GRANT")
    await refused(service.by_assertion(app, "bj2", sub_type="service"), "INVALID_GRANT")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"sub": ""},
        {"sub": 7},
        {"sub_type": None},
        {"sub_type": "domain"},
        {"aud": "bj2"},
        {"aud": None},
        {"aud": [DOMAIN, "https://other.example.com"]},
        {"aud": []},
        {"aud": {"a": DOMAIN}},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "x" * 300},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"exp": 10**30},
    ],
    ids=str,
)
async def test_claims_that_are_not_good(service: Running, app: App, user_id: str, changed: dict[str, Any]) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user") | changed
    claims = {name: value for name, value in claims.items() if value is not None}
    assertion = jws.write(_json({"alg": "RS256", "typ": "JWT"}), claims, "RS256", RSA_KEY)
    await refused(_grant(service, app, assertion), "INVALID_GRANT")


@pytest.mark.parametrize(
    ("name", "seconds"), [("exp", -61), ("exp", 15 * 60 + 65), ("exp", 60.5), ("nbf", 65), ("iat", 65)]
)
async def test_times_that_are_not_good(service: Running, app: App, user_id: str, name: str, seconds: float) -> None:
    await refused(service.by_assertion(app, user_id, **{name: service.clock.timestamp() + seconds}), "INVALID_GRANT")


@pytest.mark.parametrize(("name", "seconds"), [("exp", -50), ("exp", 15 * 60 + 50), ("nbf", 50), ("iat", 50)])
async def test_clocks_may_differ_by_a_minute(service: Running, app: App, user_id: str, name: str, seconds: int) -> None:
    await service.by_assertion(app, user_id, **{name: service.clock.timestamp() + seconds})


async def test_an_assertion_is_used_once_by_one_hundred_at_once(service: Running, app: App, user_id: str) -> None:
    assertion = app.sign(service.claims(app.client_id, sub=user_id, sub_type="user"))
    answers = await asyncio.gather(*(_grant(service, app, assertion) for _ in range(100)), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert codes == {grpc.StatusCode.INVALID_ARGUMENT}
    rows = await service.audit(client_id=app.client_id)
    assert [row["detail"] for row in rows].count("replay") == 99


async def test_a_disabled_user(service: Running, app: App, user_id: str) -> None:
    await service.set_status(user_id, "disabled")
    await refused(service.by_assertion(app, user_id), "INVALID_GRANT")


async def test_no_signature_at_all(service: Running, app: App, user_id: str) -> None:
    claims = _json(service.claims(app.client_id, sub=user_id, sub_type="user"))
    for header in ({"alg": "none"}, {"alg": "None"}, {"alg": "RS256"}, {}):
        await refused(_grant(service, app, f"{_json(header)}.{claims}."), "INVALID_GRANT")


async def test_the_public_key_as_an_hmac_secret_in_any_encoding(service: Running, app: App, user_id: str) -> None:
    public = RSA_KEY.public_key()
    pem = public_pem(RSA_KEY).encode()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    jwk = json.dumps({"kty": "RSA", "n": jws.encode(public.public_numbers().n.to_bytes(256, "big")), "e": "AQAB"})
    claims = _json(service.claims(app.client_id, sub=user_id, sub_type="user"))
    for secret in (pem, pem.strip(), b" " + pem, der, base64.b64encode(der), pkcs1, jwk.encode(), b""):
        signed = f"{_json({'alg': 'HS256', 'typ': 'JWT'})}.{claims}"
        signature = hmac.digest(secret, signed.encode(), hashlib.sha256)
        await refused(_grant(service, app, f"{signed}.{jws.encode(signature)}"), "INVALID_GRANT")


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": {"kty": "RSA"}},
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://evil.example.com/cert"},
        {"x5c": ["MII"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": "exp"},
        {"b64": False},
        {"zip": "DEF"},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd\0"},
        {"kid": "' or 1=1 --"},
        {"kid": 5},
        {"kid": ["a"]},
        {"typ": "at+jwt"},
        {"typ": "tessera-edge+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 5},
        {"alg": "ES256"},
        {"alg": "PS256"},
        {"alg": ["RS256"]},
    ],
    ids=str,
)
async def test_headers_that_are_refused(service: Running, app: App, user_id: str, header: dict[str, Any]) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    assertion = jws.write(_json({"alg": "RS256", "typ": "JWT"} | header), claims, "RS256", RSA_KEY)
    await refused(_grant(service, app, assertion), "INVALID_GRANT")


async def test_a_name_that_stands_twice(service: Running, app: App, user_id: str) -> None:
    good = json.dumps(service.claims(app.client_id, sub=user_id, sub_type="user"))
    header = _json({"alg": "RS256"})
    for text in (good[:-1] + ', "sub": "victim"}', good[:-1] + ', "x": {"a": 1, "a": 2}}'):
        signed = f"{header}.{jws.encode(text.encode())}"
        await refused(_grant(service, app, _signed(signed)), "INVALID_GRANT")
    twice = jws.encode(b'{"alg":"none","alg":"RS256"}')
    await refused(_grant(service, app, _signed(f"{twice}.{jws.encode(good.encode())}")), "INVALID_GRANT")


def _signed(text: str) -> str:

    return f"{text}.{jws.encode(RSA_KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


async def test_another_apps_key(service: Running, app: App, user_id: str) -> None:
    other = await service.jwt_app(new_p256())
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    await refused(_grant(service, app, other.sign(claims, "ES256")), "INVALID_GRANT")
    # The other's own assertion, presented as if it were this app's, and the other way round.
    theirs = other.sign(service.claims(other.client_id, sub=user_id, sub_type="user"), "ES256")
    await refused(_grant(service, app, theirs), "INVALID_GRANT")
    await refused(_grant(service, other, app.sign(claims)), "INVALID_GRANT")


async def test_our_own_tokens_are_no_assertions(service: Running, app: App, user_id: str) -> None:
    ours = (await service.by_assertion(app, user_id)).access_token
    await refused(_grant(service, app, ours), "INVALID_GRANT")


async def test_an_ecdsa_signature_of_zeros(service: Running, user_id: str) -> None:
    app = await service.jwt_app(new_p256())
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    signed = f"{_json({'alg': 'ES256'})}.{_json(claims)}"
    for length in (0, 63, 64, 65, 96):
        await refused(_grant(service, app, f"{signed}.{jws.encode(bytes(length))}"), "INVALID_GRANT")


async def test_what_is_no_jwt(service: Running, app: App, user_id: str) -> None:
    good = app.sign(service.claims(app.client_id, sub=user_id, sub_type="user"))
    header, claims, signature = good.split(".")
    for bad in (
        "x",
        "..",
        f"{header}.{claims}",
        f"{good}.x",
        f"{header}=.{claims}.{signature}",
        f"{header}.{claims}.{signature}==",
        f"{header}.{claims}.{signature[:-1]}",
        f"{header}. {claims}.{signature}",
        f"{jws.encode(b'[]')}.{claims}.{signature}",
        f"{jws.encode(b'NaN')}.{claims}.{signature}",
        f"{header}.{jws.encode(b'[' * 5000)}.{signature}",
        f"{header}.{jws.encode(bytes((0xFF, 0xFE)))}.{signature}",
    ):
        await refused(_grant(service, app, bad), "INVALID_GRANT")
    long = app.sign(service.claims(app.client_id, sub=user_id, sub_type="user", padding="x" * 10_000))
    await refused(_grant(service, app, long), "INVALID_GRANT")
    await refused(_grant(service, app, ""), "FIELD_MISSING", "assertion")
    await _grant(service, app, good)


async def test_scopes_are_never_more_than_the_apps(service: Running, app: App, user_id: str) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    call = service.token(JWT_BEARER, client_id=app.client_id, assertion=app.sign(claims), scope="OAUTH.ALL")
    await refused(call, "INVALID_SCOPE")


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(public_exponent=65537, key_size=1024), ec.generate_private_key(ec.SECP384R1())],
    ids=["rsa 1024", "p-384"],
)
async def test_keys_that_are_not_trusted_at_all(service: Running, key: Any) -> None:
    await refused(service.jwt_app(key), "FIELD_INVALID", "public_key_pem")


@pytest.mark.parametrize(
    ("bits", "exponent"),
    [(3072, 2**3000 + 1), (2048, 2**33 + 1), (16384, 65537)],
    ids=["long exponent", "exponent", "modulus"],
)
async def test_a_key_that_takes_long_to_verify_is_not_trusted(service: Running, bits: int, exponent: int) -> None:
    """A stranger could keep everybody waiting, by assertions that need not be good."""

    class Public:
        """Nobody has the private half, and nobody needs it."""

        def public_key(self) -> rsa.RSAPublicKey:
            return rsa.RSAPublicNumbers(exponent, 2**bits - 1).public_key()

    await refused(service.jwt_app(Public()), "FIELD_INVALID", "public_key_pem")


async def test_a_superadmin_is_not_asserted(service: Running) -> None:
    """Else whoever makes apps could make himself one."""
    await refused(service.by_assertion(await service.jwt_app(), service.made["user_id"]), "INVALID_GRANT")


async def test_a_hostile_kid_reaches_nothing_but_a_comparison(service: Running, app: App, user_id: str) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    texts = ("x" * 5000, "", "\0", "'; drop table token.audit; --", "../../../dev/null", "file:///etc/passwd")
    for kid in (*texts, {}, [], True, 0, 1.5, None):
        assertion = jws.write(_json({"alg": "RS256", "kid": kid}), claims, "RS256", RSA_KEY)
        await refused(_grant(service, app, assertion), "INVALID_GRANT")


async def test_keys_of_several_without_a_kid_are_all_tried(service: Running, user_id: str) -> None:
    first, second = new_p256(), new_p256()
    app = await service.jwt_app(first)
    await _trust(service, app, second, "ES256")
    claims = {"sub": user_id, "sub_type": "user"}
    for key in (first, second):
        assertion = App(app.client_id, key=key).sign(service.claims(app.client_id, **claims), "ES256")
        await _grant(service, app, assertion)
    # Named, it is that one and no other.
    wrong = App(app.client_id, key=second).sign(
        service.claims(app.client_id, **claims), "ES256", {"kid": read_trusted_key(public_pem(first)).key_id}
    )
    await refused(_grant(service, app, wrong), "INVALID_GRANT")
    right = App(app.client_id, key=second).sign(
        service.claims(app.client_id, **claims), "ES256", {"kid": read_trusted_key(public_pem(second)).key_id}
    )
    await _grant(service, app, right)


async def test_a_key_of_another_kind_beside_it_changes_nothing(service: Running, user_id: str) -> None:
    """No key is used with an algorithm that is not its own, whatever else the app trusts."""
    app = await service.jwt_app()
    await _trust(service, app, new_p256(), "ES256")
    claims = service.claims(app.client_id, sub=user_id, sub_type="user")
    await refused(_grant(service, app, jws.write(_json({"alg": "ES256"}), claims, "RS256", RSA_KEY)), "INVALID_GRANT")
    await _grant(service, app, app.sign(claims))


async def test_a_disabled_key(own: Running) -> None:
    key = new_p256()
    app, user_id = await own.jwt_app(key), await own.user()
    async with own.database() as database:
        await database.execute("update token.trusted_key set enabled = false where client_id = $1", app.client_id)
        await database.execute("select pg_notify('token_changes', 'app:' || $1)", app.client_id)
    kid = read_trusted_key(public_pem(key)).key_id
    async with asyncio.timeout(30):  # until the process has forgotten what it knew
        while True:
            claims = own.claims(app.client_id, sub=user_id, sub_type="user")
            tried = await asyncio.gather(_grant(own, app, app.sign(claims, "ES256")), return_exceptions=True)
            if isinstance(tried[0], BaseException):
                break
            await asyncio.sleep(0.1)
    for headers in ({}, {"kid": kid}):
        claims = own.claims(app.client_id, sub=user_id, sub_type="user")
        await refused(_grant(own, app, app.sign(claims, "ES256", headers)), "INVALID_GRANT")


async def test_what_we_sign_ourselves_is_no_assertion_whatever_it_claims(
    service: Running, app: App, user_id: str
) -> None:
    """An id token, an access token, an edge token: our keys are no app's."""
    vault = Vault(service.settings.master_key.secret)
    async with service.database() as database:
        rows = await database.fetch(
            "select key_id, use, algorithm, private_key from token.signing_key "
            "where domain_id = $1 and algorithm <> 'HS256'",
            DOMAIN,
        )
    assert {row["use"] for row in rows} == {"access", "edge"}
    claims = service.claims(app.client_id, sub=user_id, sub_type="user", nonce="n", azp=app.client_id)
    for row in rows:
        key = serialization.load_der_private_key(
            vault.open(row["private_key"], f"{DOMAIN}/{row['key_id']}"), password=None
        )
        for typ in ("JWT", "at+jwt", "id_token+jwt"):
            for header in ({"kid": row["key_id"]}, {}):
                text = _json({"alg": row["algorithm"], "typ": typ} | header)
                await refused(_grant(service, app, jws.write(text, claims, row["algorithm"], key)), "INVALID_GRANT")


async def test_a_proof_of_possession_is_no_assertion(service: Running, app: App, user_id: str) -> None:
    """A DPoP proof (RFC 9449): of another type, it brings its key along, and speaks for nobody."""
    numbers = RSA_KEY.public_key().public_numbers()
    jwk = {"kty": "RSA", "e": "AQAB", "n": jws.encode(numbers.n.to_bytes(256, "big"))}
    claims = {"jti": "p", "htm": "POST", "htu": f"{ISSUER}/v2/oauth/token", "iat": service.clock.timestamp()}
    more = service.claims(app.client_id, sub=user_id, sub_type="user") | claims
    for content_ in (claims, more):
        for header in ({"typ": "dpop+jwt", "jwk": jwk}, {"typ": "dpop+jwt"}, {"jwk": jwk}):
            assertion = jws.write(_json({"alg": "RS256"} | header), content_, "RS256", RSA_KEY)
            await refused(_grant(service, app, assertion), "INVALID_GRANT")


async def test_an_ecdsa_signature_with_a_zero_in_it(service: Running, user_id: str) -> None:
    app = await service.jwt_app(new_p256())
    good = app.sign(service.claims(app.client_id, sub=user_id, sub_type="user"), "ES256")
    signed, _, signature = good.rpartition(".")
    raw = jws.decode(signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551.to_bytes(32, "big")
    zero, r, s = bytes(32), raw[:32], raw[32:]
    for bad in (zero + s, r + zero, order + s, r + order, s + r, b"\xff" * 64):
        await refused(_grant(service, app, f"{signed}.{jws.encode(bad)}"), "INVALID_GRANT")
    await _grant(service, app, good)


async def test_padding_and_other_alphabets_in_any_part(service: Running, app: App, user_id: str) -> None:
    """One token has one spelling: what was seen once is not seen again in another one."""
    # Long enough to have both of the letters that differ.
    good = app.sign(service.claims(app.client_id, sub=user_id, sub_type="user", pad="~~~???" * 20))
    parts = good.split(".")
    for place in range(3):
        for change in (
            lambda part: part + "=",
            lambda part: part + "==",
            lambda part: part.replace("-", "+").replace("_", "/") + ("" if set(part) & set("-_") else "="),
            lambda part: part + "\n",
            lambda part: f" {part}",
            lambda part: part[:-1] + ("B" if part[-1] == "A" else "A") + "A",
        ):
            changed = [*parts[:place], change(parts[place]), *parts[place + 1 :]]
            await refused(_grant(service, app, ".".join(changed)), "INVALID_GRANT")
    await _grant(service, app, good)


@pytest.mark.parametrize(
    "audience",
    [[DOMAIN, DOMAIN], [DOMAIN, ISSUER], ["https://other.example.com", DOMAIN], [[DOMAIN]], [None], f"{DOMAIN} ", ""],
    ids=str,
)
async def test_audiences_that_are_not_exactly_us(service: Running, app: App, user_id: str, audience: Any) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user") | {"aud": audience}
    await refused(_grant(service, app, app.sign(claims)), "INVALID_GRANT")


async def test_an_assertion_is_no_longer_than_ten_thousand_characters(service: Running, app: App, user_id: str) -> None:
    claims = service.claims(app.client_id, sub=user_id, sub_type="user", pad="")
    spare = jws.MAX_CHARS - len(app.sign(claims))
    just, over = (app.sign(claims | {"pad": "x" * size}) for size in (spare * 3 // 4 - 3, spare * 3 // 4 + 3))
    assert len(just) <= jws.MAX_CHARS < len(over)
    await refused(_grant(service, app, over), "INVALID_GRANT")
    await refused(_grant(service, app, app.sign(claims | {"pad": "x" * 100_000})), "INVALID_GRANT")
    await _grant(service, app, just)


async def test_an_assertion_is_used_once_over_two_replicas(own: Running, tmp_path: Path) -> None:
    app, user_id = await own.jwt_app(), await own.user()
    settings = replace(own.settings, listen=settings_of("", tmp_path).listen)
    async with serving(settings, own.made) as other:
        await other.by_assertion(app, user_id)  # it knows the app
        for _ in range(10):
            assertion = app.sign(own.claims(app.client_id, sub=user_id, sub_type="user"))
            calls = (_grant(replica, app, assertion) for replica in (own, other) * 5)
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
        # One after another, and for the domain itself, too.
        assertion = app.sign(own.claims(app.client_id, sub=DOMAIN, sub_type="service"))
        await _grant(own, app, assertion)
        await refused(_grant(other, app, assertion), "INVALID_GRANT")


async def test_an_id_of_an_assertion_is_one_apps_alone(service: Running, user_id: str) -> None:
    """That one app used it takes it from no other."""
    for _ in range(2):
        await service.by_assertion(await service.jwt_app(), user_id, jti="the same")


async def _trust(service: Running, app: App, key: Any, algorithm: str) -> None:
    """Give an app a further key, before any process has looked at the app."""
    trusted = read_trusted_key(public_pem(key))
    assert trusted.algorithm == algorithm
    async with service.database() as database:
        await Store(database).insert_trusted_key(DOMAIN, app.client_id, trusted, service.clock.now())
        await database.execute("select pg_notify('token_changes', 'app:' || $1)", app.client_id)
    await asyncio.sleep(1.2)
