import json
from typing import Any

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.auth import ROLES
from tests.support.calls import bearer, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, content

PROOF = token_pb2.Proof(method="link", identity="13900001234")


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


async def _issue(service: Running, user_id: str, client_id: str, **changed: Any) -> token_pb2.Token:
    fields = {"domain_id": DOMAIN, "user_id": user_id, "client_id": client_id, "proof": PROOF} | changed
    request = token_service_pb2.IssueTokenRequest(**fields)
    return await service.mint.IssueToken(request, metadata=await service.minter())


# What an admin may.
ADMINS = tuple(sorted(permission for permission in ROLES["admin"] if not permission.endswith(".own")))


def _actor(
    subject: str = "app", role: str = "", scopes: tuple[str, ...] = (), permissions: tuple[str, ...] = ()
) -> token_pb2.Actor:
    return token_pb2.Actor(subject=subject, role=role, scopes=scopes, permissions=permissions)


async def test_tokens_for_the_user_itself(service: Running, app: App) -> None:
    user_id = await service.user(role="admin")
    answer = await _issue(service, user_id, app.client_id)
    claims = content(answer.access_token)
    assert (answer.user_id, answer.role, answer.scope) == (user_id, "admin", "ACCOUNT.ALL FILE.ALL")
    assert "act" not in claims
    assert (await service.refresh(app, answer.refresh_token)).role == "admin"


@pytest.mark.parametrize(
    ("of_user", "of_actor", "granted"),
    [
        ("user", "", "user"),
        ("admin", "", "user"),
        ("admin", "user", "user"),
        ("admin", "superadmin", "admin"),
        ("user", "superadmin", "user"),
    ],
)
async def test_the_role_is_at_most_the_actors(
    service: Running, app: App, of_user: str, of_actor: str, granted: str
) -> None:
    user_id = await service.user(role=of_user)
    somebody = service.made["user_id"] if of_actor == "superadmin" else await service.user(role=of_actor or "user")
    answer = await _issue(service, user_id, app.client_id, actor=_actor(somebody, of_actor))
    claims = content(answer.access_token)
    assert answer.role == json.loads(claims["customJson"])["role"] == granted
    assert claims["act"] == {"sub": somebody}
    if of_actor != "superadmin":
        # Who may not act for others, or no more, does not go on.
        await refused(service.refresh(app, answer.refresh_token), "INVALID_REFRESH_TOKEN")
        return
    again = content((await service.refresh(app, answer.refresh_token)).access_token)
    assert (again["act"], json.loads(again["customJson"])["role"]) == ({"sub": somebody}, granted)


@pytest.mark.parametrize(
    ("permissions", "granted"), [((), "user"), (ADMINS[:2], "user"), (ADMINS, "admin"), (("token.admin",), "user")]
)
async def test_without_a_role_the_permissions_decide(
    service: Running, app: App, permissions: tuple[str, ...], granted: str
) -> None:
    user_id = await service.user(role="admin")
    answer = await _issue(service, user_id, app.client_id, actor=_actor("key", permissions=permissions))
    assert answer.role == granted


async def test_the_scopes_are_those_of_both(service: Running, app: App) -> None:
    user_id = await service.user()
    answer = await _issue(service, user_id, app.client_id, actor=_actor("u", "admin", ("FILE.ALL", "OAUTH.ALL")))
    assert answer.scope == "FILE.ALL"
    answer = await _issue(service, user_id, app.client_id, actor=_actor("key"))
    assert answer.scope == "ACCOUNT.ALL FILE.ALL"


async def test_superadmins_are_not_impersonated(service: Running, app: App) -> None:
    superadmin = service.made["user_id"]
    for actor in (_actor("key"), _actor("somebody", "superadmin"), _actor(superadmin)):
        await refused(_issue(service, superadmin, app.client_id, actor=actor), "IMPERSONATION_REFUSED")
    # Acting for oneself is not impersonation.
    answer = await _issue(service, superadmin, app.client_id, actor=_actor(superadmin, "superadmin"))
    assert answer.role == "superadmin"
    assert "act" not in content(answer.access_token)


async def test_unless_the_domain_allows_it(own: Running) -> None:
    async with own.database() as database:
        await database.execute("update token.domain set impersonate_superadmins = true")
    app = await own.web_app()
    answer = await _issue(own, own.made["user_id"], app.client_id, actor=_actor("key", permissions=ADMINS))
    assert answer.role == "admin"
    refusal = _issue(
        own, own.made["user_id"], app.client_id, actor=_actor("key", permissions=ADMINS), refuse_superadmins=True
    )
    await refused(refusal, "IMPERSONATION_REFUSED")


async def test_through_an_access_key(service: Running) -> None:
    user_id = await service.user()
    request = admin_pb2.CreateAccessKeyRequest(permissions=["account.link"])
    key = await service.admin.CreateAccessKey(request, metadata=await service.operator())
    answer = await _issue(service, user_id, key.access_key_id, actor=_actor(key.access_key_id))
    assert "ACCOUNT.ALL" in answer.scope.split()
    assert content(answer.access_token)["client_id"] == key.access_key_id


async def test_users_and_clients_that_are_not_there(service: Running, app: App) -> None:
    user_id = await service.user()
    await refused(_issue(service, "nobody", app.client_id), "NOT_FOUND_USER")
    await refused(_issue(service, user_id, "unknown"), "UNAUTHORIZED_CLIENT")
    await refused(_issue(service, user_id, (await service.web_app(admit=False)).client_id), "UNAUTHORIZED_CLIENT")
    await refused(_issue(service, user_id, app.client_id, domain_id="bj2"), "NOT_FOUND_DOMAIN")
    await refused(_issue(service, "a\0b", app.client_id), "FIELD_INVALID", "user_id")
    await refused(_issue(service, user_id, app.client_id, proof=token_pb2.Proof()), "FIELD_MISSING", "proof.method")
    await refused(_issue(service, user_id, app.client_id, actor=_actor("u", "root")), "FIELD_INVALID", "actor.role")
    await service.set_status(user_id, "disabled")
    await refused(_issue(service, user_id, app.client_id), "USER_DISABLED")


async def test_the_proof_is_written_down(service: Running, app: App) -> None:
    user_id = await service.user()
    await _issue(service, user_id, app.client_id, actor=_actor("key"))
    (row,) = [row for row in await service.audit(user_id=user_id) if row["event"] == "issue_token.issued"]
    assert (row["actor"], row["proof_method"], row["proof_identity"]) == ("key", "link", "13900001234")


async def test_who_may_not_mint(service: Running, app: App) -> None:
    request = token_service_pb2.IssueTokenRequest(domain_id=DOMAIN, user_id="u", client_id=app.client_id, proof=PROOF)
    for caller in (await service.operator(), bearer((await service.by_secret(app)).access_token)):
        await refused(service.mint.IssueToken(request, metadata=caller), "PERMISSION_DENIED")
    await refused(service.mint.IssueToken(request), "UNAUTHENTICATED")
    # The gateway's secret opens the gateway's call and no other.
    await refused(service.mint.IssueToken(request, metadata=service.gateway()), "PERMISSION_DENIED")
