"""RFC 7662, and who may ask for what (docs/adr/0028)."""

from datetime import timedelta

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime import jws
from services.runtime.ids import uuid7
from services.runtime.vault import Vault
from services.token.keys import ACCESS, Key, new_keys
from services.token.model import Domain
from tests.support.calls import refused
from tests.support.token import CLIENT_ASSERTION, ISSUER, Running
from tests.support.token_client import App, content

INACTIVE = token_service_pb2.IntrospectTokenResponse(active=False)
OPENID = ("openid", "ACCOUNT.ALL", "FILE.ALL")


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app(scopes=OPENID)


@pytest.fixture
async def issued(service: Running, app: App) -> token_pb2.Token:
    user_id = await service.user(user_name="ada")
    return await service.redeem(app, await service.code(app, user_id, scope="openid FILE.ALL"))


async def test_a_users_access_token(service: Running, app: App, issued: token_pb2.Token) -> None:
    claims = content(issued.access_token)
    found = await service.introspect(app, issued.access_token)
    assert found == token_service_pb2.IntrospectTokenResponse(
        active=True,
        scope="openid FILE.ALL",
        client_id=app.client_id,
        username="ada",
        token_type="Bearer",
        exp=claims["exp"],
        iat=claims["iat"],
        sub=issued.user_id,
        aud=ISSUER,
        iss=ISSUER,
        jti=claims["jti"],
        sid=claims["sid"],
    )


async def test_an_apps_own_token(service: Running, app: App) -> None:
    token = (await service.by_secret(app, scope="FILE.ALL")).access_token
    found = await service.introspect(app, token)
    assert (found.active, found.sub, found.client_id, found.scope) == (True, app.client_id, app.client_id, "FILE.ALL")
    assert not found.HasField("sid")
    assert not found.HasField("username")


async def test_a_refresh_token_is_no_access_token(service: Running, app: App, issued: token_pb2.Token) -> None:
    found = await service.introspect(app, issued.refresh_token)
    assert (found.active, found.sub, found.client_id, found.username) == (True, issued.user_id, app.client_id, "ada")
    assert (found.scope, found.iss, found.sid) == ("openid FILE.ALL", ISSUER, content(issued.access_token)["sid"])
    assert not found.HasField("token_type")
    assert not found.HasField("aud")
    assert found.exp - found.iat == timedelta(days=30).total_seconds()


async def test_the_hint_is_not_needed(service: Running, app: App, issued: token_pb2.Token) -> None:
    for hint in ("access_token", "refresh_token", "nonsense"):
        for token in (issued.access_token, issued.refresh_token):
            assert (await service.introspect(app, token, token_type_hint=hint)).active


async def test_another_client_of_the_domain_sees_access_tokens_alone(service: Running, issued: token_pb2.Token) -> None:
    other = await service.web_app()
    assert (await service.introspect(other, issued.access_token)).active
    assert await service.introspect(other, issued.refresh_token) == INACTIVE


async def test_who_proves_nothing_sees_nothing(service: Running, app: App, issued: token_pb2.Token) -> None:
    """RFC 7662 section 2.1: against scanning for tokens, the caller is authenticated."""
    for client in (
        await service.native_app(),
        await service.jwt_app(),
        App(app.client_id),
        App(app.client_id, "wrong"),
        App(""),
    ):
        await refused(service.introspect(client, issued.access_token), "INVALID_CLIENT")
    await refused(service.introspect(await service.web_app(admit=False), issued.access_token), "UNAUTHORIZED_CLIENT")
    await refused(service.introspect(app, ""), "FIELD_MISSING", "token")


async def test_a_jwt_app_proves_itself_by_its_key(service: Running, issued: token_pb2.Token) -> None:
    signer = await service.jwt_app()
    claims = service.claims(signer.client_id, sub=signer.client_id, aud=ISSUER)
    proof = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signer.sign(claims)}
    assert (await service.introspect(signer, issued.access_token, **proof)).active


