from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, Running
from tests.support.token_client import content


async def test_an_app_gets_a_token_of_its_own_without_a_session(service: Running) -> None:
    app = await service.web_app(permissions=["account.link", "account.describe"])
    answer = await service.by_secret(app)
    claims = content(answer.access_token)
    assert claims["kind"] == "app"
    assert claims["sub"] == claims["client_id"] == app.client_id
    assert claims["permissions"] == ["account.link", "account.describe"]
    assert claims["userId"] == ""
    assert claims["iss"] == claims["aud"] == ISSUER
    assert not answer.HasField("refresh_token")
    assert answer.user_id == ""
    assert answer.domain_id == DOMAIN
    assert answer.expires_in == 7200
    assert answer.scope == "ACCOUNT.ALL FILE.ALL"


async def test_a_service_is_one(service: Running) -> None:
    app = await service.app(admin_pb2.APP_TYPE_SERVICE, permissions=["binding.read"])
    assert content((await service.by_secret(app)).access_token)["kind"] == "service"


async def test_scopes_are_never_more_than_the_apps(service: Running) -> None:
    app = await service.web_app()
    assert (await service.by_secret(app, scope="FILE.ALL")).scope == "FILE.ALL"
    await refused(service.by_secret(app, scope="FILE.ALL OAUTH.ALL"), "INVALID_SCOPE")
    await refused(service.by_secret(app, scope='FILE"ALL'), "INVALID_SCOPE")
    await refused(service.by_secret(app, scope="FILE.ALL " * 1000), "INVALID_SCOPE")


async def test_types_without_this_grant(service: Running) -> None:
    native = await service.native_app()
    await refused(service.token("client_credentials", client_id=native.client_id), "UNAUTHORIZED_CLIENT")


async def test_a_token_for_a_push_app_is_short_and_speaks_for_nothing_else(service: Running) -> None:
    push = await service.push_app(tokens_per_account=7, append_enabled=True)
    app = await service.web_app(push_access_ids=[push.access_id], permissions=["account.link"])
    answer = await service.by_secret(app, scope=f"push:{push.access_id}")
    claims = content(answer.access_token)
    assert claims["push_app"] == {"id": push.access_id, "tokens_per_account": 7, "append_enabled": True}
    assert claims["permissions"] == ["binding.read", "binding.write"]
    assert claims["scope"] == f"push:{push.access_id}"
    assert answer.expires_in == claims["exp"] - claims["iat"] == 300


async def test_a_push_app_that_is_not_the_clients(service: Running) -> None:
    push, other = await service.push_app(), await service.push_app()
    app = await service.web_app(push_access_ids=[push.access_id])
    await refused(service.by_secret(app, scope=f"push:{other.access_id}"), "INVALID_SCOPE")
    await refused(service.by_secret(app, scope=f"push:{push.access_id} FILE.ALL"), "INVALID_SCOPE")
    await refused(service.by_secret(app, scope=f"push:{push.access_id} push:{other.access_id}"), "INVALID_SCOPE")
    await refused(service.by_secret(app, scope="push:9999999999999999999"), "INVALID_SCOPE")


async def test_what_was_issued_is_written_down(service: Running) -> None:
    app = await service.web_app()
    await service.by_secret(app, scope="FILE.ALL")
    (row,) = [row for row in await service.audit(client_id=app.client_id) if row["event"].startswith("client_cred")]
    assert (row["event"], row["detail"]) == ("client_credentials.issued", "FILE.ALL")
