"""What a device without a browser begins with: RFC 8628 sections 3.1, 3.2 and 6.1."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_service_pb2 as pb2

from services.runtime.ids import uuid7
from services.token.actions import create_device_authorization
from services.token.model import (
    Domain,
    NewDeviceAuthorization,
    entered_user_code,
    new_user_code,
    shown_user_code,
)
from services.token.store import Store
from tests.support.admin import update_app
from tests.support.calls import refused
from tests.support.token import CLIENT_ASSERTION, ISSUER, Running
from tests.support.token_client import App, TokenClient, basic, new_p256
from tests.token.test_create_app import UNSEEN


@pytest.fixture
async def app(service: Running) -> App:
    return await service.native_app(device_flow=True)


async def test_what_a_device_is_told(service: Running, app: App) -> None:
    begun = await service.device(app, device_name="TV")
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", begun.user_code)
    assert len(begun.device_code) == 64
    assert begun.verification_uri == f"{ISSUER}/logon/device"
    assert begun.verification_uri_complete == f"{ISSUER}/logon/device?user_code={begun.user_code}"
    assert (begun.expires_in, begun.interval) == (600, 5)


async def test_codes_differ_and_are_kept_hashed(service: Running, app: App) -> None:
    begun = [await service.device(app) for _ in range(3)]
    assert len({each.user_code for each in begun} | {each.device_code for each in begun}) == 6
    async with service.database() as database:
        rows = await database.fetch("select to_jsonb(d)::text line from token.device_authorization d")
    text = " ".join(row["line"] for row in rows)
    assert not any(each.user_code.replace("-", "") in text or each.device_code in text for each in begun)


async def test_a_domain_that_shares_its_host_is_named_on_the_page(service: Running, tenant: TokenClient) -> None:
    app = await tenant.native_app(device_flow=True)
    begun = await service.device(app)
    page = f"{ISSUER}/logon/device?domain_id=tenant"
    assert begun.verification_uri == page
    assert begun.verification_uri_complete == f"{page}&user_code={begun.user_code}"
    # A code is its domain's alone.
    await refused(service.asked(begun.user_code), "NOT_FOUND_DEVICE_AUTHORIZATION")
    assert (await service.asked(begun.user_code, domain_id="tenant")).client_id == app.client_id


async def test_how_a_client_proves_itself(service: Running) -> None:
    web, key = await service.web_app(device_flow=True), new_p256()
    signer = await service.app(admin_pb2.APP_TYPE_WEB_SERVER, key=key, device_flow=True)
    request = pb2.CreateDeviceAuthorizationRequest
    await service.device(web)
    by_basic = [("authorization", basic(web.client_id, web.secret))]
    await service.tokens.CreateDeviceAuthorization(request(), metadata=by_basic)
    claims = service.claims(signer.client_id, sub=signer.client_id, aud=ISSUER)
    signed = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signer.sign(claims, "ES256")}
    await service.tokens.CreateDeviceAuthorization(request(**signed))
    for bad in (
        {"client_id": web.client_id},
        {"client_id": web.client_id, "client_secret": "wrong"},
        {"client_id": "unknown"},
        {},
    ):
        await refused(service.tokens.CreateDeviceAuthorization(request(**bad)), "INVALID_CLIENT")
    # A client that proves itself stands in the log; a stranger does not.
    events = [row["event"] for row in await service.audit(client_id=web.client_id)]
    assert events.count("device_authorization.created") == 2


async def test_a_stranger_makes_no_rows_in_the_log(service: Running, app: App) -> None:
    before = await service.audit(client_id=app.client_id)
    await service.device(app)
    await refused(service.device(app, scope="OAUTH.ALL"), "INVALID_SCOPE")
    assert await service.audit(client_id=app.client_id) == before


async def test_apps_that_may_not(service: Running) -> None:
    for app in (
        await service.native_app(),
        await service.web_app(),
        await service.native_app(device_flow=True, admit=False),
        await service.app(admin_pb2.APP_TYPE_WEB_BROWSER, device_flow=True),
        await service.jwt_app(device_flow=True),
    ):
        await refused(service.device(app), "UNAUTHORIZED_CLIENT")


async def test_who_loses_the_switch_gets_no_tokens(service: Running, app: App) -> None:
    code = await service.approved(app, await service.user())
    await update_app(service, app, "device_flow")
    await refused(service.poll(app, code), "UNAUTHORIZED_CLIENT")
    await update_app(service, app, device_flow=True)
    await service.poll(app, code)


async def test_fields_that_are_not_good(service: Running, app: App) -> None:
    bad: dict[str, Any] = {"device_name": "x" * 129, "device_id": "a\nb", "client_secret": "x" * 5000}
    for field, value in bad.items():
        parameters = {"client_id": app.client_id, field: value}
        request = pb2.CreateDeviceAuthorizationRequest(**parameters)
        await refused(service.tokens.CreateDeviceAuthorization(request), "FIELD_INVALID", field)
    await service.device(app, device_name="居室の電視 📺" + "x" * 119)
    for unseen in UNSEEN:
        await refused(service.device(app, device_name=f"TV{unseen}"), "FIELD_INVALID", "device_name")


async def test_a_code_is_taken_by_one_until_it_expires(service: Running) -> None:
    def new(now: datetime) -> NewDeviceAuthorization:
        return NewDeviceAuthorization(
            domain_id="bj1",
            authorization_id=uuid7(now),
            device_code_hash=b"device",
            user_code_hash=b"taken",
            client_id="app",
            scopes=(),
            device_id="",
            device_name="",
            now=now,
            expires_at=now + create_device_authorization.LIFETIME,
        )

    now = service.clock.now()
    async with service.database(connections=10) as database:
        store = Store(database)
        taken = await asyncio.gather(*(store.create_device_authorization(new(now), None) for _ in range(20)))
        assert sorted(taken) == [False] * 19 + [True]
        assert not await store.create_device_authorization(new(now + timedelta(minutes=9)), None)
        assert await store.create_device_authorization(new(now + timedelta(minutes=11)), None)


async def test_strangers_use_none_of_a_domains_grants_up(own: Running) -> None:
    app = await own.native_app(device_flow=True)
    await own.set_domain("grants_per_second", 1)
    await asyncio.gather(*(own.device(app) for _ in range(20)))


@pytest.mark.parametrize(
    "text",
    [
        *("bcdf-ghjk", "BCDFGHJK", " b c d f g h j k ", "BCDF_GHJK", "bcdf.ghjk\n"),
        *("bcdf\u2013ghjk", "\u2018BCDF\u2019GHJK"),
    ],
)
def test_what_somebody_enters(text: str) -> None:
    """RFC 8628 section 6.1: whatever stands between the letters, in either case."""
    assert entered_user_code(text) == "BCDFGHJK"


@pytest.mark.parametrize(
    "text",
    [
        *("", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-FGHJ", "1234-5678", "BCDF-GHJ\u0664"),
        # Letters of another width.
        "\uff42\uff43\uff44\uff46\uff47\uff48\uff4a\uff4b",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert entered_user_code(text) is None


def test_new_codes_are_of_all_letters() -> None:
    codes = {new_user_code() for _ in range(500)}
    assert len(codes) == 500
    assert len(set("".join(codes))) == 20
    assert all(entered_user_code(shown_user_code(code).lower()) == code for code in codes)


def test_where_the_page_stands() -> None:
    own = Domain("bj2", "https://bj2.example.com", ())
    shared = Domain("bj2", "https://id.example.com/d/bj2", ())
    page = create_device_authorization.verification_uri
    assert page(own) == "https://bj2.example.com/logon/device"
    assert page(shared) == "https://id.example.com/logon/device?domain_id=bj2"