async def test_of_what_is_not_active_nothing_is_told(service: Running, app: App, issued: token_pb2.Token) -> None:
    """RFC 7662 section 2.2."""
    token = issued.access_token
    head, body, signature = token.split(".")
    forged = [
        "x",
        "é",
        "x" * 20_000,
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{jws.encode_json({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{jws.encode_json({'alg': 'HS256', 'typ': 'JWT', 'kid': 'x'})}.{body}.{signature}",
        issued.refresh_token[:-2] + "AA",
        issued.id_token,
    ]
    for each in forged:
        assert await service.introspect(app, each) == INACTIVE, each
    used = issued.refresh_token
    await service.refresh(app, used)
    assert await service.introspect(app, used) == INACTIVE


async def test_a_token_of_another_domains_key(service: Running, app: App, issued: token_pb2.Token) -> None:
    """Whatever domain it says: the key tells, and an unknown key tells nothing."""
    vault = Vault(service.settings.master_key.secret)
    other = next(key for key in new_keys(Domain("bj9", "https://bj9.example.com", ()), vault) if key.use == ACCESS)
    claims = content(issued.access_token)
    assert await service.introspect(app, Key(other, vault).sign(claims, "JWT")) == INACTIVE


async def test_an_expired_token(own: Running) -> None:
    app = await own.web_app()
    issued = await own.redeem(app, await own.code(app, await own.user()))
    own.clock.shift(timedelta(hours=1, minutes=59))
    assert (await own.introspect(app, issued.access_token)).active
    own.clock.shift(timedelta(minutes=2))
    assert await own.introspect(app, issued.access_token) == INACTIVE
    assert (await own.introspect(app, issued.refresh_token)).active
    await own.shift(timedelta(days=30))
    assert await own.introspect(app, issued.refresh_token) == INACTIVE


async def test_a_disabled_user(service: Running, app: App, issued: token_pb2.Token) -> None:
    await service.set_status(issued.user_id, "disabled")
    assert await service.introspect(app, issued.access_token) == INACTIVE
    assert await service.introspect(app, issued.refresh_token) == INACTIVE
    await service.set_status(issued.user_id, "enabled")
    assert await service.introspect(app, issued.access_token) == INACTIVE
    assert (await service.introspect(app, issued.refresh_token)).active


async def test_what_the_revocations_tell(own: Running) -> None:
    """Those that others write too: of a user, an app, a key. In a service of its own, which hears of them as well."""
    app = await own.web_app(scopes=OPENID)
    issued = await own.redeem(app, await own.code(app, await own.user(), scope="openid FILE.ALL"))
    token, again = issued.access_token, (await own.by_secret(app)).access_token
    claims, kid = content(token), jws.read(token).header["kid"]
    told = [("user", issued.user_id), ("app", app.client_id), ("token", claims["jti"]), ("key", kid)]
    async with own.database() as database:
        for kind, subject in told:
            await database.execute(
                "insert into token.revocation (domain_id, event_id, kind, subject, revoked_at) "
                "values ('bj1', $1, $2, $3, to_timestamp($4))",
                uuid7(own.clock.now()),
                kind,
                subject,
                claims["iat"],
            )
            assert await own.introspect(app, token) == INACTIVE, kind
            if kind == "user":
                assert (await own.introspect(app, again)).active
            await database.execute("delete from token.revocation where subject = $1", subject)
            assert (await own.introspect(app, token)).active, kind
        # Of before the token was issued.
        await database.execute(
            "insert into token.revocation (domain_id, event_id, kind, subject, revoked_at) "
            "values ('bj1', $1, 'user', $2, to_timestamp($3))",
            uuid7(own.clock.now()),
            issued.user_id,
            claims["iat"] - 1,
        )
    assert (await own.introspect(app, token)).active


async def test_all_sessions_of_an_app_at_once(service: Running, app: App, issued: token_pb2.Token) -> None:
    async with service.database() as database:
        await database.execute(
            "update token.app set sessions_revoked_at = $1 where client_id = $2", service.clock.now(), app.client_id
        )
    asking = await service.web_app()
    assert await service.introspect(asking, issued.access_token) == INACTIVE
    assert await service.introspect(app, issued.refresh_token) == INACTIVE


async def test_an_app_that_is_admitted_no_more(service: Running, app: App, issued: token_pb2.Token) -> None:
    asking = await service.web_app()
    async with service.database() as database:
        await database.execute("update token.app set admitted = false where client_id = $1", app.client_id)
    assert await service.introspect(asking, issued.access_token) == INACTIVE


async def test_who_acts_is_told(service: Running) -> None:
    user_id = await service.user()
    app = await service.web_app(permissions=["token.impersonate"])
    caller = [("authorization", f"Bearer {(await service.by_secret(app)).access_token}")]
    issued = await service.access_token(caller, user_id)
    for token in (issued.access_token, issued.refresh_token):
        assert (await service.introspect(app, token)).act == token_pb2.ActorClaim(sub=app.client_id)


async def test_a_token_got_through_an_access_key(service: Running, app: App) -> None:
    request = admin_pb2.CreateAccessKeyRequest(permissions=["token.impersonate"])
    key = await service.admin.CreateAccessKey(request, metadata=await service.operator())
    request_ = token_service_pb2.IssueTokenRequest(
        domain_id="bj1",
        user_id=await service.user(),
        client_id=key.access_key_id,
        proof=token_pb2.Proof(method="link"),
    )
    issued = await service.mint.IssueToken(request_, metadata=await service.minter())
    assert (await service.introspect(app, issued.access_token)).client_id == key.access_key_id
    async with service.database() as database:
        await database.execute(
            "update token.access_key set enabled = false where access_key_id = $1", key.access_key_id
        )
    assert await service.introspect(app, issued.access_token) == INACTIVE
