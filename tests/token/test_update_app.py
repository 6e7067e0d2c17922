import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.runtime import jws
from tests.support.admin import get_app, revocations, update_app
from tests.support.calls import bearer, refused
from tests.support.token import Running
from tests.support.token_client import REDIRECT_URI, App, TokenClient, content


async def test_what_may_be_changed(service: Running) -> None:
    access_id = (await service.push_app()).access_id
    app = await service.web_app()
    wanted: dict[str, Any] = {
        "name": "Shop",
        "description": "Sells things.",
        "logo": "https://shop.example.com/logo.png",
        "redirect_uris": ["https://shop.example.com/cb"],
        "scopes": ["FILE.ALL"],
        "permissions": ["account.link"],
        "push_access_ids": [access_id],
        "grace": Duration(seconds=0),
        "grace_repeats": 3,
        "repeat_until_used": True,
        "session_idle": Duration(seconds=86_400),
        "session_lifetime": Duration(seconds=2 * 86_400),
        "token_type": "at+jwt",
        "skip_consent": True,
        "device_flow": True,
    }
    before = await get_app(service, app)
    told = await update_app(service, app, *wanted, **wanted)
    assert told == await get_app(service, app)
    for name, value in wanted.items():
        assert getattr(told, name) == value, name
    assert told.etag != before.etag
    assert told.HasField("update_time")
    row = (await service.audit(client_id=app.client_id))[-1]
    assert (row["event"], row["actor"]) == ("app.updated", service.made["operator"]["client_id"])
    assert row["detail"] == ", ".join(sorted(wanted))


async def test_an_app_s_own_settings_reach_its_tokens(service: Running) -> None:
    app = await service.web_app()
    await update_app(service, app, permissions=["account.link"])
    assert content((await service.by_secret(app)).access_token)["permissions"] == ["account.link"]
    await update_app(service, app, scopes=["FILE.ALL"])
    await refused(service.by_secret(app, scope="ACCOUNT.ALL"), "INVALID_SCOPE")


async def test_an_app_asks_for_the_type_of_rfc_9068(service: Running) -> None:
    """Section 2.1. Others get the vendor's; both are believed, with the key's id."""
    web, signer, user_id = await service.web_app(scopes=("openid", "FILE.ALL")), await service.jwt_app(), ""
    for typ in ("JWT", "at+jwt"):
        for app in (web, signer):
            await update_app(service, app, token_type=typ)
        user_id = user_id or await service.user()
        redeemed = await service.redeem(web, await service.code(web, user_id))
        for answer in (
            redeemed,
            await service.refresh(web, redeemed.refresh_token),
            await service.by_secret(web),
            await service.by_assertion(signer, user_id),
        ):
            header = jws.read(answer.access_token).header
            assert (header["typ"], header["alg"], "kid" in header) == (typ, "RS256", True)
            assert (await service.introspect(web, answer.access_token)).active
        assert jws.read(redeemed.id_token).header["typ"] == "JWT"
        assert (await service.user_info(redeemed.access_token)).sub == user_id


async def test_an_empty_mask_changes_what_is_set(service: Running) -> None:
    app = await service.web_app(description="old")
    told = await update_app(service, app, name="new")
    assert (told.name, told.description, list(told.redirect_uris)) == ("new", "old", [REDIRECT_URI])


async def test_a_mask_empties_what_is_not_set(service: Running) -> None:
    app = await service.web_app(description="old")
    told = await update_app(service, app, "description", "redirect_uris", name="ignored")
    assert (told.name, told.description, list(told.redirect_uris)) == ("app", "", [])


async def test_a_star_is_every_field(service: Running) -> None:
    app = await service.web_app(description="old")
    told = await update_app(
        service, app, "*", name="new", grace=Duration(seconds=1), token_type="JWT", session_idle=Duration(seconds=60)
    )
    assert (told.name, told.description, list(told.scopes), told.grace_repeats) == ("new", "", [], 0)
    await refused(update_app(service, app, "*", name="new", token_type="JWT"), "FIELD_MISSING", "app.grace")
    assert not (await update_app(service, app, "session_idle")).HasField("session_idle")


