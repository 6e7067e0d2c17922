"""Signed requests through the gateway: in the words of each surface, once, and nothing read that was not signed."""

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest_asyncio
from defusedxml import ElementTree
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support import signatures
from tests.support.token_client import TokenClient
from tests.support.world import World

INFO = "/v2/account/get_link_info_by_user_id"
BATCH = "/v3/device/account/batchoperate"
QUERY = "/v3/device/account/query"


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http() as made:
        yield made


def key_of(world: World) -> tuple[str, str]:
    return world.demo["access_key_id"], world.demo["access_key_secret"]


def body_of(world: World) -> bytes:
    return json.dumps({"user_id": world.demo["user_id"]}).encode()


def told(answer: httpx.Response) -> tuple[int, Any]:
    body = answer.json()
    return answer.status_code, body.get("code", body.get("Code", body.get("ret_code")))


FINE = (200, None)


async def test_pds_in_each_scheme(world: World, http: httpx.AsyncClient) -> None:
    key, body = key_of(world), body_of(world)
    host = urlsplit(world.gateway).netloc
    for headers in (
        signatures.acs(*key, INFO),
        signatures.acs4(*key, INFO, body),
        signatures.acs3(*key, INFO, body, host=host),
    ):
        assert told(await http.post(INFO, content=body, headers=headers)) == FINE
        assert told(await http.post(INFO, content=body, headers=headers)) == (403, "SignatureNonceUsed")


async def test_pds_in_its_words(world: World, http: httpx.AsyncClient) -> None:
    (key, secret), body = key_of(world), body_of(world)
    wrong_md5 = base64.b64encode(hashlib.md5(b"").digest()).decode()
    for headers, expected in (
        (signatures.acs("nobody", secret, INFO), (401, "SignatureDoesNotMatch")),
        (signatures.acs(key, "wrong", INFO), (401, "SignatureDoesNotMatch")),
        (signatures.acs(key, secret, INFO, date=signatures.http_date(-1000)), (403, "RequestTimeTooSkewed")),
        (signatures.acs(key, secret, INFO, date="now"), (400, "InvalidTimeStamp.Format")),
        (signatures.acs(key, secret, INFO, date=None), (400, "InvalidParameterMissing")),
        (signatures.acs(key, secret, INFO, content_md5=wrong_md5), (400, "InvalidDigest")),
        (signatures.acs4(key, secret, INFO, body + b" "), (400, "InvalidDigest")),
        (signatures.acs3(key, secret, INFO, body, unsigned=("content-type",)), (400, "IncompleteSignature")),
        ({"authorization": "ACS3-HMAC-SM3 x"}, (401, "AccessTokenInvalid")),
    ):
        answer = await http.post(INFO, content=body, headers=headers)
        assert told(answer) == expected
        assert answer.headers["x-ca-request-id"]
        assert set(answer.json()) == {"code", "message"}


async def test_of_two_gateways_calls_with_one_nonce_one_passes(world: World, http: httpx.AsyncClient) -> None:
    headers, body = signatures.acs(*key_of(world), INFO), body_of(world)
    answers = await asyncio.gather(*(http.post(INFO, content=body, headers=headers) for _ in range(40)))
    assert Counter(map(told, answers)) == {FINE: 1, (403, "SignatureNonceUsed"): 39}


async def test_a_query_that_was_signed_is_not_read(world: World, http: httpx.AsyncClient) -> None:
    """The body says what is done: neither can a query override it, nor stand in for what it lacks."""
    headers = signatures.acs(*key_of(world), INFO, {"user_id": world.demo["user_id"]})
    answer = await http.post(f"{INFO}?user_id={world.demo['user_id']}", content=b"{}", headers=headers)
    assert told(answer) == (400, "InvalidParameterMissing")


