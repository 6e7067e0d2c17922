from typing import Any

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import bearer, refused
from tests.support.token import Running
from tests.support.token_client import RSA_KEY, new_p256, public_pem
from tests.token.test_redirect_uris import NO_HOSTS

# What nobody sees of a name, or what turns what is beside it: an override and an isolate, of no width, a mark, a tag.
UNSEEN = ("\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u061c", "\u00ad", "\U000e0041")


@pytest.mark.parametrize(
    ("app_type", "fields", "has_secret"),
    [
        (admin_pb2.APP_TYPE_WEB_SERVER, {}, True),
        (admin_pb2.APP_TYPE_SERVICE, {}, True),
        (admin_pb2.APP_TYPE_SERVICE, {"key": new_p256()}, False),
        (admin_pb2.APP_TYPE_WEB_BROWSER, {}, False),
        (admin_pb2.APP_TYPE_NATIVE, {}, False),
        (admin_pb2.APP_TYPE_JWT, {"key": RSA_KEY}, False),
    ],
)
async def test_which_types_have_a_secret(
    service: Running, app_type: int, fields: dict[str, Any], has_secret: bool
) -> None:
    app = await service.app(app_type, **fields)
    assert bool(app.secret) == has_secret


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"type": 77}, "type"),
        ({"redirect_uris": ["/relative"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.example.com/#x"]}, "redirect_uris"),
        ({"redirect_uris": ["http://a.example.com/"]}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["data:text/html,x"]}, "redirect_uris"),
        ({"redirect_uris": ["https://"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a b"]}, "redirect_uris"),
        ({"redirect_uris": ["https://[x"]}, "redirect_uris"),
        *[({"redirect_uris": [f"https://{host}/cb"]}, "redirect_uris") for host in NO_HOSTS],
        *[({"name": f"Shop{unseen}"}, "name") for unseen in UNSEEN],
        ({"redirect_uris": ["https://a.example.com"] * 21}, "redirect_uris"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"scopes": ["a,b"]}, "scopes"),
        ({"scopes": [f"s{number}" for number in range(51)]}, "scopes"),
        ({"public_key_pem": "x"}, "public_key_pem"),
        ({"push_access_ids": [1]}, "push_access_ids"),
        ({"push_access_ids": [-(2**63)]}, "push_access_ids"),
    ],
    ids=str,
)
async def test_fields_that_are_not_good(service: Running, fields: dict[str, Any], field: str) -> None:
    request = admin_pb2.CreateAppRequest(**({"name": "a", "type": admin_pb2.APP_TYPE_WEB_SERVER} | fields))
    reason = "FIELD_MISSING" if fields.get(field) == "" else "FIELD_INVALID"
    await refused(service.admin.CreateApp(request, metadata=await service.operator()), reason, field)


async def test_redirect_uris_that_are_good(service: Running) -> None:
    uris = ["https://a.example.com/?x=1", "http://127.0.0.1:8000/cb", "http://[::1]/", "com.example.app:/cb"]
    await service.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=uris)


async def test_a_jwt_app_brings_a_key(service: Running) -> None:
    request = admin_pb2.CreateAppRequest(name="a", type=admin_pb2.APP_TYPE_JWT)
    call = service.admin.CreateApp(request, metadata=await service.operator())
    await refused(call, "FIELD_MISSING", "public_key_pem")


async def test_nobody_gives_what_he_does_not_have(service: Running) -> None:
    for permission in ("token.mint", "edge.check", "nonsense"):
        await refused(service.web_app(permissions=[permission]), "PERMISSION_DENIED")
    deputy = await service.caller("token.admin")
    request = admin_pb2.CreateAppRequest(
        name="a", type=admin_pb2.APP_TYPE_WEB_SERVER, permissions=["token.admin", "account.link"]
    )
    await refused(service.admin.CreateApp(request, metadata=deputy), "PERMISSION_DENIED")


async def test_who_may_not_make_apps(service: Running) -> None:
    request = admin_pb2.CreateAppRequest(name="a", type=admin_pb2.APP_TYPE_WEB_SERVER)
    await refused(service.admin.CreateApp(request), "UNAUTHENTICATED")
    user = await service.by_assertion(await service.jwt_app(), await service.user())
    await refused(service.admin.CreateApp(request, metadata=bearer(user.access_token)), "PERMISSION_DENIED")


async def test_a_scope_opens_no_more_than_the_caller_may(service: Running) -> None:
    """Whoever makes an app that signs for users would else get, through one of them, what he was not given."""
    caller = await service.caller("token.admin", "token.audit")
    request = admin_pb2.CreateAppRequest(
        name="a", type=admin_pb2.APP_TYPE_JWT, public_key_pem=public_pem(RSA_KEY), scopes=["ACCOUNT.ALL"]
    )
    await refused(service.admin.CreateApp(request, metadata=caller), "PERMISSION_DENIED")
    request.scopes[:] = ["OAUTH.ALL", "FILE.ALL"]
    await service.admin.CreateApp(request, metadata=caller)


async def test_a_push_app_is_reached_by_who_may_bind(service: Running) -> None:
    access_id = (await service.push_app()).access_id
    caller = await service.caller("token.admin")
    request = admin_pb2.CreateAppRequest(name="a", type=admin_pb2.APP_TYPE_SERVICE, push_access_ids=[access_id])
    await refused(service.admin.CreateApp(request, metadata=caller), "PERMISSION_DENIED")
    may_bind = await service.caller("token.admin", "binding.read", "binding.write")
    await service.admin.CreateApp(request, metadata=may_bind)


@pytest.mark.parametrize("uri", ["https://x\\\\@evil.example", "https://x@evil.example/", "http://127.0.0.1:x/"])
async def test_a_redirect_uri_that_reads_two_ways(service: Running, uri: str) -> None:
    request = admin_pb2.CreateAppRequest(name="a", type=admin_pb2.APP_TYPE_WEB_SERVER, redirect_uris=[uri])
    await refused(service.admin.CreateApp(request, metadata=await service.operator()), "FIELD_INVALID")


SECP112R1 = """\
-----BEGIN PUBLIC KEY-----
MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAEUghgoUGXlt6hw/wfWxWwiZL9xgFUdoS2
v+tPaQ==
-----END PUBLIC KEY-----
"""


async def test_a_curve_that_nobody_has(service: Running) -> None:
    request = admin_pb2.CreateAppRequest(name="a", type=admin_pb2.APP_TYPE_JWT, public_key_pem=SECP112R1)
    await refused(service.admin.CreateApp(request, metadata=await service.operator()), "FIELD_INVALID")


async def test_a_superadmin_may(service: Running) -> None:
    app = await service.web_app(scopes=["OAUTH.ALL"])
    superadmin = await service.redeem(app, await service.code(app, service.made["user_id"]))
    request = admin_pb2.CreateAppRequest(
        name="a", type=admin_pb2.APP_TYPE_JWT, public_key_pem=public_pem(RSA_KEY), permissions=["token.admin"]
    )
    made = await service.admin.CreateApp(request, metadata=bearer(superadmin.access_token))
    (row,) = await service.audit(client_id=made.client_id)
    assert (row["event"], row["actor"]) == ("app.created", service.made["user_id"])