async def test_what_was_answered_may_be_sent_back(service: Running) -> None:
    """What the service alone sets is passed over: nobody admits an app, or gives it a secret, by the way."""
    app = await service.web_app(admit=False)
    known = await get_app(service, app)
    sent = {"type": admin_pb2.APP_TYPE_JWT, "admitted": True, "secrets": known.secrets, "create_time": {"seconds": 1}}
    told = await update_app(service, app, name="new", **sent)
    assert (told.type, told.admitted, told.create_time) == (known.type, False, known.create_time)
    told = await update_app(service, app, "admitted", "type", "etag", "client_id", **sent)
    assert (told.type, told.admitted, told.name) == (known.type, False, "new")


async def test_nothing_changed_is_nothing_written(service: Running) -> None:
    app = await service.web_app()
    before = await get_app(service, app)
    assert await update_app(service, app, name="app") == before
    assert [row["event"] for row in await service.audit(client_id=app.client_id)] == ["app.created", "app.allowed"]


@pytest.mark.parametrize("path", ["nonsense", "grace.seconds", "app.name", "secrets.secret_id", "*.name", "a\0", ""])
async def test_a_mask_of_what_is_not_there(service: Running, path: str) -> None:
    await refused(update_app(service, await service.web_app(), "name", path), "FIELD_INVALID", "update_mask")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "x" * 129}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"description": "x" * 1025}, "description"),
        ({"logo": "http://a.example.com/"}, "logo"),
        ({"logo": "javascript:alert(1)"}, "logo"),
        ({"redirect_uris": ["http://a.example.com/"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.example.com/"] * 21}, "redirect_uris"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"push_access_ids": list(range(101))}, "push_access_ids"),
        ({"grace": Duration(seconds=3601)}, "grace"),
        ({"grace": Duration(seconds=-1)}, "grace"),
        ({"grace": Duration(nanos=1)}, "grace"),
        ({"grace_repeats": -1}, "grace_repeats"),
        ({"grace_repeats": 101}, "grace_repeats"),
        ({"session_idle": Duration(seconds=59)}, "session_idle"),
        ({"session_lifetime": Duration(seconds=315_576_000_000)}, "session_lifetime"),
        ({"token_type": "none"}, "token_type"),
    ],
    ids=str,
)
async def test_values_that_are_not_good(service: Running, fields: dict[str, Any], field: str) -> None:
    app = await service.web_app()
    await refused(update_app(service, app, field, **fields), "FIELD_INVALID", f"app.{field}")


async def test_what_may_not_be_emptied(service: Running) -> None:
    app = await service.web_app()
    await refused(update_app(service, app, "name"), "FIELD_MISSING", "app.name")
    await refused(update_app(service, app, "token_type"), "FIELD_INVALID", "app.token_type")
    await refused(update_app(service, App(""), name="x"), "FIELD_MISSING", "app.client_id")
    call = service.admin.UpdateApp(admin_pb2.UpdateAppRequest(), metadata=await service.operator())
    await refused(call, "FIELD_MISSING", "app")


async def test_an_app_that_is_not_there(service: Running, tenant: TokenClient) -> None:
    for client_id in ("unknown", "a\0b"):
        await refused(update_app(service, App(client_id), name="x"), "NOT_FOUND_APP")
    app = await service.web_app()
    await refused(update_app(tenant, app, name="x"), "NOT_FOUND_APP")
    assert (await get_app(service, app)).name == "app"


async def test_a_push_app_of_somebody_else(service: Running, tenant: TokenClient) -> None:
    theirs = (await tenant.push_app()).access_id
    app = await service.web_app()
    for access_id in (theirs, 1, -(2**63)):
        await refused(update_app(service, app, push_access_ids=[access_id]), "FIELD_INVALID", "push_access_ids")


async def test_an_etag_of_another_state(service: Running) -> None:
    app = await service.web_app()
    etag = (await get_app(service, app)).etag
    await update_app(service, app, name="first", etag=etag)
    for stale in (etag, "x", "AAAA", "ä", '"1"', "A" * 200):
        await refused(update_app(service, app, name="second", etag=stale), "ETAG_MISMATCH")
    assert (await get_app(service, app)).name == "first"


async def test_race_of_two_by_one_etag(service: Running) -> None:
    app = await service.web_app()
    for number in range(5):
        etag = (await get_app(service, app)).etag
        calls = [update_app(service, app, name=f"{number}-{side}", etag=etag) for side in range(8)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        (won,) = [result for result in results if isinstance(result, admin_pb2.App)]
        assert won == await get_app(service, app)
    events = [row["event"] for row in await service.audit(client_id=app.client_id)]
    assert events.count("app.updated") == 5


async def test_race_of_changes_to_different_fields_loses_none(service: Running) -> None:
    app = await service.web_app()
    await asyncio.gather(
        update_app(service, app, name="new"),
        update_app(service, app, description="new"),
        update_app(service, app, grace_repeats=7),
        update_app(service, app, repeat_until_used=True),
    )
    told = await get_app(service, app)
    assert (told.name, told.description, told.grace_repeats, told.repeat_until_used) == ("new", "new", 7, True)


async def test_nobody_gives_what_he_does_not_have(service: Running) -> None:
    app = await service.web_app(scopes=["FILE.ALL"])
    deputy = await service.caller("token.admin")
    for fields in (
        {"permissions": ["account.link"]},
        {"permissions": ["token.domain"]},
        {"scopes": ["ACCOUNT.ALL"]},
        {"push_access_ids": [(await service.push_app()).access_id]},
    ):
        await refused(update_app(service, app, metadata=deputy, **fields), "PERMISSION_DENIED")
    for permission in ("token.mint", "edge.check", "nonsense"):
        await refused(update_app(service, app, permissions=[permission]), "PERMISSION_DENIED")
    told = await update_app(service, app, metadata=deputy, permissions=["token.admin"], scopes=["FILE.ALL", "X.ALL"])
    assert list(told.permissions) == ["token.admin"]


async def test_nobody_takes_over_an_app_that_may_more_than_he(service: Running) -> None:
    """Its codes would go to a redirect URI of his."""
    app = await service.web_app()  # with the scope ACCOUNT.ALL
    deputy = await service.caller("token.admin")
    for fields in ({"redirect_uris": ["https://evil.example/"]}, {"name": "x"}):
        await refused(update_app(service, app, metadata=deputy, **fields), "PERMISSION_DENIED")
    account = App(service.made["account"]["client_id"])
    await refused(update_app(service, account, name="x"), "PERMISSION_DENIED")


async def test_an_app_does_not_bring_back_what_was_taken_from_it(service: Running) -> None:
    app = await service.web_app(permissions=["token.admin", "account.link"], scopes=["FILE.ALL"])
    old = bearer((await service.by_secret(app)).access_token)
    # As where the revocation of its token has not come through yet.
    async with service.database() as database:
        await database.execute("update token.app set permissions = '{token.admin}' where client_id = $1", app.client_id)
    for fields in ({"permissions": ["token.admin", "account.link"]}, {"scopes": ["FILE.ALL", "Y.ALL"]}):
        await refused(update_app(service, app, metadata=old, **fields), "PERMISSION_DENIED")
    # It may go on to give things up.
    assert not (await update_app(service, app, "scopes", metadata=old)).scopes


async def test_what_an_app_loses_no_refresh_brings_back(service: Running) -> None:
    app = await service.web_app()
    issued = await service.redeem(app, await service.code(app, await service.user()))
    await update_app(service, app, scopes=["FILE.ALL"])
    refreshed = await service.refresh(app, issued.refresh_token)
    assert (refreshed.scope, content(refreshed.access_token)["scope"]) == ("FILE.ALL", "FILE.ALL")
    refreshed = await service.refresh(app, refreshed.refresh_token, scope="ACCOUNT.ALL FILE.ALL")
    assert refreshed.scope == "FILE.ALL"


async def test_what_an_app_loses_no_code_brings_back(service: Running) -> None:
    app = await service.web_app(scopes=("openid", "ACCOUNT.ALL", "FILE.ALL"))
    code = await service.code(app, await service.user())
    await update_app(service, app, "scopes", scopes=["FILE.ALL"])
    answer = await service.redeem(app, code)
    assert (answer.scope, content(answer.access_token)["scope"]) == ("FILE.ALL", "FILE.ALL")
    assert not answer.HasField("id_token")


async def test_what_an_app_loses_its_tokens_lose(service: Running) -> None:
    app = await service.web_app(permissions=["account.link"])
    await update_app(service, app, name="new", grace_repeats=1, scopes=["ACCOUNT.ALL", "FILE.ALL", "X.ALL"])
    assert not await revocations(service, app.client_id)
    for number, fields in enumerate(({"scopes": ["FILE.ALL"]}, {"permissions": []})):
        await update_app(service, app, *fields, **fields)
        rows = await revocations(service, app.client_id)
        assert [row["kind"] for row in rows] == ["app"] * (number + 1)