async def test_the_rpc_style_reads_what_was_signed(world: World, http: httpx.AsyncClient) -> None:
    key, known = key_of(world), world.demo["identity_id"]
    signed = signatures.rpc(*key, "POST", IdentityId=known)
    for path, form in (
        (f"/?{urlencode(signed)}", {"IdentityId": known}),
        (f"/?{urlencode(signed)}&IdentityId={known}", {}),
        (f"/?{urlencode(signed)}&%49dentityId=other", {}),
        (f"/?{urlencode(signed)}", {"Action": "DeleteOpenAccount"}),
    ):
        assert told(await http.post(path, data=form)) == (400, "InvalidParameter")
    for path in (
        f"/?{urlencode(signed)}&OpenId=",
        f"/?{urlencode(signed | {'IdentityId': 'other'})}",
        f"/?{urlencode(signed | {'Action': 'DeleteOpenAccount'})}",
        f"/?{urlencode(signed)}&identityId=other",
    ):
        assert told(await http.post(path)) == (400, "SignatureDoesNotMatch")
    assert told(await http.post(f"/?{urlencode(signed)}")) == FINE
    assert told(await http.post(f"/?{urlencode(signed)}")) == (400, "SignatureNonceUsed")


async def test_a_form_that_is_none_was_not_signed_and_is_not_read(world: World, http: httpx.AsyncClient) -> None:
    signed = signatures.rpc(*key_of(world), "POST")
    form = urlencode({"IdentityId": world.demo["identity_id"]})
    answer = await http.post(f"/?{urlencode(signed)}", content=form, headers={"content-type": "text/plain"})
    assert told(answer) == (400, "MissingParameter")


async def test_the_rpc_style_in_its_words(world: World, http: httpx.AsyncClient) -> None:
    key, secret = key_of(world)
    for parameters, expected in (
        (signatures.rpc("nobody", secret), (404, "InvalidAccessKeyId.NotFound")),
        (signatures.rpc(key, secret, Timestamp=signatures.iso_date(-1000)), (400, "InvalidTimeStamp.Expired")),
        (signatures.rpc(key, secret, Timestamp="now"), (400, "InvalidTimeStamp.Format")),
        (signatures.rpc(key, secret, AccessKeyId=None), (400, "MissingAccessKeyId")),
        (signatures.rpc(key, secret, Timestamp=None), (400, "MissingTimestamp")),
        (signatures.rpc(key, secret, SignatureNonce=None), (400, "MissingSignatureNonce")),
        (signatures.rpc(key, secret, SignatureVersion=None), (400, "MissingSignatureVersion")),
        (signatures.rpc(key, secret, SignatureVersion="2"), (400, "IncompleteSignature")),
        (signatures.rpc(key, secret, SignatureMethod="MD5"), (400, "InvalidSignatureMethod")),
        (signatures.rpc(key, secret) | {"Signature": ""}, (400, "MissingSignature")),
    ):
        answer = await http.get("/", params=parameters)
        assert told(answer) == expected
        assert set(answer.json()) == {"RequestId", "HostId", "Code", "Message"}
        as_xml = await http.get("/", params=parameters | {"Format": "XML"})
        root = ElementTree.fromstring(as_xml.content)
        assert root.tag == "Error"
        # Another format is another text to sign, where it comes to that.
        assert (as_xml.status_code, root.findtext("Code")) == expected


async def test_what_should_have_been_signed_comes_whole_through_the_gateway(
    world: World, http: httpx.AsyncClient
) -> None:
    parameters = signatures.rpc(world.demo["access_key_id"], "wrong", IdToken='中 ~*+/&=%"<>\\' + "x" * 4000)
    said = (await http.get("/", params=parameters)).json()["Message"]
    signature = parameters.pop("Signature")
    assert signature
    assert said.split(":")[1] == signatures.rpc_text(parameters, "GET")
    assert (
        said
        == f"Specified signature is not matched with our calculation. server string to sign is:{said.split(':')[1]}"
    )


async def test_of_a_long_text_that_should_have_been_signed_the_beginning_comes(
    world: World, http: httpx.AsyncClient
) -> None:
    for form in ("JSON", "XML"):
        parameters = signatures.rpc(world.demo["access_key_id"], "wrong", "POST", Format=form, IdToken="<中>" * 4000)
        answer = await http.post("/", data=parameters)
        assert answer.status_code == 400
        assert "SignatureDoesNotMatch" in answer.text
        del parameters["Signature"]
        assert signatures.rpc_text(parameters, "POST")[:30_000] in answer.text.replace("&amp;", "&")


