"""The vendor's way to a user's tokens: docs/adr/0011 says what they are at most."""

import json

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2

from services.runtime.auth import EDGE_HEADER, EDGE_TYPE, ROLES
from services.runtime.vault import Vault
from services.token.keys import EDGE, Keyring
from services.token.store import Store
from tests.support.calls import Metadata, bearer, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, content

ADMINS = tuple(sorted(permission for permission in ROLES["admin"] if not permission.endswith(".own")))
SCOPES = ("ACCOUNT.ALL", "FILE.ALL", "USER.ALL")


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app(permissions=ADMINS, scopes=SCOPES)


async def calls(service: Running, app: App, **parameters: str) -> Metadata:
    return bearer((await service.by_secret(app, **parameters)).access_token)


async def test_tokens_of_a_user(service: Running, app: App) -> None:
    user_id = await service.user(role="admin", user_name="ada")
    got = await service.access_token(await calls(service, app), user_id)
    claims = content(got.access_token)
    assert (got.user_id, got.user_name, got.role, got.scope) == (user_id, "ada", "admin", " ".join(SCOPES))
    assert (claims["sub"], claims["client_id"], claims["act"]) == (user_id, app.client_id, {"sub": app.client_id})
    again = content((await service.refresh(app, got.refresh_token)).access_token)
    assert again["act"] == {"sub": app.client_id}


async def test_the_role_is_at_most_what_the_caller_holds(service: Running) -> None:
    app = await service.web_app(permissions=["token.impersonate"])
    got = await service.access_token(await calls(service, app), await service.user(role="admin"))
    assert got.role == json.loads(content(got.access_token)["customJson"])["role"] == "user"


async def test_the_scopes_are_those_of_app_and_token(service: Running, app: App) -> None:
    got = await service.access_token(await calls(service, app, scope="FILE.ALL"), await service.user())
    assert got.scope == "FILE.ALL"


async def test_a_user_who_is_an_administrator(service: Running, app: App) -> None:
    admin = await service.user(role="admin")
    issued = await service.redeem(app, await service.code(app, admin, scope="ACCOUNT.ALL FILE.ALL"))
    got = await service.access_token(bearer(issued.access_token), await service.user(role="admin"))
    assert (got.role, got.scope, content(got.access_token)["act"]) == (
        "admin",
        "ACCOUNT.ALL FILE.ALL",
        {"sub": admin},
    )


async def test_who_acts_in_the_end_stays_named(service: Running, app: App) -> None:
    admin = await service.access_token(await calls(service, app), await service.user(role="admin"))
    got = await service.access_token(bearer(admin.access_token), await service.user())
    assert content(got.access_token)["act"] == {"sub": app.client_id}


async def test_an_access_key_whose_request_the_gateway_verified(service: Running) -> None:
    """Its scopes are the domain's: it has none of its own."""
    request = admin_pb2.CreateAccessKeyRequest(permissions=["token.impersonate"])
    key_id = (await service.admin.CreateAccessKey(request, metadata=await service.operator())).access_key_id
    got = await service.access_token(await by_edge(service, "token", key_id), await service.user(role="admin"))
    claims = content(got.access_token)
    assert (claims["client_id"], claims["act"], got.role) == (key_id, {"sub": key_id}, "user")
    assert {"ACCOUNT.ALL", "FILE.ALL"} <= set(got.scope.split())
    for_another = await by_edge(service, "account", key_id)
    await refused(service.access_token(for_another, await service.user()), "UNAUTHENTICATED")


async def by_edge(service: Running, audience: str, key_id: str) -> Metadata:
    """What the edge makes of an access key's signed request."""
    async with service.database() as database:
        store = Store(database)
        keyring = Keyring(
            store.select_signing_keys, store.select_changed_signing_keys, Vault(service.settings.master_key.secret)
        )
        await keyring.ask()
    key, now = keyring.active(DOMAIN, EDGE), service.clock.timestamp()
    who = {"kind": "access_key", "sub": key_id, "client_id": key_id, "permissions": ["token.impersonate"]}
    return [(EDGE_HEADER, key.sign({"iss": key.issuer, "aud": audience, "iat": now, "exp": now + 60} | who, EDGE_TYPE))]


async def test_superadmins_are_not_impersonated(service: Running, app: App) -> None:
    await refused(service.access_token(await calls(service, app), service.made["user_id"]), "IMPERSONATION_REFUSED")


async def test_users_that_are_not_there(service: Running, app: App) -> None:
    caller, user_id = await calls(service, app), await service.user()
    await refused(service.access_token(caller, "nobody"), "NOT_FOUND_USER")
    await refused(service.access_token(caller, ""), "FIELD_MISSING", "user_id")
    await refused(service.access_token(caller, "a b"), "FIELD_INVALID", "user_id")
    await service.set_status(user_id, "disabled")
    await refused(service.access_token(caller, user_id), "USER_DISABLED")


async def test_who_may_not(service: Running, app: App) -> None:
    user_id = await service.user()
    own = await service.redeem(app, await service.code(app, user_id))
    unable = await service.caller("account.link")
    for caller in (bearer(own.access_token), unable, service.gateway()):
        await refused(service.access_token(caller, user_id), "PERMISSION_DENIED")
    await refused(service.access_token([], user_id), "UNAUTHENTICATED")


async def test_it_is_written_down(service: Running, app: App) -> None:
    user_id = await service.user()
    await service.access_token(await calls(service, app), user_id)
    await refused(service.access_token(await calls(service, app), service.made["user_id"]), "IMPERSONATION_REFUSED")
    rows = [row for row in await service.audit(actor=app.client_id) if row["event"].startswith("get_access_token")]
    assert [(row["event"], row["user_id"], row["proof_method"], row["detail"]) for row in rows] == [
        ("get_access_token.issued", user_id, "impersonation", None),
        ("get_access_token.refused", service.made["user_id"], "impersonation", "superadmin"),
    ]


async def test_the_vendors_answer(service: Running, app: App) -> None:
    got: token_pb2.Token = await service.access_token(await calls(service, app), await service.user())
    vendors = ("access_token", "refresh_token", "expires_in", "expire_time", "role", "token_type", "user_id")
    assert all(getattr(got, name) for name in vendors)
