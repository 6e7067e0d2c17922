import asyncio
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_service_pb2

from services.runtime.auth import EDGE_HEADER
from services.runtime.keys import read_key
from services.token.config import TokenSettings
from tests.support.calls import Metadata, bearer, refused
from tests.support.token import Founded, Running, serving
from tests.support.token_client import basic


async def _check(
    service: Running,
    authorization: str | None,
    *,
    surface: str = "tpns",
    caller: Metadata | None = None,
    **headers: str,
) -> auth_pb2.CheckResponse:
    if authorization is not None:
        headers["authorization"] = authorization
    http = auth_pb2.AttributeContext.HttpRequest(method="POST", path="/v3/device/account/query", headers=headers)
    attributes = auth_pb2.AttributeContext(
        request=auth_pb2.AttributeContext.Request(http=http),
        context_extensions={"surface": surface, "audience": "binding"},
    )
    request = auth_pb2.CheckRequest(attributes=attributes)
    return await service.edge.Check(request, metadata=service.gateway() if caller is None else caller)


async def test_a_push_apps_secret_becomes_the_credential_inside(service: Running) -> None:
    app = await service.push_app(tokens_per_account=3)
    answer = await _check(service, basic(str(app.access_id), app.secret_key), **{EDGE_HEADER: "forged"})
    assert answer.status.code == 0
    (option,) = answer.ok_response.headers
    assert option.header.key == "x-tessera-edge-token"
    assert option.append_action == auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    assert list(answer.ok_response.headers_to_remove) == ["authorization"]
    listed = await service.keys.ListVerificationKeys(token_service_pb2.ListVerificationKeysRequest())
    keys = {key.key_id: read_key(key) for key in listed.keys}
    header = jwt.get_unverified_header(option.header.value)
    assert (header["typ"], header["alg"]) == ("tessera-edge+jwt", "ES256")
    key = keys[header["kid"]]
    claims = jwt.decode(
        option.header.value, key.public_key, ["ES256"], audience="binding", issuer="urn:tessera:edge:bj1"
    )
    assert claims["exp"] - claims["iat"] == 60
    assert (claims["kind"], claims["sub"]) == ("push_app", str(app.access_id))
    assert claims["permissions"] == ["binding.read", "binding.write"]
    assert claims["push_app"] == {"id": app.access_id, "tokens_per_account": 3, "append_enabled": False}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic x",
        "Bearer x",
        "Digest x",
        basic("x", "y"),
        basic("0", "y"),
        basic("9" * 30, "y"),
        basic("\u0661", "y"),
    ],
)
async def test_what_proves_nothing(service: Running, authorization: str | None) -> None:
    _denied(await _check(service, authorization))


async def test_wrong_secrets_and_other_apps(service: Running) -> None:
    app, other = await service.push_app(), await service.push_app()
    for secret in (other.secret_key, app.secret_key[:-1], app.secret_key + "x", "é"):
        _denied(await _check(service, basic(str(app.access_id), secret)))


async def test_a_surface_takes_its_own_schemes_alone(service: Running) -> None:
    app = await service.push_app()
    _denied(await _check(service, basic(str(app.access_id), app.secret_key), surface="pds"))


def _denied(answer: auth_pb2.CheckResponse) -> None:
    assert answer.status.code == 16
    assert answer.denied_response.status.code == 401
    body: dict[str, Any] = json.loads(answer.denied_response.body)
    assert set(body) == {"code", "message", "details"}
    assert body["code"] == 16
    (detail,) = body["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert detail["reason"] == "UNAUTHENTICATED"


async def test_the_gateway_alone_asks(service: Running) -> None:
    await refused(_check(service, None, caller=[]), "UNAUTHENTICATED")
    await refused(_check(service, None, caller=await service.operator()), "PERMISSION_DENIED")
    operator = service.made["operator"]
    header = basic(operator["client_id"], operator["client_secret"])
    await refused(_check(service, None, caller=[("authorization", header)]), "PERMISSION_DENIED")
    gateway = service.made["gateway"]
    wrong = [("authorization", basic(gateway["client_id"], "wrong"))]
    await refused(_check(service, None, caller=wrong), "UNAUTHENTICATED")
    await refused(_check(service, None, caller=[("authorization", "Basic x")]), "UNAUTHENTICATED")


async def test_a_web_app_is_no_gateway(service: Running) -> None:
    app = await service.web_app(permissions=["token.admin"])
    caller = [("authorization", basic(app.client_id, app.secret))]
    await refused(_check(service, None, caller=caller), "UNAUTHENTICATED")
    await refused(
        _check(service, None, caller=bearer((await service.by_secret(app)).access_token)), "PERMISSION_DENIED"
    )


async def test_a_line_is_written_of_what_is_refused_and_of_nothing_else(service: Running) -> None:
    """What passes has its line where it goes."""
    app = await service.push_app()
    with capture_logs() as lines:
        assert (await _check(service, basic(str(app.access_id), app.secret_key))).status.code == 0
        await _check(service, basic(str(app.access_id), "hunter2"))
        await refused(_check(service, None, caller=[]), "UNAUTHENTICATED")
        # The caller may have its answer before the line is written.
        async with asyncio.timeout(30):
            while not any(line["event"] == "refused" for line in lines):
                await asyncio.sleep(0.01)
    of_credential, of_call = [line for line in lines if line["event"] in ("answered", "refused", "credential refused")]
    assert (of_credential["event"], of_credential["surface"], of_credential["reason"]) == (
        *("credential refused", "tpns"),
        "UNAUTHENTICATED",
    )
    assert "hunter2" not in str(lines)
    assert (of_call["event"], of_call["method"]) == ("refused", "/envoy.service.auth.v3.Authorization/Check")


async def test_who_was_the_gateway_is_asked_for_each_call(own: Running) -> None:
    app = await own.push_app()
    credential = basic(str(app.access_id), app.secret_key)
    assert (await _check(own, credential)).status.code == 0
    request = admin_pb2.DisallowAppRequest(client_id=own.made["gateway"]["client_id"])
    await own.admin.DisallowApp(request, metadata=await own.operator())
    await refused(_check(own, credential), "UNAUTHENTICATED")


async def test_a_push_app_that_asks_too_often_is_told_so(founded: Founded, own_settings: TokenSettings) -> None:
    async with serving(replace(own_settings, calls_per_second=1), founded.made) as service:
        app, other = await service.push_app(), await service.push_app()
        answers = [await _check(service, basic(str(app.access_id), app.secret_key)) for _ in range(10)]
        assert answers[0].status.code == 0
        refusals = [answer for answer in answers if answer.status.code]
        assert len(refusals) >= 5
        assert refusals[0].denied_response.status.code == 429
        assert "RATE_LIMITED" in refusals[0].denied_response.body
        # Nobody else, and a wrong secret counts against nobody.
        assert (await _check(service, basic(str(other.access_id), other.secret_key))).status.code == 0
        _denied(await _check(service, basic(str(other.access_id), "wrong")))