def bind(account: str) -> bytes:
    token = {"token": f"signed-{account}", "account_list": [{"account": account}]}
    return json.dumps({"operator_type": 2, "token_accounts": [token]}).encode()


async def accounts_of(world: World, http: httpx.AsyncClient, token: str) -> list[str]:
    answer = await http.post(QUERY, json={"operator_type": 2, "token_list": [token]}, auth=world.push())
    return [account["account"] for account in answer.json()["token_accounts"][0]["account_list"]]


async def test_push_backends_sign(world: World, http: httpx.AsyncClient) -> None:
    push = (world.demo["push_access_id"], world.demo["push_secret_key"])
    account = uuid.uuid4().hex
    body = bind(account)
    headers = signatures.sign(*push, body)
    assert told(await http.post(BATCH, content=body, headers=headers)) == (200, 0)
    asked = json.dumps({"operator_type": 2, "token_list": [f"signed-{account}"]}).encode()
    found = await http.post(QUERY, content=asked, headers=signatures.sign(*push, asked))
    assert found.json()["token_accounts"][0]["account_list"][0]["account"] == account
    for content, changed in (
        (body + b" ", headers),
        (body, signatures.sign(*push, body, int(time.time()) - 700)),
        (body, signatures.sign(push[0], "wrong", body)),
        (body, headers | {"sign": ""}),
        (body, headers | {"authorization": "Basic x"}),
    ):
        assert told(await http.post(BATCH, content=content, headers=changed)) == (200, 1008003)


async def test_a_signed_binding_sent_again_changes_nothing(world: World, http: httpx.AsyncClient) -> None:
    push = (world.demo["push_access_id"], world.demo["push_secret_key"])
    token, old, new = (uuid.uuid4().hex for _ in range(3))

    def bind_to(account: str) -> bytes:
        accounts = [{"token": token, "account_list": [{"account": account}]}]
        return json.dumps({"operator_type": 2, "token_accounts": accounts}).encode()

    captured = signatures.sign(*push, bind_to(old))
    assert told(await http.post(BATCH, content=bind_to(old), headers=captured)) == (200, 0)
    assert told(await http.post(BATCH, content=bind_to(new), headers=signatures.sign(*push, bind_to(new)))) == (200, 0)
    for more in ({}, {"idempotency-key": str(uuid.uuid4())}):
        assert told(await http.post(BATCH, content=bind_to(old), headers=captured | more)) == (200, 0)
    assert await accounts_of(world, http, token) == [new]


async def test_a_keys_limits_hold_at_the_gateway(stack: Stack, world: World, http: httpx.AsyncClient) -> None:
    async with world.channel("token") as channel:
        operator = TokenClient(channel, Identities.read(stack.home.identities).as_json())
        caller = await operator.operator()
        made = await operator.admin.CreateAccessKey(
            admin_pb2.CreateAccessKeyRequest(permissions=["account.link"], networks=["127.0.0.0/8"], paths=[INFO]),
            metadata=caller,
        )
        key, body = (made.access_key_id, made.access_key_secret), body_of(world)

        async def ask(path: str = INFO, **headers: str) -> tuple[int, Any]:
            signed = signatures.acs(*key, path)
            return told(await http.post(path, content=body, headers=signed | headers))

        async def change(**fields: Any) -> None:
            noun = nouns_pb2.AccessKey(access_key_id=key[0], **fields)
            await operator.admin.UpdateAccessKey(admin_pb2.UpdateAccessKeyRequest(access_key=noun), metadata=caller)

        async def soon(expected: tuple[int, Any], **headers: str) -> None:
            async with asyncio.timeout(10):
                while await ask(**headers) != expected:
                    await asyncio.sleep(0.05)

        assert await ask() == FINE
        assert await ask("/v2/account/link") == (403, "Forbidden")
        await change(networks=["192.0.2.0/24"])
        await soon((403, "Forbidden"))
        assert await ask(**{"x-forwarded-for": "192.0.2.1"}) == (403, "Forbidden")
        await change(networks=["127.0.0.1"])
        await soon(FINE)
        await change(refuse_acs=True)
        await soon((403, "Forbidden"))
        signed = signatures.acs4(*key, INFO, body)
        assert told(await http.post(INFO, content=body, headers=signed)) == FINE
