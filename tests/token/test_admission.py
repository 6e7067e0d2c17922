"""Which type of app may use which grant, and prove itself in which way: the whole table, accepted and refused."""

from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.token.actions.phases.admission import DEVICE_CODE, TOKEN_EXCHANGE
from tests.support.calls import Metadata, refusal_in
from tests.support.token import CLIENT_ASSERTION, ISSUER, JWT_BEARER, Running
from tests.support.token_client import REDIRECT_URI, App, basic, new_p256

WEB_SERVER, WEB_BROWSER = admin_pb2.APP_TYPE_WEB_SERVER, admin_pb2.APP_TYPE_WEB_BROWSER
NATIVE, JWT, SERVICE = admin_pb2.APP_TYPE_NATIVE, admin_pb2.APP_TYPE_JWT, admin_pb2.APP_TYPE_SERVICE
CODE, REFRESH, CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
GRANTS = (CODE, "code", REFRESH, JWT_BEARER, CREDENTIALS, TOKEN_EXCHANGE, DEVICE_CODE)

USES = {
    WEB_SERVER: {CODE, "code", REFRESH, CREDENTIALS, DEVICE_CODE},
    WEB_BROWSER: {CODE, "code", REFRESH},
    NATIVE: {CODE, "code", REFRESH, DEVICE_CODE},
    JWT: {JWT_BEARER, REFRESH},
    SERVICE: {CREDENTIALS, TOKEN_EXCHANGE},
}
PROVES = {
    WEB_SERVER: {"basic", "post", "assertion"},
    WEB_BROWSER: {"id"},
    NATIVE: {"id"},
    JWT: {"id", "assertion"},
    SERVICE: {"basic", "post", "assertion"},
}
NAMES = admin_pb2.AppType.Name


async def made(service: Running, app_type: int, *, key: Any = None, admit: bool = True) -> App:
    fields: dict[str, Any] = {"redirect_uris": [REDIRECT_URI]} if CODE in USES[app_type] else {}
    if app_type == SERVICE:
        fields |= {"permissions": ["token.exchange"], "scopes": []}
    if app_type == JWT:
        key = key or new_p256()
    return await service.app(app_type, key=key, admit=admit, device_flow=True, **fields)


async def reason(service: Running, grant: str, metadata: Metadata | None = None, **proof: str) -> str:
    """Why a grant without any parameter of its own is refused; empty where it is answered."""
    try:
        await service.token(grant, metadata=metadata, **proof)
    except grpc.aio.AioRpcError as error:
        return refusal_in(error).reason
    return ""


def by_what_it_has(app: App) -> dict[str, str]:
    return {"client_id": app.client_id} | ({"client_secret": app.secret} if app.secret else {})


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("app_type", USES, ids=NAMES)
async def test_grants(service: Running, app_type: int, grant: str) -> None:
    why = await reason(service, grant, **by_what_it_has(await made(service, app_type)))
    if grant not in USES[app_type]:
        assert why == "UNAUTHORIZED_CLIENT"
    else:
        # It is asked for what the grant is about.
        assert why == ("" if grant == CREDENTIALS else "FIELD_MISSING")


@pytest.mark.parametrize("app_type", USES, ids=NAMES)
async def test_no_grant_for_an_app_that_is_not_admitted(service: Running, app_type: int) -> None:
    app = await made(service, app_type, admit=False)
    for grant in GRANTS:
        assert await reason(service, grant, **by_what_it_has(app)) == "UNAUTHORIZED_CLIENT"


@pytest.mark.parametrize("way", ["id", "basic", "post", "assertion"])
@pytest.mark.parametrize("app_type", USES, ids=NAMES)
async def test_ways_of_proof(service: Running, app_type: int, way: str) -> None:
    signs = way == "assertion" and way in PROVES[app_type]
    app = await made(service, app_type, key=new_p256() if signs else None)
    secret, key = app.secret or "x", app.key or new_p256()
    signed = App(app.client_id, key=key).sign(service.claims(app.client_id, sub=app.client_id, aud=ISSUER), "ES256")
    proof = {
        "id": {"client_id": app.client_id},
        "basic": {"metadata": [("authorization", basic(app.client_id, secret))]},
        "post": {"client_id": app.client_id, "client_secret": secret},
        "assertion": {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signed},
    }[way]
    why = await reason(service, min(USES[app_type] - {CREDENTIALS}), **proof)
    assert why == ("FIELD_MISSING" if way in PROVES[app_type] else "INVALID_CLIENT")
