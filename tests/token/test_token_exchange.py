"""RFC 8693: a service acts for a user, and everybody can see that it does."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2

from services.runtime import jws
from services.runtime.auth import ROLES
from services.token.actions.grants.token_exchange import ACCESS_TOKEN_TYPE
from services.token.actions.phases.admission import TOKEN_EXCHANGE
from tests.support.calls import bearer, refused
from tests.support.token import DOMAIN, ISSUER, Running
from tests.support.token_client import App, content

ADMINS = tuple(sorted(permission for permission in ROLES["admin"] if not permission.endswith(".own")))
SCOPES = ("openid", "ACCOUNT.ALL", "FILE.ALL")


async def new_worker(service: Running) -> App:
    return await service.app(admin_pb2.APP_TYPE_SERVICE, permissions=["token.exchange"])


@pytest.fixture
async def worker(service: Running) -> App:
    return await new_worker(service)


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app(scopes=SCOPES)


@pytest.fixture
async def issued(service: Running, app: App) -> token_pb2.Token:
    return await logged_on(service, app, await service.user(role="admin", user_name="ada"))


async def logged_on(service: Running, app: App, user_id: str, **changed: str) -> token_pb2.Token:
    return await service.redeem(app, await service.code(app, user_id, **changed))


async def exchange(service: Running, worker: App, subject_token: str, **changed: str) -> token_pb2.Token:
    parameters = {"subject_token": subject_token, "subject_token_type": ACCESS_TOKEN_TYPE} | changed
    return await service.token(TOKEN_EXCHANGE, client_id=worker.client_id, client_secret=worker.secret, **parameters)


def role(claims: dict[str, Any]) -> str:
    return str(json.loads(claims["customJson"])["role"])


async def test_what_a_service_gets(service: Running, worker: App, issued: token_pb2.Token) -> None:
    got = await exchange(service, worker, issued.access_token)
    before, claims = content(issued.access_token), content(got.access_token)
    assert got.issued_token_type == ACCESS_TOKEN_TYPE
    assert not got.HasField("refresh_token")
    assert not got.HasField("id_token")
    assert (got.user_id, got.user_name, got.role, got.scope) == (issued.user_id, "ada", "admin", issued.scope)
    assert claims["act"] == {"sub": worker.client_id}
    assert (claims["sub"], claims["aud"], claims["client_id"]) == (issued.user_id, ISSUER, worker.client_id)
    assert (claims["sid"], claims["scope"], role(claims)) == (before["sid"], before["scope"], "admin")
    assert claims["jti"] != before["jti"]
    assert (await service.user_info(got.access_token)).sub == issued.user_id


async def test_scopes_are_narrowed_and_never_widened(service: Running, app: App, worker: App) -> None:
    issued = await logged_on(service, app, await service.user(), scope="openid FILE.ALL")
    got = await exchange(service, worker, issued.access_token, scope="FILE.ALL")
    assert got.scope == content(got.access_token)["scope"] == "FILE.ALL"
    for more in ("ACCOUNT.ALL", "FILE.ALL ACCOUNT.ALL"):
        await refused(exchange(service, worker, issued.access_token, scope=more), "INVALID_SCOPE")
    await refused(exchange(service, worker, got.access_token, scope="openid"), "INVALID_SCOPE")


async def test_it_lives_no_longer_than_what_it_is_made_from(own: Running) -> None:
    worker, app = await new_worker(own), await own.web_app(scopes=SCOPES)
    issued = await logged_on(own, app, await own.user())
    own.clock.shift(timedelta(minutes=90))
    got = await exchange(own, worker, issued.access_token)
    assert content(got.access_token)["exp"] == content(issued.access_token)["exp"]
    assert 1790 <= got.expires_in <= 1800
    own.clock.shift(timedelta(minutes=31))
    await refused(exchange(own, worker, issued.access_token), "INVALID_REQUEST")


async def test_who_acted_before_stays_named(service: Running, worker: App, issued: token_pb2.Token) -> None:
    """RFC 8693 section 4.1; docs/adr/0011: `act` cannot be washed off."""
    second = await new_worker(service)
    one = await exchange(service, worker, issued.access_token)
    two = await exchange(service, second, one.access_token)
    chain = {"sub": second.client_id, "act": {"sub": worker.client_id}}
    assert content(two.access_token)["act"] == chain
    found = await service.introspect(await service.web_app(), two.access_token)
    assert found.act == token_pb2.ActorClaim(sub=second.client_id, act=token_pb2.ActorClaim(sub=worker.client_id))


async def test_an_impersonator_stays_named_to_the_end(service: Running, worker: App) -> None:
    """Also where a further token is got by the exchanged one."""
    app = await service.web_app(scopes=SCOPES, permissions=ADMINS)
    caller = bearer((await service.by_secret(app)).access_token)
    impersonated = await service.access_token(caller, await service.user(role="admin"))
    got = await exchange(service, worker, impersonated.access_token)
    assert content(got.access_token)["act"] == {"sub": worker.client_id, "act": {"sub": app.client_id}}
    further = await service.access_token(bearer(got.access_token), await service.user())
    assert content(further.access_token)["act"] == {"sub": app.client_id}


async def test_a_chain_has_an_end(service: Running, worker: App, issued: token_pb2.Token) -> None:
    token = issued.access_token
    for _ in range(8):
        token = (await exchange(service, worker, token)).access_token
    await refused(exchange(service, worker, token), "INVALID_REQUEST", "subject_token")


async def test_the_role_is_at_most_the_tokens_and_the_users(service: Running, worker: App) -> None:
    app = await service.web_app(scopes=SCOPES, permissions=["token.impersonate"])
    caller = bearer((await service.by_secret(app)).access_token)
    admin = await service.user(role="admin")
    capped = await service.access_token(caller, admin)
    assert capped.role == "user"
    got = await exchange(service, worker, capped.access_token)
    assert (got.role, role(content(got.access_token))) == ("user", "user")


@pytest.mark.parametrize("audience", ["", DOMAIN, ISSUER])
async def test_an_audience_that_is_ours(service: Running, worker: App, issued: token_pb2.Token, audience: str) -> None:
    got = await exchange(service, worker, issued.access_token, audience=audience)
    assert content(got.access_token)["aud"] == ISSUER


async def test_an_audience_that_is_a_service(service: Running, worker: App, issued: token_pb2.Token) -> None:
    other = await new_worker(service)
    got = await exchange(service, worker, issued.access_token, audience=other.client_id)
    assert content(got.access_token)["aud"] == other.client_id
    # Nobody may take it for an id token.
    assert jws.read(got.access_token).header["typ"] == "at+jwt"
    # It is for that service and nobody else: it looks at it, and no service of ours takes it.
    assert (await service.introspect(other, got.access_token)).aud == other.client_id
    assert not (await service.introspect(worker, got.access_token)).active
    await refused(service.user_info(got.access_token), "UNAUTHENTICATED")
    await refused(exchange(service, other, got.access_token), "INVALID_REQUEST")
    await service.revoke(worker, got.access_token)
    assert not (await service.introspect(other, got.access_token)).active


async def test_an_audience_that_is_none(service: Running, app: App, worker: App, issued: token_pb2.Token) -> None:
    for wrong in (app.client_id, "unknown", "https://other.example", "x" * 4000):
        await refused(exchange(service, worker, issued.access_token, audience=wrong), "INVALID_TARGET", "audience")
    # A narrowing that was asked for and not understood must not be left out.
    other = {"resource": "https://other.example/api"}
    await refused(exchange(service, worker, issued.access_token, **other), "INVALID_TARGET", "resource")
    assert (await exchange(service, worker, issued.access_token, resource=ISSUER)).access_token
    idle = await service.app(admin_pb2.APP_TYPE_SERVICE, admit=False)
    await refused(exchange(service, worker, issued.access_token, audience=idle.client_id), "INVALID_TARGET")


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"subject_token": ""}, ("FIELD_MISSING", "subject_token")),
        ({"subject_token_type": ""}, ("FIELD_MISSING", "subject_token_type")),
        (
            {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
            ("INVALID_REQUEST", "subject_token_type"),
        ),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, ("INVALID_REQUEST", "subject_token_type")),
        (
            {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
            ("INVALID_REQUEST", "requested_token_type"),
        ),
        ({"actor_token": "x"}, ("INVALID_REQUEST", "actor_token")),
        ({"subject_token": "x.y.z"}, ("INVALID_REQUEST", "subject_token")),
        ({"subject_token": "x" * 20_000}, ("INVALID_REQUEST", "subject_token")),
    ],
    ids=str,
)
async def test_requests_that_are_none(
    service: Running, worker: App, issued: token_pb2.Token, changed: dict[str, str], refusal: tuple[str, str]
) -> None:
    await refused(exchange(service, worker, **{"subject_token": issued.access_token} | changed), *refusal)


async def test_tokens_that_are_no_users_access_token(
    service: Running, app: App, worker: App, issued: token_pb2.Token
) -> None:
    """RFC 8693 section 2.2.2: `invalid_request`."""
    own = (await service.by_secret(app)).access_token
    for token in (own, issued.id_token, issued.refresh_token, issued.access_token[:-8] + "A" * 8):
        await refused(exchange(service, worker, token), "INVALID_REQUEST", "subject_token")


async def test_not_after_the_session_is_over(service: Running, app: App, worker: App, issued: token_pb2.Token) -> None:
    got = await exchange(service, worker, issued.access_token)
    await service.revoke(app, issued.refresh_token)
    for token in (issued.access_token, got.access_token):
        await refused(exchange(service, worker, token), "INVALID_REQUEST", "subject_token")
    # What was exchanged before ends with it.
    assert not (await service.introspect(app, got.access_token)).active


async def test_not_while_the_user_is_disabled(service: Running, worker: App, issued: token_pb2.Token) -> None:
    await service.set_status(issued.user_id, "disabled")
    await refused(exchange(service, worker, issued.access_token), "INVALID_REQUEST", "subject_token")


async def test_not_for_a_superadmin_unless_the_domain_allows_it(own: Running) -> None:
    worker, app = await new_worker(own), await own.web_app(scopes=SCOPES)
    issued = await logged_on(own, app, own.made["user_id"])
    await refused(exchange(own, worker, issued.access_token), "INVALID_REQUEST", "subject_token")
    await own.set_domain("impersonate_superadmins", True)
    got = await exchange(own, worker, issued.access_token)
    assert got.role == "superadmin"


async def test_who_may_not(service: Running, app: App, issued: token_pb2.Token) -> None:
    plain = await service.app(admin_pb2.APP_TYPE_SERVICE)
    await refused(exchange(service, plain, issued.access_token), "UNAUTHORIZED_CLIENT")
    (row,) = [row for row in await service.audit(client_id=plain.client_id) if row["event"] == "token_exchange.refused"]
    assert row["detail"] == f"{plain.client_id} does not hold token.exchange"
    # Whatever it holds, no other type of app.
    holder = await service.web_app(permissions=["token.exchange"])
    await refused(exchange(service, holder, issued.access_token), "UNAUTHORIZED_CLIENT")
    native = await service.native_app()
    await refused(exchange(service, App(native.client_id), issued.access_token), "UNAUTHORIZED_CLIENT")
    idle = await service.app(admin_pb2.APP_TYPE_SERVICE, admit=False, permissions=["token.exchange"])
    await refused(exchange(service, idle, issued.access_token), "UNAUTHORIZED_CLIENT")


async def test_it_is_written_down(service: Running, worker: App, issued: token_pb2.Token) -> None:
    await exchange(service, worker, issued.access_token, scope="FILE.ALL", audience=worker.client_id)
    await refused(exchange(service, worker, "x.y.z"), "INVALID_REQUEST")
    rows = [row for row in await service.audit(client_id=worker.client_id) if row["event"].startswith("token_exchange")]
    assert [(row["event"], row["user_id"], row["actor"], row["detail"]) for row in rows] == [
        ("token_exchange.issued", issued.user_id, worker.client_id, f"FILE.ALL for {worker.client_id}"),
        ("token_exchange.refused", None, None, "subject token: not one of this domain's"),
    ]


@pytest.mark.parametrize("steps", [1, 2])
async def test_it_ends_with_the_app_that_it_came_through(service: Running, worker: App, app: App, steps: int) -> None:
    """docs/adr/0029: what outlived it would be a way around stopping it."""
    token = (await logged_on(service, app, await service.user())).access_token
    for each in [worker, await new_worker(service)][:steps]:
        token = (await exchange(service, each, token)).access_token
    request, other = admin_pb2.DisallowAppRequest(client_id=app.client_id), await service.web_app()
    assert (await service.introspect(other, token)).active
    await service.admin.DisallowApp(request, metadata=await service.operator())
    assert not (await service.introspect(other, token)).active
    await refused(exchange(service, worker, token), "INVALID_REQUEST", "subject_token")
    async with asyncio.timeout(10):
        while await is_good(service, token):
            await asyncio.sleep(0.05)


async def test_it_ends_with_the_service_that_it_came_through(service: Running, worker: App, app: App) -> None:
    issued = await logged_on(service, app, await service.user())
    one = await exchange(service, worker, issued.access_token)
    two = await exchange(service, await new_worker(service), one.access_token)
    request = admin_pb2.DeleteAppRequest(client_id=worker.client_id)
    await service.admin.DeleteApp(request, metadata=await service.operator())
    assert not (await service.introspect(app, two.access_token)).active
    assert (await service.introspect(app, issued.access_token)).active


async def is_good(service: Running, token: str) -> bool:
    try:
        await service.user_info(token)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED, error  # noqa: PT017 no other may pass
        return False
    return True
